"""The errors of float32: every kernel of a training step and the critic's fused steps in float32,
compared with the reference in float64 on the same numbers.

In float32 compiled kernels have their own code path, the exp of kernels/cpu/fastexp.py.

A result's error is |a - b| / (|b| + scale); the scale is the mean |b| of its array, or one nat for
values in nats. The tolerance is TIMES eps sqrt(m): eps = 2^-23 is the distance from 1 to the next
float32, and m the number of terms in the longest sum of a result. Rounding errors have random
signs, so those of m additions grow like sqrt(m); TIMES covers the few operations on each term.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import kernels
from ..critic import OneLayerCritic
from ..cwgan import critic_loss
from ..kernels import reference_only
from ..runtime.array import Array, ArrayModule
from ..runtime.backend import to_host
from .cases_gan import FUSED
from .checks import NO_KERNEL, NO_NUMBA, PLACES, Cell, Place, Row, no_numba
from .draw import Draw, Sizes

EPS = 2.0**-23
TIMES = 8
LARGE_LOGIT = 2.0**14  # its multiples are exact in float32, so both dtypes have equal logits

Results = dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class Precision:
    """A computation to run in both dtypes.

    compute(draw) returns arrays by name, in draw.dtype. terms(sizes) is the m of the tolerance.
    scales are given for arrays whose mean is not a suitable scale. definition, if given, is used
    for float64 instead of compute.
    """

    name: str
    compute: Callable[[Draw], Results]
    terms: Callable[[Sizes], int] = lambda sizes: 1
    scales: dict[str, float] = field(default_factory=dict)
    definition: Callable[[Draw], Results] | None = None


def precision_row(
    case: Precision, seed: int, *, places: Sequence[Place] = PLACES, xp: ArrayModule = np
) -> Row:
    """Run the case in float32 in those places."""
    return Row(case.name, [_cell(case, seed, place, xp) for place in places])


def tolerance(case: Precision, sizes: Sizes) -> float:
    """Return the largest error that rounding can explain."""
    return TIMES * EPS * math.sqrt(case.terms(sizes))


def _cell(case: Precision, seed: int, place: Place, xp: ArrayModule) -> Cell:
    limit = tolerance(case, place.sizes)
    if no_numba(place, xp):
        return Cell(place, None, limit, why_not=NO_NUMBA)
    with reference_only():
        exact = (case.definition or case.compute)(Draw(seed, place.sizes))
    with place.entered() as ran:
        found = case.compute(Draw(seed, place.sizes, xp=xp, dtype="float32"))
    if place.version == "compiled" and not ran:
        return Cell(place, None, limit, why_not=NO_KERNEL)
    errors = [error(found[name], b, scale=case.scales.get(name)) for name, b in exact.items()]
    return Cell(place, float(np.max(errors)), limit, tuple(sorted(ran)))


def error(a: Array, b: Array, *, scale: float | None = None) -> float:
    """Return the largest |a - b| / (|b| + scale), or NaN; the default scale is the mean |b|."""
    size, difference = np.abs(to_host(b)), np.abs(to_host(a).astype("float64") - to_host(b))
    off = difference != 0
    scale = scale or size.mean()
    return float(np.max(difference[off] / (size[off] + scale), initial=0.0))


def precision_cases() -> list[Precision]:
    """Return every kernel of a training step, then the critic's fused steps."""
    return [*_random_cases(), *_layer_cases(), *_loss_cases(), *_softmax_cases(), *_critic_cases()]


def _random_cases() -> Iterator[Precision]:
    def normal(draw: Draw) -> Results:
        out = draw.xp.empty(draw.sizes.n * draw.sizes.d, draw.dtype)
        return {"numbers": kernels.philox_normal(out, draw.seed, 0, 0)}

    def uniform(draw: Draw) -> Results:
        out = draw.xp.empty(draw.sizes.n * draw.sizes.d, draw.dtype)
        return {"numbers": kernels.philox_uniform(out, draw.seed, 0, 0)}

    # cos(2 pi u): an angle of 6 is off by 5e-7, and the radius is up to 5.8.
    yield Precision(name="philox_normal", compute=normal, terms=lambda sizes: 16)
    yield Precision(name="philox_uniform", compute=uniform)


