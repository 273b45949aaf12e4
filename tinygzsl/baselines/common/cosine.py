"""Rows of length 1 and the cosine between pairs of rows, with their gradients."""

from __future__ import annotations

import numpy as np


def unit_rows_forward(x: np.ndarray) -> tuple[np.ndarray, tuple]:
    """x (n, m) with every row scaled to length 1; rows of zeros stay."""
    norm = np.sqrt((x * x).sum(axis=1, keepdims=True))
    unit = x / np.where(norm > 0, norm, 1).astype(x.dtype)
    return unit, (unit, norm)


def unit_rows_backward(dunit: np.ndarray, cache: tuple) -> np.ndarray:
    """dx (n, m): the part of dunit across each row, divided by its length; 0 for rows of zeros."""
    unit, norm = cache
    across = dunit - unit * (unit * dunit).sum(axis=1, keepdims=True)
    return np.where(norm > 0, across / np.where(norm > 0, norm, 1), 0).astype(unit.dtype)
