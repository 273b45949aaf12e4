"""Eq. 10: two thresholds on the entropy of C, in nats, give each sample one of three routes."""

from __future__ import annotations

import math

from .. import kernels
from ..runtime.array import Array
from ..settings import Settings
from ..text import warn


def route(logits: Array, f: Array, settings: Settings) -> tuple[Array, Array, Array, Array, Array]:
    """Return candidate index, route code, entropy, score and gate, (n,) each.

    logits (n, S) are those of C, f (n, S + U) is F with the seen classes first. The gate is 1 (SL),
    0.5 (GZSL) or 0 (ZSL).
    """
    index, code, entropy, score = kernels.route_rows(  # eq. 10
        logits,
        f,
        settings.router_delta_low,
        settings.router_delta_high,
        settings.router_temperature,
    )
    return index, code, entropy, score, 1 - code.astype(entropy.dtype) / 2


def limits(settings: Settings) -> dict[str, float]:
    """Return the entropies in nats at which the route changes, by name; settings are in nats."""
    return {"delta_low": settings.router_delta_low, "delta_high": settings.router_delta_high}


def warn_if_unreachable(n_seen: int, settings: Settings) -> None:
    """Warn if no entropy of n_seen classes can exceed delta_high, so that no sample takes ZSL.

    Thresholds that are to be measured are not checked.
    """
    if settings.router_gate != "hard" or settings.router_unit == "measured":
        return
    delta_high = settings.router_delta_high
    if delta_high >= math.log(n_seen):
        warn(
            f"delta_high is {delta_high:g} nats, but the entropy of {n_seen} seen classes is at "
            f"most ln {n_seen} = {math.log(n_seen):.3f}: no sample can take the route ZSL; "
            "eq. 2 can still choose unseen classes; lower router_delta_high"
        )
