"""Rows of length 1 and the cosine between pairs of rows, with their gradients."""

from __future__ import annotations

import numpy as np

from ...runtime.array import Array


def unit_rows_forward(x: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return x (n, m) with every row scaled to length 1; rows of zeros stay zeros."""
    norm = np.sqrt((x * x).sum(axis=1, keepdims=True))
    unit = x / np.where(norm > 0, norm, 1).astype(x.dtype)
    return unit, (unit, norm)


def unit_rows_backward(dunit: Array, cache: tuple[Array, Array]) -> Array:
    """Return dx (n, m): the part of dunit orthogonal to each row, divided by the row's length.

    It is 0 for rows of zeros.
    """
    unit, norm = cache
    across = dunit - unit * (unit * dunit).sum(axis=1, keepdims=True)
    return np.where(norm > 0, across / np.where(norm > 0, norm, 1), 0).astype(unit.dtype)
