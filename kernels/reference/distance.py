"""Negative Euclidean distances: the work before and after their matrix product."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module


def centered_rows(x: Array, center: Array) -> tuple[Array, Array]:
    """u = x - center (n, m) for x (n, m) and center (m,), and the squared lengths (n,) of u."""
    u = x - center
    return u, (u * u).sum(axis=1)


def negative_distances(products: Array, u_squared: Array, v_squared: Array) -> Array:
    """Replace the inner products <u_i, v_j> (n, c) by -|u_i - v_j| and return them.

    u_squared (n,) and v_squared (c,) are squared lengths. The distance is 0 where rounding makes
    its square negative.
    """
    xp = array_module(products, u_squared, v_squared)
    squares = u_squared[:, None] + v_squared - 2 * products
    products[...] = -xp.sqrt(xp.maximum(squares, 0))  # eqs. 1 and 2
    return products
