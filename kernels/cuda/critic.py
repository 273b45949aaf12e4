"""Launches kernels/cuda/critic.cu: the work between the matrix products of a critic's step."""

from ...runtime.backend import array_module
from .launch import THREADS, UNITS, ceil_div, launch, warps
from .reduce import column_sums


def critic_epilogue(s, table, index, alpha, w_out, slope, delta):
    """s (units, 2n) in place, delta (units, 3n) written -> scores (2n,), dw_out (units,): one pass,
    a warp for UNITS units, a lane for a sample; column_sums adds the blocks' scores.
    """
    xp, (units, n) = array_module(s), (s.shape[0], alpha.shape[0])
    grid, block = warps(ceil_div(units, UNITS))
    scores, dw_out = xp.empty((grid[0], 2 * n), s.dtype), xp.empty_like(w_out)
    arrays = s, table, index, alpha, w_out, slope, delta, dw_out, scores
    launch("critic", "critic_epilogue", grid, block, *arrays, units, n, table.shape[1])
    return column_sums(scores), dw_out


def penalty_epilogue(t, s, slope):
    """t (units, n), s (units, 2n) -> dw_out (units,): one pass, a warp sums its unit."""
    dw_out, (units, n) = array_module(t).empty(t.shape[0], t.dtype), t.shape
    sizes = units, n, s.shape[1]
    launch("critic", "penalty_epilogue", *warps(units), t, s, slope, dw_out, *sizes)
    return dw_out


def gradient_penalty(g, weight):
    """g (n, d) in place -> norm (n,): a block per row, whose second pass finds it in the cache."""
    norm, (n, d) = array_module(g).empty(g.shape[0], g.dtype), g.shape
    scale = 2 * weight / max(n, 1)
    launch("critic", "gradient_penalty", (n,), (THREADS,), g, scale, norm, d)
    return norm
