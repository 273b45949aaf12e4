"""The CUDA versions of the kernels on rows, and the random ones."""

from __future__ import annotations

from ..backend import array_module
from .cuda import LINES, PACK, THREADS, WARP, ceil_div, launch, tiles, warps
from .reference_random import LOW


def philox_words(out, seed, step, purpose):
    """See reference.philox_words."""
    return _random("philox_words", out, seed, step, purpose)


def philox_integers(out, high, seed, step, purpose):
    """See reference.philox_integers."""
    return _random("philox_integers", out, seed, step, purpose, high)


def philox_uniform(out, seed, step, purpose):
    """See reference.philox_uniform."""
    return _random("philox_uniform", out, seed, step, purpose)


def philox_normal(out, seed, step, purpose):
    """See reference.philox_normal."""
    return _random("philox_normal", out, seed, step, purpose)


def _random(kernel, out, seed, step, purpose, *before):
    """Four words or numbers a thread."""
    counter_and_key = step & LOW, step >> 32, int(purpose), seed & LOW, seed >> 32
    grid = (ceil_div(out.size, 4 * THREADS),)
    launch("philox", kernel, grid, (THREADS,), out, *before, *counter_and_key, out.size)
    return out


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


def scale_rows(x, shift, scale, unit_rows, out):
    """See reference.scale_rows."""
    bad = array_module(x).zeros(1, "int32")
    arrays = x, shift, scale, bool(unit_rows), out, bad
    launch("scale", "scale_rows", *warps(x.shape[0]), *arrays, *x.shape)
    return (bad == 0).reshape(())


def centered_rows(x, center):
    """See reference.centered_rows."""
    xp, (n, m) = array_module(x), x.shape
    u, squares = xp.empty_like(x), xp.empty(n, x.dtype)
    launch("distance", "centered_rows", *warps(n), x, center, u, squares, n, m)
    return u, squares


def negative_distances(products, u_squared, v_squared):
    """See reference.negative_distances."""
    arrays = products, u_squared, v_squared
    launch("distance", "negative_distances", *tiles(*products.shape), *arrays, *products.shape)
    return products
