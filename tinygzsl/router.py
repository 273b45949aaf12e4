"""The compatibility F of eqs. 1 and 2, and the router of eq. 10."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np

from . import kernels
from .backend import Array, array_module
from .kernels.reference import route_codes
from .presets import Settings
from .products import matmul
from .vsmm import VSMM

__all__ = [
    "RouteResult",
    "classify_batch",
    "compatibility",
    "route_batch",
    "route_codes",
    "warn_if_unreachable",
    "warn_if_weak",
]


class RouteResult(NamedTuple):
    """One row a sample, on the host: label, route ("SL", "GZSL" or "ZSL"), entropy in nats and
    score, the probability of the label among the candidates of its route.
    """

    label: np.ndarray
    route: np.ndarray
    entropy: np.ndarray
    score: np.ndarray


def compatibility(embedded: Array, semantic: Array, metric: str) -> Array:
    """F (n, c) of embedded samples f_v(x) (n, m) and prototypes f_s(a) (c, m); more is closer.

    euclidean is minus the distance (not squared: eq. 4 trains L2), dot the inner product, cosine
    the inner product of unit vectors.
    """
    if metric == "dot":
        return matmul(embedded, semantic.T)
    if metric == "cosine":
        return matmul(_unit_rows(embedded), _unit_rows(semantic).T)
    if metric != "euclidean":
        raise ValueError(f"metric is {metric!r}; pass euclidean, dot or cosine")
    center = semantic.mean(axis=0)  # no distance changes, and less is lost to cancellation
    (u, rows), (v, columns) = (kernels.centered_rows(x, center) for x in (embedded, semantic))
    return kernels.negative_distances(matmul(u, v.T), rows, columns)


def _unit_rows(x: Array) -> Array:
    xp = array_module(x)
    norm = xp.sqrt((x * x).sum(axis=1, keepdims=True))
    return x / xp.where(norm > 0, norm, xp.asarray(1, x.dtype))


def route_batch(
    vsmm: VSMM, x: Array, semantic: Array, settings: Settings
) -> tuple[Array, Array, Array, Array]:
    """Candidate index, route code, entropy and score, (n,) each, for samples x (n, d).

    semantic (S + U, m) are the embedded prototypes f_s(a), seen classes first; index i < S is seen
    class i, S + j unseen class j.
    """
    embedded = vsmm.embed(x)
    return kernels.route_rows(
        vsmm.logits(embedded),
        compatibility(embedded, semantic, settings.router_metric),
        settings.router_delta_low,
        settings.router_delta_high,
        settings.router_temperature,
    )  # eqs. 1, 2 and 10


def classify_batch(vsmm: VSMM, x: Array) -> tuple[Array, Array, Array, Array]:
    """What route_batch returns, by C alone: every sample x (n, d) takes the supervised route."""
    log_p, entropy = kernels.log_softmax_entropy(vsmm.logits(vsmm.embed(x)))
    xp, index = array_module(x), log_p.argmax(axis=1)
    return index, xp.zeros(x.shape[0], "int8"), entropy, xp.exp(log_p.max(axis=1))


def warn_if_unreachable(n_seen: int, delta_high: float) -> None:
    """Warn where eq. 10 can route nothing to unseen: no entropy of n_seen classes exceeds
    ln n_seen.
    """
    if delta_high >= math.log(n_seen):
        warnings.warn(
            f"delta_high is {delta_high:g} nats, but the entropy of {n_seen} seen classes is at "
            f"most ln {n_seen} = {math.log(n_seen):.3f}: no sample can be routed to unseen; lower "
            "router_delta_high",
            stacklevel=4,
        )


def warn_if_weak(log_p: Array, entropy: Array, y: Array, delta_high: float) -> None:
    """Warn where C has not even learnt its training samples: entropy may tell little apart then.

    log_p (n, S) and entropy (n,) of training samples, y (n,) their class indices.
    """
    accuracy = float((log_p.argmax(axis=1) == y).mean())
    unseen = float((entropy > delta_high).mean())
    if accuracy < 0.5 or unseen > 0.5:
        warnings.warn(
            f"the classifier gets {accuracy:.0%} of its own training samples right and "
            f"{unseen:.0%} have an entropy above delta_high = {delta_high:g}, so entropy may tell "
            "seen from unseen badly; train longer, scale otherwise, or compare with eq. 2 alone",
            stacklevel=4,
        )
