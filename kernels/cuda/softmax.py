"""The CUDA versions of the kernels on softmax(logits): losses, confidence score, router."""

from __future__ import annotations

from ...runtime.backend import array_module
from .launch import launch, warps


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
