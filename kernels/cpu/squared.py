"""Squared distance of two matrices and its gradient in one pass."""

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split

LEAST = 1 << 17  # minimum elements per thread


def squared_error(x, target, scale, weight):
    """x, target (n, d) -> loss (), dx (n, d): both in one pass; a row is summed in the arrays'
    dtype, the rows in float64. Threads share the rows.
    """
    dx = np.empty_like(x)
    double = x.dtype.type(2 * scale * weight)

    def part(low, high):
        return _squared_error(x[low:high], target[low:high], double, dx[low:high])

    total = sum(split(part, x.shape[0], least=LEAST // max(x.shape[1], 1)))
    return np.asarray(scale * total, x.dtype), dx  # eqs. 3 and 4


@compiled
def _squared_error(x, target, double, dx):
    total = 0.0  # in float64; a row's sum keeps the dtype, so that its loop vectorises fully
    for i in range(x.shape[0]):
        square = x.dtype.type(0)
        for j in range(x.shape[1]):
            difference = x[i, j] - target[i, j]
            square += difference * difference
            dx[i, j] = double * difference  # eqs. 3 and 4
        total += square
    return total
