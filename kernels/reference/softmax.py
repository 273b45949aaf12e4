"""Softmax, its entropy, the losses on both and their gradients."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module


def log_softmax_entropy(logits: Array) -> tuple[Array, Array]:
    """Log-probabilities (n, c) and entropies (n,) of softmax(logits (n, c)), row by row.

    With z = s - max s, t = sum e^z and u = sum z e^z, log p = z - log t and H = log t - u / t:
    the logarithm of a zero probability is never taken, so logits of any finite size are safe.
    """
    xp = array_module(logits)
    z = logits - logits.max(axis=1, keepdims=True)
    e = xp.exp(z)
    t = e.sum(axis=1, keepdims=True)
    log_t = xp.log(t)
    entropy = log_t[:, 0] - (z * e).sum(axis=1) / t[:, 0]
    return z - log_t, entropy


def softmax_loss_forward(logits: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """-log p_y (l,), entropy (n,), top (n,) and log_t (n,) of softmax(logits (n, c)), in nats.

    The first l <= n rows have labels, y (l,) int64. top is the row's maximum and log_t = log sum
    e^(logit - top). softmax_loss_backward needs both separately: if logits are large, their sum
    would round log_t away.
    """
    log_p, entropy = log_softmax_entropy(logits)
    return _cross_entropy(log_p, y), entropy, logits.max(axis=1), -log_p.max(axis=1)


def softmax_loss_backward(
    logits: Array,
    y: Array,
    entropy: Array,
    top: Array,
    log_t: Array,
    dce: Array,
    dentropy: Array,
) -> Array:
    """dlogits (n, c) of softmax_loss_forward for dce (l,) and dentropy (n,).

    dce (p - onehot(y)) for the labelled rows, and -dentropy p (log p + H) for all.
    """
    log_p = (logits - top[:, None]) - log_t[:, None]
    return softmax_gradient(log_p, y, entropy, dce, dentropy)


def softmax_loss(
    logits: Array, y: Array, dce: Array, dentropy: Array
) -> tuple[Array, Array, Array]:
    """-log p_y (l,), entropy (n,) and dlogits (n, c) in one call, as dce and dentropy are known.

    The same as softmax_loss_forward followed by softmax_loss_backward.
    """
    log_p, entropy = log_softmax_entropy(logits)
    gradient = softmax_gradient(log_p, y, entropy, dce, dentropy)
    return _cross_entropy(log_p, y), entropy, gradient


def _cross_entropy(log_p: Array, y: Array) -> Array:
    return -log_p[array_module(log_p, y).arange(y.shape[0]), y]


def softmax_gradient(log_p: Array, y: Array, entropy: Array, dce: Array, dentropy: Array) -> Array:
    """dlogits (n, c) from log_p (n, c) and entropy (n,), see softmax_loss_backward."""
    xp, labelled = array_module(log_p, y), y.shape[0]
    p = xp.exp(log_p)
    dlogits = -dentropy[:, None] * p * (log_p + entropy[:, None])
    dlogits[:labelled] += dce[:, None] * p[:labelled]
    dlogits[xp.arange(labelled), y] -= dce
    return dlogits
