"""Bias and piecewise-linear activation of a layer, forward (in place) and backward."""

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split

LEAST = 1 << 17  # minimum elements per thread


def bias_activation(s, b, slope):
    """s (n, units) in place, b (units,): sum and activation in one pass, threads share the rows."""
    slope = s.dtype.type(slope)
    split(lambda low, high: _forward(s[low:high], b, slope), s.shape[0], least=_least(s))
    return s


def activation_gradient(dy, y, slope):
    """dy, y (n, units) -> ds (n, units), db (units,) in one pass; every thread sums db over its
    own rows, and these sums are added.
    """
    slope = dy.dtype.type(slope)
    ds = np.empty_like(dy)

    def part(low, high):
        db = np.zeros(dy.shape[1], dy.dtype)
        _backward(dy[low:high], y[low:high], slope, ds[low:high], db)
        return db

    return ds, sum(split(part, dy.shape[0], least=_least(dy)))


def _least(x):
    return LEAST // max(x.shape[1], 1)


@compiled
def _forward(s, b, slope):
    for i in range(s.shape[0]):
        for j in range(s.shape[1]):
            y = s[i, j] + b[j]
            s[i, j] = y if y > 0 else slope * y


@compiled
def _backward(dy, y, slope, ds, db):
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            ds[i, j] = dy[i, j] if y[i, j] > 0 else slope * dy[i, j]
            db[j] += ds[i, j]
