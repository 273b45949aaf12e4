"""The element-wise work between the matrix products of a critic step (tinygzsl/critic.py).

A row is a hidden unit of the critic, a column a sample: the products are faster in this
orientation, and every thread works on rows of its own. w_out (units,) are the critic's output
weights, delta is [delta~, delta, v] of MATH.md's step 5.
"""

import math

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split

LEAST = 1 << 15  # minimum elements per thread


def critic_epilogue(s, table, index, alpha, w_out, slope, delta):
    """s (units, 2n) in place, delta (units, 3n) written -> scores (2n,), dw_out (units,): one pass
    without temporary arrays. Threads share the units; their parts of the scores are added.
    """
    slope = s.dtype.type(slope)
    dw_out = np.empty_like(w_out)

    def part(low, high):
        rows = slice(low, high)
        scores = np.zeros(s.shape[1], s.dtype)
        samples = s[rows], table[rows], index, alpha
        _epilogue(*samples, w_out[rows], slope, delta[rows], dw_out[rows], scores)
        return scores

    return sum(split(part, s.shape[0], least=LEAST // max(s.shape[1], 1))), dw_out


@compiled
def _epilogue(s, table, index, alpha, w_out, slope, delta, dw_out, scores):
    n = alpha.size
    one, share = s.dtype.type(1), s.dtype.type(1) / s.dtype.type(n)
    for r in range(s.shape[0]):
        up, down = w_out[r], w_out[r] * slope
        total = s.dtype.type(0)
        for i in range(n):
            offset = table[r, index[i]]
            fake, real = s[r, i] + offset, s[r, n + i] + offset
            mixed = alpha[i] * real + (one - alpha[i]) * fake
            h_fake = fake if fake > 0 else slope * fake
            h_real = real if real > 0 else slope * real
            s[r, i] = mixed
            s[r, n + i] = real
            delta[r, i] = share * (up if fake > 0 else down)  # eq. 6
            delta[r, n + i] = -share * (up if real > 0 else down)  # eq. 6
            delta[r, 2 * n + i] = up if mixed > 0 else down  # eq. 6
            scores[i] += w_out[r] * h_fake
            scores[n + i] += w_out[r] * h_real
            total += h_fake - h_real
        dw_out[r] = share * total


def penalty_epilogue(t, s, slope):
    """t (units, n), s (units, 2n) -> dw_out (units,): one pass, threads share the units."""
    slope = t.dtype.type(slope)
    dw_out = np.empty(t.shape[0], t.dtype)

    def part(low, high):
        _penalty_epilogue(t[low:high], s[low:high], slope, dw_out[low:high])

    split(part, t.shape[0], least=LEAST // max(t.shape[1], 1))
    return dw_out


@compiled
def _penalty_epilogue(t, s, slope, dw_out):
    for r in range(t.shape[0]):
        total = t.dtype.type(0)
        for i in range(t.shape[1]):
            total += t[r, i] if s[r, i] > 0 else slope * t[r, i]
        dw_out[r] = total


def gradient_penalty(g, weight):
    """g (n, d) in place -> norm (n,): a row's length, then the row is replaced by u while it is in
    the cache; threads share the samples.
    """
    norm = np.empty(g.shape[0], g.dtype)
    scale = g.dtype.type(2 * weight / max(g.shape[0], 1))

    def part(low, high):
        _gradient_penalty(g[low:high], scale, norm[low:high])

    split(part, g.shape[0], least=LEAST // max(g.shape[1], 1))
    return norm


@compiled
def _gradient_penalty(g, scale, norm):
    zero, one = g.dtype.type(0), g.dtype.type(1)
    for i in range(g.shape[0]):
        square = zero
        for j in range(g.shape[1]):
            square += g[i, j] * g[i, j]
        norm[i] = math.sqrt(square)
        factor = scale * (one - one / norm[i]) if norm[i] > 0 else zero  # eq. 6
        for j in range(g.shape[1]):
            g[i, j] *= factor
