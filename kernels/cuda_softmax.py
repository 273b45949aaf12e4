"""The CUDA versions of the kernels on softmax(logits): losses, confidence score, router."""

from __future__ import annotations

from ..backend import array_module
from .cuda import THREADS, launch, strips, warps
from .cuda_steps import column_sums
from .reference_softmax import soft_factors


def log_softmax_entropy(logits):
    """See reference.log_softmax_entropy."""
    xp, (n, c) = array_module(logits), logits.shape
    log_p, entropy = xp.empty_like(logits), xp.empty(n, logits.dtype)
    launch("softmax", "log_softmax_entropy", *warps(n), logits, log_p, entropy, n, c)
    return log_p, entropy


def softmax_loss_forward(logits, y):
    """See reference.softmax_loss_forward."""
    xp, (n, c) = array_module(logits), logits.shape
    cross = xp.empty(y.shape[0], logits.dtype)
    entropy, top, log_t = results = [xp.empty(n, logits.dtype) for _ in range(3)]
    sizes = n, y.shape[0], c
    launch("softmax", "softmax_loss_forward", *warps(n), logits, y, cross, *results, *sizes)
    return cross, entropy, top, log_t


def softmax_loss_backward(logits, y, entropy, top, log_t, dce, dentropy):
    """See reference.softmax_loss_backward."""
    dlogits, (n, c) = array_module(logits).empty_like(logits), logits.shape
    arrays = logits, y, entropy, top, log_t, dce, dentropy, dlogits
    launch("softmax", "softmax_loss_backward", *warps(n), *arrays, n, y.shape[0], c)
    return dlogits


def softmax_loss(logits, y, dce, dentropy):
    """See reference.softmax_loss."""
    xp, (n, c) = array_module(logits), logits.shape
    cross, entropy = xp.empty(y.shape[0], logits.dtype), xp.empty(n, logits.dtype)
    dlogits = xp.empty_like(logits)
    arrays = logits, y, dce, dentropy, cross, entropy, dlogits
    launch("softmax", "softmax_loss", *warps(n), *arrays, n, y.shape[0], c)
    return cross, entropy, dlogits


def confidence_score(logits, weights):
    """See reference.confidence_score."""
    xp, (n, c) = array_module(logits), logits.shape
    _, entropy, *sums = softmax_loss_forward(logits, xp.empty(0, "int64"))
    grid, block = strips(n, c)
    parts, score = xp.empty((grid[0], c), logits.dtype), xp.empty((), logits.dtype)
    arrays = logits, *sums, weights, parts
    launch("confidence", "expected_probabilities", grid, block, *arrays, n, c)
    arrays = entropy, weights, column_sums(parts), score
    launch("confidence", "confidence_score", (1,), (THREADS,), *arrays, n, c)
    return score


def route_rows(logits, f, delta_low, delta_high, temperature):
    """See reference.route_rows."""
    xp, (n, seen) = array_module(logits), logits.shape
    label, code = xp.empty(n, "int64"), xp.empty(n, "int8")
    entropy, score = xp.empty(n, logits.dtype), xp.empty(n, logits.dtype)
    arguments = logits, f, delta_low, delta_high, 1 / temperature, label, code, entropy, score
    launch("router", "route_rows", *warps(n), *arguments, n, seen, f.shape[1])
    return label, code, entropy, score


def soft_route_rows(logits, f, bias, width, tau):
    """See reference.soft_route_rows."""
    xp, (n, seen) = array_module(logits), logits.shape
    label, code = xp.empty(n, "int64"), xp.empty(n, "int8")
    entropy, score, gate = (xp.empty(n, logits.dtype) for _ in range(3))
    constants, results = soft_factors(seen, width, tau), (label, code, entropy, score, gate)
    arguments = logits, f, bias, *constants, *results, n, seen, f.shape[1]
    launch("router", "soft_route_rows", *warps(n), *arguments)
    return results
