"""The losses, one forward/backward pair each. dloss is dL/dloss, with the loss's shape.

Losses per row come as (n,) arrays, so that the caller chooses the mean; batch losses are 0-d
arrays. Entropies and cross-entropies are in nats.
"""

from __future__ import annotations

from .backend import Array, array_module
from .kernels import reference


def softmax_cross_entropy_forward(logits: Array, y: Array) -> tuple[Array, tuple]:
    """-log p_y (n,) for logits (n, c) and class indices y (n,)."""
    log_p, _ = reference.log_softmax_entropy(logits)
    rows = array_module(logits, y).arange(y.shape[0])
    return -log_p[rows, y], (log_p, rows, y)


def softmax_cross_entropy_backward(dloss: Array, cache: tuple) -> Array:
    """dlogits (n, c) = dloss (p - onehot(y))."""
    log_p, rows, y = cache
    dlogits = array_module(log_p).exp(log_p)
    dlogits[rows, y] -= 1
    return dlogits * dloss[:, None]


def softmax_entropy_forward(logits: Array) -> tuple[Array, tuple]:
    """Entropy (n,) of softmax(logits (n, c)), in nats: from 0 to ln c."""
    log_p, entropy = reference.log_softmax_entropy(logits)
    return entropy, (log_p, entropy)


def softmax_entropy_backward(dentropy: Array, cache: tuple) -> Array:
    """dlogits (n, c): dH/ds_j = -p_j (log p_j + H)."""
    log_p, entropy = cache
    return -dentropy[:, None] * array_module(log_p).exp(log_p) * (log_p + entropy[:, None])


def entropy_hinge_forward(h_seen: Array, h_proxy: Array, gamma: float) -> tuple[Array, tuple]:
    """max(0, H_S - H_P + gamma) of the batch means of h_seen (n,) and h_proxy (m,)."""
    xp = array_module(h_seen, h_proxy)
    gap = h_seen.mean() - h_proxy.mean() + gamma
    return xp.maximum(gap, 0), (gap > 0, h_seen, h_proxy)  # eq. 8


def entropy_hinge_backward(dloss: float | Array, cache: tuple) -> tuple[Array, Array]:
    """dh_seen (n,) and dh_proxy (m,): zero where the margin is kept."""
    active, h_seen, h_proxy = cache
    xp = array_module(h_seen, h_proxy)
    dgap = dloss * active
    return (
        xp.full(h_seen.shape, dgap / h_seen.shape[0], h_seen.dtype),
        xp.full(h_proxy.shape, -dgap / h_proxy.shape[0], h_proxy.dtype),
    )


def squared_error_forward(x: Array, target: Array, reduction: str = "sum") -> tuple[Array, tuple]:
    """Squared distance of the rows of x (n, d) and target (n, d), averaged over the batch.

    reduction "sum" adds up the dimensions as eqs. 3 and 4 do, "mean" averages them too.
    """
    difference = x - target
    scale = 1 / (x.size if reduction == "mean" else x.shape[0])
    return (difference * difference).sum() * scale, (difference, scale)  # eqs. 3 and 4


def squared_error_backward(dloss: float | Array, cache: tuple) -> tuple[Array, Array]:
    """dx and dtarget, both (n, d)."""
    difference, scale = cache
    dx = (2 * scale) * dloss * difference
    return dx, -dx


def gradient_penalty_forward(g: Array, weight: float) -> tuple[Array, tuple]:
    """weight * mean_i (|g_i| - 1)^2 for input gradients g (n, d)."""
    norm = array_module(g).sqrt((g * g).sum(axis=1))
    return weight * ((norm - 1) ** 2).mean(), (g, norm, weight)  # third term of eq. 6


def gradient_penalty_backward(dloss: float | Array, cache: tuple) -> Array:
    """u (n, d) = dloss (2 weight / n) (1 - 1 / |g_i|) g_i, and 0 where |g_i| = 0."""
    g, norm, weight = cache
    xp = array_module(g)
    inverse = 1 / xp.where(norm > 0, norm, xp.asarray(1, norm.dtype))
    return (dloss * 2 * weight / g.shape[0]) * (1 - inverse)[:, None] * g
