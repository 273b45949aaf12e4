"""The compatibility F of eqs. 1 and 2, and the router, by a hard, a soft or a learned gate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import kernels
from .errors import InputError
from .gates import hard, learned, soft
from .gates.neighbours import Neighbours
from .metrics import ROUTES
from .nn.device_memory import blocks
from .runtime.array import Array
from .runtime.backend import array_module, to_host
from .runtime.checks import check_said
from .runtime.matmul import matmul
from .settings import Settings
from .text import warn
from .vsmm import VSMM

SAMPLE_ROWS = 8192  # maximum training samples for the unit of scores and the check of C
LOW_AUROC = 0.55  # of the entropy as detector of unseen samples: hardly better than chance


class RouteResult(NamedTuple):
    """Arrays (n,) on the host, with one entry per sample.

    They are label, route ("SL", "GZSL" or "ZSL"), entropy in nats, score and gate.

    With eq. 10 the score is the probability of the label among the candidates of its route, and the
    gate is 1 (SL), 0.5 (GZSL) or 0 (ZSL). With the soft and the learned gate the score is the
    probability of the label among all classes, and the gate is the probability of all seen classes
    together. The route is SL for a seen label and ZSL for an unseen one.
    """

    label: np.ndarray
    route: np.ndarray
    entropy: np.ndarray
    score: np.ndarray
    gate: np.ndarray


class Fitted(NamedTuple):
    """What training measured for the gates.

    score_scale is score_deviation's, the unit of the soft gate's router_tau. gap_scale is
    gates.panel.score_unit's, the unit of the learned gate. Both are None in models of old files.
    neighbours are there if the learned gate has them as a feature.
    """

    score_scale: float | None = None
    gap_scale: float | None = None
    neighbours: Neighbours | None = None


class VsmmScores(NamedTuple):
    """Scores of samples by a trained VSMM, on the host: log p(y|x) (n, S) of C, its entropy (n,) in
    nats, and F (n, c) with c prototypes.
    """

    log_p: np.ndarray
    entropy: np.ndarray
    f: np.ndarray


def compatibility(embedded: Array, semantic: Array, *, metric: str) -> Array:
    """Return F (n, c) of embedded samples f_v(x) (n, m) and prototypes f_s(a) (c, m).

    A larger value means a better match. The metric is euclidean (minus the distance, which isn't
    squared), dot (the inner product) or cosine (the inner product of unit vectors).
    """
    if metric == "dot":
        return matmul(embedded, semantic.T)  # eqs. 1 and 2
    if metric == "cosine":
        return matmul(_unit_rows(embedded), _unit_rows(semantic).T)  # eqs. 1 and 2
    if metric != "euclidean":
        raise InputError(f"metric is {metric!r}; pass euclidean, dot or cosine")
    center = semantic.mean(axis=0)  # distances don't change, and rounding errors are smaller
    u, u_squared = kernels.centered_rows(embedded, center)
    v, v_squared = kernels.centered_rows(semantic, center)
    return kernels.negative_distances(matmul(u, v.T), u_squared, v_squared)  # eqs. 1 and 2


def _unit_rows(x: Array) -> Array:
    xp = array_module(x)
    norm = xp.sqrt((x * x).sum(axis=1, keepdims=True))
    return x / xp.where(norm > 0, norm, xp.asarray(1, x.dtype))


def joined(labels: np.ndarray, parts: list[tuple[Array, ...]]) -> RouteResult:
    """Join the results of route_batch for chunks of rows; labels are those of all classes (S + U,).

    Chunks are joined on their device, so that each column is copied from a GPU once. Raises
    FloatingPointError for an entropy, a score or a gate that isn't finite.
    """
    xp, columns = array_module(*parts[0]), zip(*parts, strict=True)
    index, code, entropy, score, gate = (to_host(xp.concatenate(column)) for column in columns)
    for what, values in (("entropies", entropy), ("scores", score), ("gates", gate)):
        check_said(what, values)
    route = np.array(ROUTES)[code]
    return RouteResult(label=labels[index], route=route, entropy=entropy, score=score, gate=gate)


def route_batch(
    vsmm: VSMM, x: Array, semantic: Array, settings: Settings, *, fitted: Fitted
) -> tuple[Array, Array, Array, Array, Array]:
    """Return candidate index, route code, entropy, score and gate, (n,) each, for x (n, d).

    semantic (S + U, m) are the embedded prototypes f_s(a), seen classes first; index i < S is seen
    class i, S + j unseen class j.
    """
    embedded = vsmm.embed(x)
    logits = vsmm.logits(embedded)
    f = compatibility(embedded, semantic, metric=settings.router_metric)
    if settings.router_gate == "soft":
        if fitted.score_scale is None:
            raise InputError(
                "the soft gate needs the model's score_scale, but its file has none; fit it again"
            )
        return soft.route(logits, f, settings, score_scale=fitted.score_scale)
    if settings.router_gate == "learned":
        if fitted.gap_scale is None:
            raise InputError(
                "the learned gate needs the model's gap_scale, but its file has none; fit it again"
            )
        near = fitted.neighbours
        similarity = None if near is None else near.similarity(x)
        return learned.route(logits, f, settings, unit=fitted.gap_scale, similarity=similarity)
    return hard.route(logits, f, settings)  # eq. 10


def classify_batch(vsmm: VSMM, x: Array) -> tuple[Array, Array, Array, Array, Array]:
    """As route_batch, with C only: every sample x (n, d) takes the supervised route."""
    logits = vsmm.logits(vsmm.embed(x))
    log_p, entropy = kernels.log_softmax_entropy(logits)
    xp, index = array_module(x), logits.argmax(axis=1)  # as route_rows, see there
    code, gate = xp.zeros(x.shape[0], "int8"), xp.ones(x.shape[0], entropy.dtype)
    return index, code, entropy, xp.exp(log_p.max(axis=1)), gate


def vsmm_scores(vsmm: VSMM, x: Array, a: Array, *, metric: str) -> VsmmScores:
    """Return the scores of samples x (n, d) with prototypes a (c, k), computed in blocks."""
    semantic = vsmm.embed_prototypes(a)
    parts = [scores_batch(vsmm, rows, semantic, metric=metric) for _, rows in blocks(x)]
    return VsmmScores._make(np.concatenate(column) for column in zip(*parts, strict=True))


def scores_batch(vsmm: VSMM, x: Array, semantic: Array, *, metric: str) -> VsmmScores:
    """Return the scores of samples x (n, d) with embedded prototypes f_s(a) (c, m)."""
    embedded = vsmm.embed(x)
    log_p, entropy = kernels.log_softmax_entropy(vsmm.logits(embedded))
    f = compatibility(embedded, semantic, metric=metric)
    return VsmmScores(log_p=to_host(log_p), entropy=to_host(entropy), f=to_host(f))


def sample_rows(x: Array) -> slice:
    """Return at most SAMPLE_ROWS of the rows of x (n, d), evenly spaced."""
    return slice(None, None, 1 + x.shape[0] // SAMPLE_ROWS)


def score_deviation(f: Array) -> float:
    """Return the standard deviation of scores (n, S) of training samples, 1 if it is 0.

    It is the unit of router_tau and of the baselines' offset. It comes from training samples, so it
    doesn't depend on the batch that is routed.
    """
    return float(f.std(dtype="float64")) or 1.0


def limits(settings: Settings, n_seen: int) -> dict[str, float]:
    """Return the entropies in nats at which the route changes, by name.

    They are delta_low and delta_high, or "gate 1/2" for the soft gate. The learned gate has none,
    as the entropy alone doesn't decide. settings are in nats.
    """
    if settings.router_gate == "soft":
        return soft.limits(settings, n_seen)
    if settings.router_gate == "learned":
        return {}
    return hard.limits(settings)


def unseen_above(settings: Settings, n_seen: int) -> float:
    """Return the entropy in nats above which eq. 10 or the soft gate prefers unseen classes."""
    return max(limits(settings, n_seen).values())


def warn_if_weak(scores: VsmmScores, y: np.ndarray, settings: Settings) -> None:
    """Warn if C has not learnt its training samples: the entropy may then not separate classes.

    y (n,) are the class indices of the samples.
    """
    accuracy, unseen = float((scores.log_p.argmax(axis=1) == y).mean()), 0.0
    found = f"the classifier gets {accuracy:.0%} of its own training samples right"
    if settings.router_gate == "hard":  # a soft gate has no threshold to be above
        unseen = float((scores.entropy > settings.router_delta_high).mean())
        found += (
            f" and {unseen:.0%} have an entropy above delta_high = {settings.router_delta_high:g}"
        )
    if accuracy < 0.5 or unseen > 0.5:
        warn(
            f"{found}, so entropy may separate seen from unseen poorly; train longer, use another "
            "scaler, or compare with eq. 2 alone"
        )
