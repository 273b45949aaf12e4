"""Rows picked by index, and columns summed by index."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module


def gather_rows(x: Array, rows: Array, out: Array) -> Array:
    """Copy the rows `rows` (n,) int64 of x (N, d) into out (n, d); returns out."""
    out[...] = x[rows]
    return out


def segment_sum(values: Array, index: Array, n_segments: int) -> Array:
    """Sums (r, n_segments) of the first c columns of values (r, m) by index (c,) int64, c <= m.

    Column i is added to segment index[i]; a segment without columns is 0.
    """
    xp = array_module(values, index)
    chosen = (index[:, None] == xp.arange(n_segments)).astype(values.dtype)
    return values[:, : index.shape[0]] @ chosen
