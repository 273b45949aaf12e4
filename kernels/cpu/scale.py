"""Features scaled by columns and rows, and checked for NaN and inf in the same pass."""

import math

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split
from .fastexp import magnitude

LEAST = 1 << 16  # minimum elements per thread


def scale_rows(x, shift, scale, unit_rows, out):
    """x (n, d), shift and scale (d,) -> out (n, d), finite (): a row is checked, scaled and divided
    by its length while it is in the cache; threads share the rows.
    """

    def part(low, high):
        return _scale(x[low:high], shift, scale, bool(unit_rows), out[low:high])

    return np.asarray(all(split(part, x.shape[0], least=LEAST // max(x.shape[1], 1))))


@compiled
def _scale(x, shift, scale, unit_rows, out):
    zero = x.dtype.type(0)
    limit, top = magnitude(x.dtype.type(np.inf)), magnitude(zero)
    for i in range(x.shape[0]):
        # Separate loops: out may be x, and a loop that writes to what it reads doesn't vectorise.
        for j in range(x.shape[1]):
            top = max(top, magnitude(x[i, j]))
        for j in range(x.shape[1]):
            out[i, j] = (x[i, j] - shift[j]) * scale[j]
        if unit_rows:
            square = zero
            for j in range(x.shape[1]):
                square += out[i, j] * out[i, j]
            norm = math.sqrt(square)
            if norm > 0:
                for j in range(x.shape[1]):
                    out[i, j] /= norm
    return top < limit
