"""Launches kernels/cuda/distance.cu: Euclidean distances before and after their matrix product."""

from ...runtime.backend import array_module
from .launch import launch, tiles, warps


def centered_rows(x, center):
    """x (n, m), center (m,) -> u (n, m), squares (n,): both in one pass, a warp per row."""
    xp, (n, m) = array_module(x), x.shape
    u, squares = xp.empty_like(x), xp.empty(n, x.dtype)
    launch("distance", "centered_rows", *warps(n), x, center, u, squares, n, m)
    return u, squares


def negative_distances(products, u_squared, v_squared):
    """products (n, c) in place, u_squared (n,), v_squared (c,): one pass, a thread has one column
    and loops over the rows.
    """
    arrays = products, u_squared, v_squared
    launch("distance", "negative_distances", *tiles(*products.shape), *arrays, *products.shape)
    return products