def _layer_cases() -> Iterator[Precision]:
    def gather(draw: Draw) -> Results:
        n, d = draw.sizes.n, draw.sizes.d
        x, rows = draw.normal(n, d), draw.labels(2 * n, n)
        return {"rows": kernels.gather_rows(x, rows, draw.xp.empty((2 * n, d), draw.dtype))}

    def segments(draw: Draw) -> Results:
        n, classes = draw.sizes.n, draw.sizes.classes
        values = draw.normal(draw.sizes.critic_units, n)
        return {"sums": kernels.segment_sum(values, draw.labels(n), classes)}

    def activation(draw: Draw) -> Results:
        s, b = draw.normal(draw.sizes.n, draw.sizes.units), draw.normal(draw.sizes.units)
        return {"y": kernels.bias_activation(s, b, 0.2)}

    def gradient(draw: Draw) -> Results:
        n, units = draw.sizes.n, draw.sizes.units
        ds, db = kernels.activation_gradient(draw.normal(n, units), draw.normal(n, units), 0.2)
        return {"ds": ds, "db": db}

    def adam(draw: Draw) -> Results:
        p, g, m, v = (draw.normal(draw.sizes.n, draw.sizes.d) for _ in range(4))
        v *= v
        bad = draw.xp.zeros(1, "int32")
        kernels.adam_update(p, g, m, v, 1e-3, 0.5, 0.999, 1e-8, bad, 1)
        return {"p": p, "m": m, "v": v}

    yield Precision(name="gather_rows", compute=gather)
    yield Precision(name="segment_sum", compute=segments, terms=lambda sizes: sizes.n)
    yield Precision(name="bias_activation", compute=activation)
    yield Precision(name="activation_gradient", compute=gradient, terms=lambda sizes: sizes.n)
    yield Precision(name="adam_update", compute=adam)


def _loss_cases() -> Iterator[Precision]:
    def squared(draw: Draw) -> Results:
        n, d = draw.sizes.n, draw.sizes.d
        loss, dx = kernels.squared_error(draw.normal(n, d), draw.normal(n, d), 0.3, 1.3)
        return {"loss": loss, "dx": dx}

    def hinge(draw: Draw) -> Results:
        n = draw.sizes.n
        entropy = draw.xp.abs(draw.normal(2 * n + 2))
        loss, dentropy = kernels.entropy_hinge(entropy, n, 2.0, 1.7)
        return {"loss": loss, "dentropy": dentropy}

    def score(draw: Draw) -> Results:
        weights = draw.uniform(draw.sizes.n)
        weights /= weights.sum()
        return {"score": kernels.confidence_score(_logits(draw), weights)}

    yield Precision(name="squared_error", compute=squared, terms=lambda sizes: sizes.d)
    yield Precision(name="entropy_hinge", compute=hinge, scales={"loss": 1.0})
    yield Precision(name="confidence_score", compute=score, terms=lambda sizes: sizes.classes)


def _softmax_cases() -> Iterator[Precision]:
    def log_softmax(draw: Draw) -> Results:
        log_p, entropy = kernels.log_softmax_entropy(_logits(draw))
        return {"log_p": log_p, "entropy": entropy}

    def two_passes(draw: Draw) -> Results:
        logits, labelled = _logits(draw), draw.sizes.n - 3
        y, dce, dentropy = draw.labels(labelled), draw.normal(labelled), draw.normal(draw.sizes.n)
        cross, entropy, top, log_t = kernels.softmax_loss_forward(logits, y)
        dlogits = kernels.softmax_loss_backward(logits, y, entropy, top, log_t, dce, dentropy)
        return {"cross": cross, "entropy": entropy, "dlogits": dlogits}

    def one_pass(draw: Draw) -> Results:
        logits, labelled = _logits(draw), draw.sizes.n - 3
        y, dce, dentropy = draw.labels(labelled), draw.normal(labelled), draw.normal(draw.sizes.n)
        cross, entropy, dlogits = kernels.softmax_loss(logits, y, dce, dentropy)
        return {"cross": cross, "entropy": entropy, "dlogits": dlogits}

    for name, compute in (
        ("log_softmax_entropy", log_softmax),
        ("softmax_loss_forward, softmax_loss_backward", two_passes),
        ("softmax_loss", one_pass),
    ):
        nats = {"log_p": 1.0, "entropy": 1.0, "cross": 1.0}
        yield Precision(name=name, compute=compute, terms=lambda sizes: sizes.classes, scales=nats)


