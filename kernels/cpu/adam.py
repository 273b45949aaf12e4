"""Adam in one pass: 28 bytes move per float32 parameter (p, g, m, v read; p, m, v written)."""

import math

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split
from .fastexp import magnitude

LEAST = 1 << 17  # minimum elements per thread


def adam_update(p, g, m, v, rate, beta1, beta2, eps, bad, step):
    """p, g, m, v of one shape, p, m and v in place: the whole update in one pass over the flat
    arrays, which threads share. The same pass checks p for NaN and inf.
    """
    kind = p.dtype.type
    p, g, m, v = (a.reshape(-1) for a in (p, g, m, v))
    constants = kind(rate), kind(beta1), kind(1 - beta1), kind(beta2), kind(1 - beta2), kind(eps)

    def part(low, high):
        return _adam(p[low:high], g[low:high], m[low:high], v[low:high], *constants)

    if not all(split(part, p.size, least=LEAST)) and not bad[0]:
        bad[0] = step


@compiled
def _adam(p, g, m, v, rate, beta1, rest1, beta2, rest2, eps):
    limit = magnitude(p.dtype.type(np.inf))
    top = magnitude(p.dtype.type(0))
    for i in range(p.size):
        mi = beta1 * m[i] + rest1 * g[i]
        vi = beta2 * v[i] + rest2 * g[i] * g[i]
        m[i] = mi
        v[i] = vi
        p[i] -= rate * mi / (math.sqrt(vi) + eps)
        top = max(top, magnitude(p[i]))
    return top < limit
