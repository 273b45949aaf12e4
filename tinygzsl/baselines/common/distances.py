"""Squared distances of prototypes."""

from __future__ import annotations

import numpy as np

from ...runtime.array import Array


def squared_distances(a: Array, b: Array) -> Array:
    """Return |a_i - b_j|^2 (C, S) for a (C, k) and b (S, k), in float64; 0 for equal rows."""
    b = b.astype("float64")
    return np.stack([((row - b) ** 2).sum(axis=1) for row in a.astype("float64")])
