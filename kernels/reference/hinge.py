"""The entropy separation of a batch: a hinge on two mean entropies."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module


def entropy_hinge(entropy: Array, n_seen: int, gamma: float, weight: float) -> tuple[Array, Array]:
    """Return max(0, H_S - H_P + gamma), a 0-d array, and its gradient (n,) times weight.

    H_S is the mean of the first n_seen entropies (n,), in nats, and H_P that of the others, the
    proxies.
    """
    xp, n_proxies = array_module(entropy), entropy.shape[0] - n_seen
    gap = entropy[:n_seen].mean() - entropy[n_seen:].mean() + gamma
    slope = weight * (gap > 0)  # eq. 8
    dentropy = xp.empty_like(entropy)
    dentropy[:n_seen], dentropy[n_seen:] = slope / n_seen, -slope / n_proxies
    return xp.asarray(xp.maximum(gap, 0), dtype=entropy.dtype), dentropy  # eq. 8
