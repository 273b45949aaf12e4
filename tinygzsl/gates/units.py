"""Units of the router's thresholds: nats, or positions on a scale measured after training.

With router_unit "measured" a threshold is a position between two entropies of the trained VSMM. 0
is the median of seen samples that were kept out of all training, 1 the median of fresh proxies.
Both change with the number of classes, the margin and the epochs, and the thresholds follow.
Samples and proxies that were trained on can't be used: C is too certain of the former and too
uncertain of the latter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import overload

import numpy as np

from ..datasets.hold_out import hold_out_rows
from ..errors import InputError
from ..nn.random import Purpose
from ..runtime.array import Array
from ..runtime.backend import array_module
from ..settings import Settings
from . import hard


class EntropyScaleError(InputError):
    """Fresh proxies are not more uncertain than held-out seen samples, so there is no scale."""


def keep_out(
    X: Array, index: np.ndarray, classes: np.ndarray, settings: Settings, *, seed: int
) -> tuple[Array, np.ndarray, Array | None]:
    """Return X (n, d) and class indices (n,) to train on, and the samples (h, d) to keep out.

    A share of every class is kept out, at least one sample. Both are copies. With router_unit
    "nats" nothing is kept out: X and index are returned as they are, with None. Raises ValueError
    if a class would be left with fewer than two samples.
    """
    if settings.router_unit == "nats":
        return X, index, None
    share = settings.router_held_out
    held = hold_out_rows(index, share=share, seed=seed, purpose=Purpose.SCALE_HOLD_OUT)
    left = np.bincount(index[~held], minlength=len(classes))
    if left.min() < 2:
        least = left.argmin()
        raise InputError(
            f"router_held_out is {share:g}, which leaves class {classes[least]!s} with "
            f"{left[least]} of its {(index == least).sum()} samples, but training needs at least "
            "2; lower router_held_out, leave small classes out, or set router_unit='nats'"
        )
    xp = array_module(X)
    kept, out = (X[xp.asarray(np.flatnonzero(rows))] for rows in (~held, held))
    return kept, index[~held], out


def entropy_scale(of_seen: np.ndarray, of_proxies: np.ndarray) -> tuple[float, float]:
    """Return the median entropies in nats of held-out seen samples (h,) and of fresh proxies (p,).

    Raises EntropyScaleError unless the second is greater.
    """
    zero, one = (float(np.median(part.astype(float))) for part in (of_seen, of_proxies))
    zero = max(zero, 0.0)  # an entropy of 0 can be rounded to less
    if not zero < one:
        raise EntropyScaleError(
            f"the median entropy is {zero:.3g} nats for held-out seen samples and {one:.3g} for "
            "fresh proxies, so no threshold lies between them; lower cs_low and cs_high, train "
            "longer, or set router_unit='nats'"
        )
    return zero, one


def in_nats(settings: Settings, scale: tuple[float, float] | None) -> Settings:
    """Return the settings with eq. 10's thresholds in nats.

    scale is that of entropy_scale, or None if they are in nats already. Raises ValueError if they
    are positions and there is no scale.
    """
    if scale is None:
        if settings.router_unit == "measured":
            raise InputError(
                "router_unit is 'measured', but no entropies were measured; fit the model, or set "
                "router_unit='nats'"
            )
        return settings
    positions = settings.router_delta_low, settings.router_delta_high
    low, high = (nats_of(position, scale) for position in positions)
    return replace(settings, router_unit="nats", router_delta_low=low, router_delta_high=high)


@overload
def nats_of(position: float, scale: tuple[float, float]) -> float: ...
@overload
def nats_of(position: np.ndarray, scale: tuple[float, float]) -> np.ndarray: ...
def nats_of(position: float | np.ndarray, scale: tuple[float, float]) -> float | np.ndarray:
    """Return the entropies in nats of positions on a scale, of any shape."""
    zero, one = scale
    return zero + position * (one - zero)


def thresholds(settings: Settings, scale: tuple[float, float] | None) -> dict[str, float] | None:
    """Return eq. 10's thresholds delta_low and delta_high in nats; None for another gate.

    settings are a model's routing_, scale its entropy_scale_. If the scale was measured, its two
    entropies are there too, as median_seen and median_proxy.
    """
    if settings.router_gate != "hard":
        return None
    found = hard.limits(settings)
    if scale is not None:
        found["median_seen"], found["median_proxy"] = scale
    return found
