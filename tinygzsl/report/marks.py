"""What the charts of a run mark: the window of the confidence score and the router's thresholds."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..router import unseen_above
from ..runs.load import Run


class Window(NamedTuple):
    """The window of the confidence score in both units, as (low, high)."""

    cs: tuple[float, float]
    relative: tuple[float, float]


def cs_window(run: Run) -> Window:
    """s_l and s_h as CS and as r = ln CS / ln CS_ref, whichever of them was set.

    The run must have a GAN.
    """
    settings = run.model.settings_
    low, high = settings.cs_low, settings.cs_high
    log_reference = max(math.log(run.model.proxy_source_.reference), 1e-12)
    if settings.cs_unit == "relative":
        return Window((math.exp(low * log_reference), math.exp(high * log_reference)), (low, high))
    relative = tuple(math.log(max(v, 1.0)) / log_reference for v in (low, high))
    return Window((low, high), relative)


def threshold_marks(run: Run) -> list[tuple[float, str]]:
    """The router's entropies in nats, with the name of each: eq. 10's two, or where the soft gate
    is 1/2.
    """
    settings = run.model.routing_
    if settings.router_gate == "soft":
        return [(unseen_above(settings, len(run.model.classes_)), "gate 1/2")]
    return [(settings.router_delta_low, "δ low"), (settings.router_delta_high, "δ high")]
