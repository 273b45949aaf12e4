"""Losses as forward/backward pairs. dloss is dL/dloss, with the loss's shape.

Losses per row are (n,) arrays, so that the caller chooses the mean; batch losses are 0-d arrays.
Entropies and cross-entropies are in nats. Two losses return value and gradient from one function
in kernels/: squared_error and entropy_hinge.
"""

from __future__ import annotations

from .. import kernels
from ..kernels import reference
from ..runtime.array import Array
from ..runtime.backend import array_module

LossCache = tuple[Array, Array, Array, Array, Array]  # logits, y, entropy, top and log_t


def softmax_loss_forward(logits: Array, y: Array) -> tuple[tuple[Array, Array], LossCache]:
    """-log p_y (l,) of the first l rows of logits (n, c), whose labels are y (l,), and the entropy
    (n,) of all rows.
    """
    cross_entropy, entropy, top, log_t = kernels.softmax_loss_forward(logits, y)
    return (cross_entropy, entropy), (logits, y, entropy, top, log_t)


def softmax_loss_backward(dce: Array, dentropy: Array, cache: LossCache) -> Array:
    """dlogits (n, c) for dce (l,) and dentropy (n,)."""
    logits, y, entropy, top, log_t = cache
    return kernels.softmax_loss_backward(logits, y, entropy, top, log_t, dce, dentropy)


def softmax_entropy_forward(logits: Array) -> tuple[Array, LossCache]:
    """Entropy (n,) of softmax(logits (n, c)), in nats, from 0 to ln c; no labels are needed."""
    no_labels = array_module(logits).empty(0, "int64")
    (_, entropy), cache = softmax_loss_forward(logits, no_labels)
    return entropy, cache


def softmax_entropy_backward(dentropy: Array, cache: LossCache) -> Array:
    """dlogits (n, c): dH/ds_j = -p_j (log p_j + H)."""
    return softmax_loss_backward(dentropy[:0], dentropy, cache)


def gradient_penalty_forward(g: Array, weight: float) -> tuple[Array, tuple[Array, float]]:
    """weight * mean_i (|g_i| - 1)^2 for input gradients g (n, d)."""
    norm = array_module(g).sqrt((g * g).sum(axis=1))
    return penalty_of_norms(norm, weight), (g, weight)


def penalty_of_norms(norm: Array, weight: float) -> Array:
    """The gradient penalty of input gradients whose lengths are norm (n,)."""
    return weight * ((norm - 1) ** 2).mean()  # eq. 6


def gradient_penalty_backward(dloss: float | Array, cache: tuple[Array, float]) -> Array:
    """u (n, d) = dloss (2 weight / n) (1 - 1 / |g_i|) g_i, and 0 where |g_i| = 0."""
    g, weight = cache
    u = g.copy()
    reference.gradient_penalty(u, dloss * weight)  # it writes u over g
    return u
