"""Launches kernels/cuda/softmax.cu: softmax, its entropy and its losses."""

from ...runtime.backend import array_module
from .launch import launch, warps


def log_softmax_entropy(logits):
    """logits (n, c) -> log_p (n, c), entropy (n,): a warp per row, e^z is summed but not stored."""
    xp, (n, c) = array_module(logits), logits.shape
    log_p, entropy = xp.empty_like(logits), xp.empty(n, logits.dtype)
    launch("softmax", "log_softmax_entropy", *warps(n), logits, log_p, entropy, n, c)
    return log_p, entropy


def softmax_loss_forward(logits, y):
    """logits (n, c), y (l,) -> cross (l,), entropy, top, log_t (n,): a warp per row."""
    xp, (n, c) = array_module(logits), logits.shape
    cross = xp.empty(y.shape[0], logits.dtype)
    entropy, top, log_t = results = [xp.empty(n, logits.dtype) for _ in range(3)]
    sizes = n, y.shape[0], c
    launch("softmax", "softmax_loss_forward", *warps(n), logits, y, cross, *results, *sizes)
    return cross, entropy, top, log_t


def softmax_loss_backward(logits, y, entropy, top, log_t, dce, dentropy):
    """logits (n, c) -> dlogits (n, c): p is recomputed from top and log_t, a warp per row."""
    dlogits, (n, c) = array_module(logits).empty_like(logits), logits.shape
    arrays = logits, y, entropy, top, log_t, dce, dentropy, dlogits
    launch("softmax", "softmax_loss_backward", *warps(n), *arrays, n, y.shape[0], c)
    return dlogits


def softmax_loss(logits, y, dce, dentropy):
    """logits (n, c) -> cross (l,), entropy (n,), dlogits (n, c): one launch, a warp per row, which
    computes e^z twice instead of storing it.
    """
    xp, (n, c) = array_module(logits), logits.shape
    cross, entropy = xp.empty(y.shape[0], logits.dtype), xp.empty(n, logits.dtype)
    dlogits = xp.empty_like(logits)
    arrays = logits, y, dce, dentropy, cross, entropy, dlogits
    launch("softmax", "softmax_loss", *warps(n), *arrays, n, y.shape[0], c)
    return cross, entropy, dlogits
