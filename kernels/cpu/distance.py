"""Euclidean distances: the work before and after their matrix product."""

import math

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split

LEAST = 1 << 16  # minimum elements per thread


def centered_rows(x, center):
    """x (n, m), center (m,) -> u (n, m), squares (n,): both in one pass, threads share the rows."""
    u, squares = np.empty_like(x), np.empty(x.shape[0], x.dtype)

    def part(low, high):
        _centered(x[low:high], center, u[low:high], squares[low:high])

    split(part, x.shape[0], least=LEAST // max(x.shape[1], 1))
    return u, squares


@compiled
def _centered(x, center, u, squares):
    for i in range(x.shape[0]):
        square = x.dtype.type(0)
        for j in range(x.shape[1]):
            difference = x[i, j] - center[j]
            u[i, j] = difference
            square += difference * difference
        squares[i] = square


def negative_distances(products, u_squared, v_squared):
    """products (n, c) in place, u_squared (n,), v_squared (c,): one pass without a matrix of
    squares, threads share the rows.
    """

    def part(low, high):
        _distances(products[low:high], u_squared[low:high], v_squared)

    split(part, products.shape[0], least=LEAST // max(products.shape[1], 1))
    return products


@compiled
def _distances(products, u_squared, v_squared):
    zero, two = products.dtype.type(0), products.dtype.type(2)
    for i in range(products.shape[0]):
        for j in range(products.shape[1]):
            square = u_squared[i] + v_squared[j] - two * products[i, j]
            products[i, j] = -math.sqrt(zero if square < zero else square)  # eqs. 1 and 2