def _logits(draw: Draw) -> Array:
    """Rows of four kinds in turn: usual, beyond 1e4, with two equal maxima, and all equal."""
    logits = draw.normal(draw.sizes.n, draw.sizes.classes)
    logits[1::4] *= LARGE_LOGIT
    logits[2::4, :2] = 4.0
    logits[3::4] = logits[3::4, :1]
    return logits


def _critic_cases() -> Iterator[Precision]:
    def epilogue(draw: Draw) -> Results:
        n, units, classes = draw.sizes.n, draw.sizes.critic_units, draw.sizes.classes
        s, table, index = draw.normal(units, 2 * n), draw.normal(units, classes), draw.labels(n)
        alpha, w_out = draw.uniform(n), draw.normal(units)
        delta = draw.xp.empty((units, 3 * n), draw.dtype)
        scores, dw_out = kernels.critic_epilogue(s, table, index, alpha, w_out, 0.2, delta)
        return {"s": s, "delta": delta, "scores": scores, "dw_out": dw_out}

    def penalty(draw: Draw) -> Results:
        g = draw.normal(draw.sizes.n, draw.sizes.d)
        return {"norm": kernels.gradient_penalty(g, 10.0), "u": g}

    def penalty_epilogue(draw: Draw) -> Results:
        n, units = draw.sizes.n, draw.sizes.critic_units
        t, s = draw.normal(units, n), draw.normal(units, 2 * n)
        return {"dw_out": kernels.penalty_epilogue(t, s, 0.2)}

    yield Precision(name="critic_epilogue", compute=epilogue, terms=lambda sizes: sizes.n)
    yield Precision(name="gradient_penalty", compute=penalty, terms=lambda sizes: sizes.d)
    yield Precision(name="penalty_epilogue", compute=penalty_epilogue, terms=lambda sizes: sizes.n)
    for fused in FUSED:
        yield fused_critic(fused)


def fused_critic(fused: type[OneLayerCritic]) -> Precision:
    """A fused critic's terms and gradients; in float64 those of critic_loss."""

    def compute(draw: Draw) -> Results:
        batch = _CriticBatch(draw)
        step = fused(batch.critic, batch=batch.n, d=draw.sizes.d)
        step.real[...], step.fake[...] = batch.x, batch.fake
        terms, grads = step.loss(batch.prototypes, batch.y, batch.alpha, penalty=10.0)
        return _named(terms, grads)

    def definition(draw: Draw) -> Results:
        batch = _CriticBatch(draw)
        a, alpha = batch.prototypes[batch.y], batch.alpha[:, None]
        terms, grads = critic_loss(batch.critic, batch.x, batch.fake, a, alpha, penalty=10.0)
        return _named(terms, grads)

    return Precision(
        name=fused.__name__,
        compute=compute,
        terms=lambda sizes: sizes.d + sizes.k + sizes.critic_units + 2 * sizes.pairs,
        scales={"db_out": 1.0, "wasserstein": 1.0},  # both are differences, db_out 1 - 1
        definition=definition,
    )


class _CriticBatch:
    """A critic and its batch, which is as small as its kernels allow.

    In float32 a sample may be on the other side of a kink; this is more likely in large batches,
    and it is not an error.
    """

    def __init__(self, draw: Draw):
        n, d, k = draw.sizes.pairs, draw.sizes.d, draw.sizes.k
        self.n, self.critic = n, draw.mlp([d + k, draw.sizes.critic_units, 1], "leaky_relu")
        self.x, self.fake = draw.normal(n, d), draw.normal(n, d)
        self.prototypes, self.y = draw.normal(draw.sizes.classes, k), draw.labels(n)
        self.alpha = draw.uniform(n)


def _named(terms: dict[str, Any], grads: list[Array]) -> Results:
    names = "dw", "db", "dw_out", "db_out"
    return {**terms, **{name: grad.copy() for name, grad in zip(names, grads, strict=True)}}
