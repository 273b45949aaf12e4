"""The CUDA versions of the kernels of a training step: Adam, activations, critic, losses."""

from __future__ import annotations

from ..backend import array_module
from .cuda import LINES, PACK, THREADS, UNITS, WARP, ceil_div, flat, launch, strips, tiles, warps


def adam_update(p, g, m, v, rate, beta1, beta2, eps, bad, step):
    """See reference.adam_update."""
    constants = rate, beta1, 1 - beta1, beta2, 1 - beta2, eps
    launch("adam", "adam_update", *flat(p.size), p, g, m, v, *constants, bad, step, p.size)


def bias_activation(s, b, slope):
    """See reference.bias_activation."""
    launch("activation", "bias_activation", *tiles(*s.shape, PACK), s, b, slope, *s.shape)
    return s


def activation_gradient(dy, y, slope):
    """See reference.activation_gradient."""
    xp, ds = array_module(dy), array_module(dy).empty_like(dy)
    grid, block = strips(*dy.shape)
    db = xp.empty((grid[0], dy.shape[1]), dy.dtype)
    launch("activation", "activation_gradient", grid, block, dy, y, slope, ds, db, *dy.shape)
    return ds, column_sums(db)


def column_sums(x):
    """The sums (c,) of the columns of x (n, c), which for one row are that row."""
    if x.shape[0] == 1:
        return x[0]
    out = array_module(x).empty(x.shape[1], x.dtype)
    grid, block = (ceil_div(x.shape[1], WARP),), (WARP, LINES)
    launch("reduce", "column_sums", grid, block, x, out, *x.shape)
    return out


def critic_epilogue(s, table, index, alpha, w_out, slope, delta):
    """See reference.critic_epilogue."""
    xp, (units, n) = array_module(s), (s.shape[0], alpha.shape[0])
    grid, block = warps(ceil_div(units, UNITS))
    scores, dw_out = xp.empty((grid[0], 2 * n), s.dtype), xp.empty_like(w_out)
    arrays = s, table, index, alpha, w_out, slope, delta, dw_out, scores
    launch("critic", "critic_epilogue", grid, block, *arrays, units, n, table.shape[1])
    return column_sums(scores), dw_out


def penalty_epilogue(t, s, slope):
    """See reference.penalty_epilogue."""
    dw_out, (units, n) = array_module(t).empty(t.shape[0], t.dtype), t.shape
    sizes = units, n, s.shape[1]
    launch("critic", "penalty_epilogue", *warps(units), t, s, slope, dw_out, *sizes)
    return dw_out


def gradient_penalty(g, weight):
    """See reference.gradient_penalty."""
    norm, (n, d) = array_module(g).empty(g.shape[0], g.dtype), g.shape
    scale = 2 * weight / max(n, 1)
    launch("critic", "gradient_penalty", (n,), (THREADS,), g, scale, norm, d)
    return norm


def entropy_hinge(entropy, n_seen, gamma, weight):
    """See reference.entropy_hinge."""
    xp, n = array_module(entropy), entropy.shape[0]
    loss, dentropy = xp.empty((), entropy.dtype), xp.empty_like(entropy)
    arguments = entropy, loss, dentropy, gamma, weight, n_seen, n
    launch("hinge", "entropy_hinge", (1,), (THREADS,), *arguments)
    return loss, dentropy


def squared_error(x, target, scale, weight):
    """See reference.squared_error."""
    xp, dx = array_module(x), array_module(x).empty_like(x)
    grid, block = flat(x.size)
    parts, loss = xp.empty(grid[0], x.dtype), xp.empty((), x.dtype)
    twice = 2 * scale * weight
    launch("squared", "squared_error", grid, block, x, target, twice, dx, parts, x.size)
    launch("reduce", "total", (1,), (THREADS,), parts, loss, scale, grid[0])
    return loss, dx
