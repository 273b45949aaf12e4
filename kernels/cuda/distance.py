"""The CUDA versions of the kernels on rows, and the random ones."""

from __future__ import annotations

from ...runtime.backend import array_module
from .launch import launch, tiles, warps


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
