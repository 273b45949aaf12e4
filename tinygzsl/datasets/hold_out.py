"""Stratified hold-out sets: a share of every class's samples, drawn by a seed."""

import numpy as np

from ..nn import random
from ..nn.random import Purpose


def hold_out_rows(
    y: np.ndarray, *, share: float, seed: int, purpose: Purpose, draw: int = 0
) -> np.ndarray:
    """Return a mask (n,) of the held-out rows: the share of every class in y (n,).

    At least one sample of each class is held out, and at least one is not. y (n,) are class
    indices. Each pair of purpose (the caller) and draw (its number) has its own random numbers.
    """
    held = np.zeros(y.shape[0], bool)
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        count = min(max(1, round(share * rows.size)), rows.size - 1)
        order = random.permutation(
            np, rows.size, seed=seed, step=(draw << 32) + int(c), purpose=purpose
        )
        held[rows[order[:count]]] = True
    return held
