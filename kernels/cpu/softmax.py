"""Softmax, its entropy and its losses, row by row.

In a row z = logits - max, t = sum e^z and u = sum z e^z, as in kernels/reference/softmax.py.
compiled_in_order keeps the order of additions: if log t or H were first added to a large maximum,
rounding would lose them.
"""

import math

import numpy as np

from ...runtime.compiled import compiled, compiled_in_order
from ...runtime.threads import split
from .fastexp import exp, largest

LEAST = 1 << 15  # minimum elements per thread
BLOCK = 1 << 12  # elements that fit the first-level cache


def log_softmax_entropy(logits):
    """logits (n, c) -> log_p (n, c), entropy (n,): row by row, exp by kernels/cpu/fastexp.py in
    float32; e^z is summed but not stored.
    """
    log_p, entropy = np.empty_like(logits), np.empty(logits.shape[0], logits.dtype)

    def part(low, high):
        _log_softmax_entropy(logits[low:high], log_p[low:high], entropy[low:high])

    split(part, logits.shape[0], least=_least(logits))
    return log_p, entropy


def softmax_loss_forward(logits, y):
    """logits (n, c), y (l,) -> cross (l,), entropy, top, log_t (n,): log_p isn't stored."""
    entropy, top, log_t = np.empty((3, logits.shape[0]), logits.dtype)
    cross = np.empty(y.shape[0], logits.dtype)

    def part(low, high):
        rows = slice(low, high)
        _forward(logits[rows], y[rows], cross[rows], entropy[rows], top[rows], log_t[rows])

    split(part, logits.shape[0], least=_least(logits))
    return cross, entropy, top, log_t


def softmax_loss_backward(logits, y, entropy, top, log_t, dce, dentropy):
    """logits (n, c) -> dlogits (n, c): p is recomputed from top and log_t in the same loop."""
    dlogits = np.empty_like(logits)

    def part(low, high):
        at = slice(low, high)
        rows = (a[at] for a in (logits, y, entropy, top, log_t, dce, dentropy, dlogits))
        _backward(*rows)

    split(part, logits.shape[0], least=_least(logits))
    return dlogits


def softmax_loss(logits, y, dce, dentropy):
    """logits (n, c) -> cross (l,), entropy (n,), dlogits (n, c): e^z is computed once, into
    dlogits, for as many rows as BLOCK holds, and the gradient replaces it in place.
    """
    cross, entropy = np.empty(y.shape[0], logits.dtype), np.empty(logits.shape[0], logits.dtype)
    dlogits = np.empty_like(logits)

    def part(low, high):
        at = slice(low, high)
        rows = (a[at] for a in (logits, y, dce, dentropy, cross, entropy, dlogits))
        _loss(*rows)

    split(part, logits.shape[0], least=_least(logits))
    return cross, entropy, dlogits


def _least(logits):
    return LEAST // max(logits.shape[1], 1)


@compiled
def sums(row, top):
    """t and u of a row whose maximum is top."""
    t = u = row.dtype.type(0)
    for j in range(row.size):
        z = row[j] - top
        e = exp(z)
        t += e
        u += z * e
    return t, u


@compiled
def exponentials(row, top, e):
    """t and u of a row whose maximum is top; e^z goes into e."""
    t = u = row.dtype.type(0)
    for j in range(row.size):
        z = row[j] - top
        e[j] = exp(z)
        t += e[j]
        u += z * e[j]
    return t, u


@compiled_in_order
def _log_softmax_entropy(logits, log_p, entropy):
    for i in range(logits.shape[0]):
        row = logits[i]
        top = largest(row)
        t, u = sums(row, top)
        log_t = math.log(t)
        entropy[i] = log_t - u / t
        for j in range(row.size):
            log_p[i, j] = (row[j] - top) - log_t


@compiled_in_order
def _forward(logits, y, cross, entropy, top, log_t):
    for i in range(logits.shape[0]):
        row = logits[i]
        top[i] = largest(row)
        t, u = sums(row, top[i])
        log_t[i] = math.log(t)
        entropy[i] = log_t[i] - u / t
        if i < y.size:
            cross[i] = log_t[i] - (row[y[i]] - top[i])


@compiled_in_order
def _backward(logits, y, entropy, top, log_t, dce, dentropy, dlogits):
    for i in range(logits.shape[0]):
        dh, own = dentropy[i], logits.dtype.type(0)
        if i < y.size:
            own = dce[i]
        for j in range(logits.shape[1]):
            log_p = (logits[i, j] - top[i]) - log_t[i]
            dlogits[i, j] = exp(log_p) * (own - dh * (log_p + entropy[i]))
        if i < y.size:
            dlogits[i, y[i]] -= own


@compiled_in_order
def _loss(logits, y, dce, dentropy, cross, entropy, dlogits):
    block = max(BLOCK // max(logits.shape[1], 1), 1)
    tops = np.empty(block, logits.dtype)
    for i in range(logits.shape[0]):
        if i % block == 0:
            _exponentials_of_rows(logits[i : i + block], tops, dlogits[i : i + block])
        row, out, top = logits[i], dlogits[i], tops[i % block]
        t, u = _sums_of(row, top, out)
        mean, log_t = u / t, math.log(t)
        entropy[i] = log_t - mean
        own = row.dtype.type(0)
        if i < y.size:
            own = dce[i]
            cross[i] = log_t - (row[y[i]] - top)
        # p (own - dentropy (log p + H)), and log p + H = (z - log t) + (log t - u / t) = z - u / t
        constant, dentropy_by_t = (own + dentropy[i] * mean) / t, dentropy[i] / t
        for j in range(row.size):
            out[j] *= constant - dentropy_by_t * (row[j] - top)
        if i < y.size:
            out[y[i]] -= own


# exp costs most, and a single row leaves a tail that doesn't fill a SIMD vector (150 classes, for
# example). So exp runs over all rows of a block at once.
@compiled
def _exponentials_of_rows(logits, tops, e):
    """Write the maximum of each row into tops and e^z into e."""
    for i in range(logits.shape[0]):
        row, out = logits[i], e[i]
        tops[i] = top = largest(row)
        for j in range(row.size):
            out[j] = row[j] - top
    flat = e.reshape(-1)
    for k in range(flat.size):
        flat[k] = exp(flat[k])


@compiled
def _sums_of(row, top, e):
    """t and u of a row whose maximum is top and whose e^z is e."""
    t = u = row.dtype.type(0)
    for j in range(row.size):
        t += e[j]
        u += (row[j] - top) * e[j]
    return t, u
