"""Thresholds that carry over: their scale is measured after training.

router_unit = "measured": a threshold is a position between two entropies of the trained VSMM. 0 is
the median of seen samples that were kept out of all training, 1 that of fresh proxies. Both move
with the number of classes, with the margin and with the epochs, and so do the thresholds. Samples
and proxies that were trained on would not do: the former are too certain, the latter too uncertain.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..datasets.hold_out import hold_out_rows
from ..nn.random import Purpose
from ..runtime.backend import Array, array_module
from ..settings import Settings


class EntropyScaleError(ValueError):
    """Fresh proxies are no more uncertain than held-out seen samples: there is no scale."""


def keep_out(
    X: Array, index: np.ndarray, classes: np.ndarray, settings: Settings, seed: int
) -> tuple[Array, np.ndarray, Array | None]:
    """X (n, d) and class indices (n,) to train on, and the samples (h, d) that are kept out: a
    share of every class, at least one sample. Both are copies; where router_unit is "nats", X comes
    back as it is, and None.

    Raises ValueError where a class would be left with fewer than two samples.
    """
    if settings.router_unit == "nats":
        return X, index, None
    share = settings.router_held_out
    held = hold_out_rows(index, share=share, seed=seed, purpose=Purpose.SCALE_HOLD_OUT)
    left = np.bincount(index[~held], minlength=len(classes))
    if left.min() < 2:
        least = left.argmin()
        raise ValueError(
            f"router_held_out is {share:g}, which leaves class {classes[least]!s} with "
            f"{left[least]} of its {(index == least).sum()} samples, but training needs at least "
            "2; lower router_held_out, leave small classes out, or set router_unit='nats'"
        )
    xp = array_module(X)
    kept, out = (X[xp.asarray(np.flatnonzero(rows))] for rows in (~held, held))
    return kept, index[~held], out


def entropy_scale(of_seen: np.ndarray, of_proxies: np.ndarray) -> tuple[float, float]:
    """Median entropies in nats of held-out seen samples (h,) and of fresh proxies (p,).

    Raises EntropyScaleError unless the second is greater.
    """
    zero, one = (float(np.median(part.astype(float))) for part in (of_seen, of_proxies))
    zero = max(zero, 0.0)  # rounding can make an entropy of 0 a little less
    if not zero < one:
        raise EntropyScaleError(
            f"the median entropy is {zero:.3g} nats for held-out seen samples and {one:.3g} for "
            "fresh proxies, so no threshold lies between them; lower cs_low and cs_high, train "
            "longer, or set router_unit='nats'"
        )
    return zero, one


def in_nats(settings: Settings, scale: tuple[float, float] | None) -> Settings:
    """settings with eq. 10's thresholds in nats; scale is entropy_scale's, or None where they
    are in nats already.
    """
    if scale is None:
        return settings
    positions = settings.router_delta_low, settings.router_delta_high
    low, high = (nats_of(position, scale) for position in positions)
    return replace(settings, router_unit="nats", router_delta_low=low, router_delta_high=high)


def nats_of(position: Array | float, scale: tuple[float, float]) -> Array | float:
    """Entropies in nats of positions on a scale; any shape."""
    zero, one = scale
    return zero + position * (one - zero)


def thresholds(settings: Settings, scale: tuple[float, float] | None) -> dict[str, float] | None:
    """delta_low and delta_high in nats, and median_seen and median_proxy where they were measured;
    None for the soft gate.

    settings are a model's routing_, scale its entropy_scale_.
    """
    if settings.router_gate == "soft":
        return None
    found = {"delta_low": settings.router_delta_low, "delta_high": settings.router_delta_high}
    if scale is not None:
        found |= dict(zip(("median_seen", "median_proxy"), scale, strict=True))
    return found
