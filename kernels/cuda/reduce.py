"""Launches kernels/cuda/reduce.cu: adds the partial sums of the blocks of another kernel."""

from ...runtime.backend import array_module
from .launch import LINES, WARP, ceil_div, launch


def column_sums(x):
    """The sums (c,) of the columns of x (n, c); nothing is launched if x has one row."""
    if x.shape[0] == 1:
        return x[0]
    out = array_module(x).empty(x.shape[1], x.dtype)
    grid, block = (ceil_div(x.shape[1], WARP),), (WARP, LINES)
    launch("reduce", "column_sums", grid, block, x, out, *x.shape)
    return out
