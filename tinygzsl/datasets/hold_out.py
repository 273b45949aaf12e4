"""Holding out a share of every class's samples, by a seed and not by the order of the rows."""

import numpy as np

from ..nn import random
from ..nn.random import Purpose


def hold_out_rows(
    y: np.ndarray, share: float, seed: int, purpose: Purpose = Purpose.HOLD_OUT
) -> np.ndarray:
    """A mask (n,) that holds out the share of every class, at least one sample and never all."""
    held = np.zeros(y.shape[0], bool)
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        count = min(max(1, round(share * rows.size)), rows.size - 1)
        order = random.permutation(np, seed, int(c), purpose, rows.size)
        held[rows[order[:count]]] = True
    return held
