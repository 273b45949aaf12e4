"""The soft gate: the entropy of C gives the probability of all seen classes together."""

from __future__ import annotations

import math

from .. import kernels
from ..runtime.array import Array
from ..settings import Settings


def route(
    logits: Array, f: Array, settings: Settings, *, score_scale: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Return candidate index, route code, entropy, score and gate, (n,) each.

    logits (n, S) are those of C, f (n, S + U) is F with the seen classes first. score_scale, the
    standard deviation of F on training samples, is the unit of router_tau.
    """
    tau = settings.router_tau * score_scale
    return kernels.soft_route_rows(logits, f, settings.router_bias, settings.router_width, tau)


def limits(settings: Settings, n_seen: int) -> dict[str, float]:
    """Return the entropy in nats at which the gate is 1/2, by name."""
    return {"gate 1/2": settings.router_bias * math.log(n_seen)}
