"""Launches kernels/cuda/rows.cu: rows picked by index, columns summed by index."""

from ...runtime.backend import array_module
from .launch import LINES, PACK, WARP, ceil_div, launch, tiles


def gather_rows(x, rows, out):
    """x (N, d), rows (n,) -> out (n, d): 16 bytes at a time where rows are aligned; x may be in
    pinned host memory.
    """
    n, d = out.shape
    launch("rows", "gather_rows", *tiles(n, d, PACK), x, rows, out, n, d)
    return out


def segment_sum(values, index, n_segments):
    """values (r, m), index (c,) -> sums (r, n_segments): a thread per sum, which adds its columns
    in order.
    """
    h, m = values.shape
    out = array_module(values).empty((h, n_segments), values.dtype)
    grid, block = (ceil_div(n_segments, WARP), ceil_div(h, LINES)), (WARP, LINES)
    sizes = h, m, index.shape[0], n_segments
    launch("rows", "segment_sum", grid, block, values, index, out, *sizes)
    return out
