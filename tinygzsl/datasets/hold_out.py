"""Holding out a share of every class's samples, by a seed and not by the order of the rows."""

import numpy as np

from ..nn import random
from ..nn.random import Purpose


def hold_out_rows(
    y: np.ndarray, *, share: float, seed: int, purpose: Purpose, draw: int = 0
) -> np.ndarray:
    """A mask (n,) that holds out the share of every class, at least one sample and never all.

    y (n,) are class indices. purpose says who holds out, and draw which of its draws this is: each
    pair has random numbers of its own.
    """
    held = np.zeros(y.shape[0], bool)
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        count = min(max(1, round(share * rows.size)), rows.size - 1)
        order = random.permutation(np, seed, (draw << 32) + int(c), purpose, rows.size)
        held[rows[order[:count]]] = True
    return held
