"""The CUDA versions of the kernels on rows, and the random ones."""

from __future__ import annotations

from ...runtime.backend import array_module
from .launch import LINES, PACK, WARP, ceil_div, launch, tiles


def gather_rows(x, rows, out):
    """See reference.gather_rows."""
    launch("rows", "gather_rows", *tiles(*out.shape, PACK), x, rows, out, *out.shape)
    return out


def segment_sum(values, index, n_segments):
    """See reference.segment_sum."""
    h, m = values.shape
    out = array_module(values).empty((h, n_segments), values.dtype)
    grid, block = (ceil_div(n_segments, WARP), ceil_div(h, LINES)), (WARP, LINES)
    sizes = h, m, index.shape[0], n_segments
    launch("rows", "segment_sum", grid, block, values, index, out, *sizes)
    return out
