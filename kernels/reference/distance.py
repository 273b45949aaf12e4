"""Negative Euclidean distances, around a product of matrices."""

from __future__ import annotations

from ...runtime.backend import Array, array_module


def centered_rows(x: Array, center: Array) -> tuple[Array, Array]:
    """u = x - center (n, m) for x (n, m) and center (m,), and the squared lengths (n,) of u."""
    u = x - center
    return u, (u * u).sum(axis=1)


def negative_distances(products: Array, u_squared: Array, v_squared: Array) -> Array:
    """-|u_i - v_j| over the inner products <u_i, v_j> (n, c), from squared lengths (n,) and (c,).

    Where rounding makes a square negative, the distance is 0.
    """
    xp = array_module(products, u_squared, v_squared)
    squares = u_squared[:, None] + v_squared - 2 * products
    products[...] = -xp.sqrt(xp.maximum(squares, 0))  # eqs. 1 and 2
    return products
