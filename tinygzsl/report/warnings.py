"""The warnings on a report."""

from __future__ import annotations

import math
from typing import Any

from ..gates.learned import OFFSETS
from ..router import LOW_AUROC
from ..runs.load import Run
from ..snapshots import low_reference
from ..stacking.stack import StackedGZSL

EDGE = 0.01  # of ln S: a threshold so near to 0 or ln S is at the edge of its range
LISTED = 10  # classes with accuracy 0 that are named


def find_warnings(run: Run, metrics: dict[str, Any] | None, *, name: Any = str) -> list[str]:
    """Return one sentence per finding, in a fixed order; name(label) is how a class is shown."""
    found = [*_strict_warnings(run), *_proxy_warnings(run), *_threshold_warnings(run)]
    return found if metrics is None else found + _result_warnings(metrics, name)


def _strict_warnings(run: Run) -> list[str]:
    if not isinstance(run.model, StackedGZSL) or run.model.strict:
        return []
    models = run.model.experts_
    names = [name for name, model in models.items() if not getattr(model, "strict", True)]
    return [
        "The run is not strict: the prototypes of the unseen classes were used to train "
        f"{', '.join(names)}."
    ]


def _proxy_warnings(run: Run) -> list[str]:
    model = run.single
    if model is None or model.proxy_source_ is None:
        return []
    source, settings = model.proxy_source_, model.settings_
    found = []
    values = [look.value(settings.cs_unit) for look in source.looks]
    unit = "r" if settings.cs_unit == "relative" else "CS"
    window = f"{settings.cs_low:g} < {unit} < {settings.cs_high:g}"
    if not any(settings.cs_low < value < settings.cs_high for value in values):
        nearest = source.snapshots[0].look.value(settings.cs_unit)
        found.append(
            f"The CS window is empty: no look has {window}, and the proxies come from the nearest "
            f"snapshot, at {unit} = {nearest:.3g}. A lower gan.lr makes smaller jumps."
        )
    if settings.proxy_from == "pool" and max(values) < settings.cs_high:
        found.append(
            f"The CS window was never passed: {unit} reached {max(values):.3g} of "
            f"{settings.cs_high:g} when the CWGAN stopped at gan.max_epochs = "
            f"{settings.gan_max_epochs}."
        )
    if source.reference < low_reference(len(model.classes_)):
        found.append(
            f"CS of held-out real samples is only {source.reference:.2f}: the PTC barely tells the "
            "classes apart, so the window of CS means little."
        )
    return found


def _threshold_warnings(run: Run) -> list[str]:
    model = run.single
    if model is None or model.settings_.router_gate == "learned":
        return _offset_warnings(run.model.decision_.gate.offset)
    settings, classes = model.routing_, len(model.classes_)
    top = math.log(classes)
    at_top = f"at the edge of its range, which ends at ln {classes} = {top:.3g} nats"
    if settings.router_gate == "soft":
        if EDGE < settings.router_bias < 1 - EDGE:
            return []
        return [f"The gate's bias is {settings.router_bias:g}, at the edge of its range of 0 to 1."]
    found = []
    low, high = settings.router_delta_low, settings.router_delta_high
    if low <= EDGE * top:
        found.append(
            f"δ low is {low:g} nats, at the edge of its range: hardly any sample can be classified "
            "as seen without the unseen classes as candidates."
        )
    if high >= (1 - EDGE) * top:
        found.append(f"δ high is {high:g} nats, {at_top}: hardly any sample is routed to unseen.")
    elif low >= (1 - EDGE) * top:
        found.append(f"δ low is {low:g} nats, {at_top}.")
    return found


def _offset_warnings(offset: float) -> list[str]:
    low, high = OFFSETS.min(), OFFSETS.max()
    if low < offset < high:
        return []
    return [
        f"The gate's offset is {offset:g}, at the edge of its range of {low:g} to {high:g}: the "
        "folds asked for one farther out."
    ]


def _result_warnings(metrics: dict[str, Any], name: Any) -> list[str]:
    found = []
    for kind in ("seen", "unseen"):
        accuracies = metrics.get("per_class", {}).get(kind, {})
        zero = [name(label) for label, value in accuracies.items() if value == 0]
        if zero:
            rest = f" and {len(zero) - LISTED} more" if len(zero) > LISTED else ""
            plural = "class" if len(zero) == 1 else "classes"
            found.append(
                f"No test sample was labelled correctly in {len(zero)} {kind} {plural}: "
                f"{', '.join(zero[:LISTED])}{rest}."
            )
    detector, of = ("gate", metrics["gate"]) if "gate" in metrics else ("entropy", metrics)
    if of.get("auroc", 1) < LOW_AUROC:
        found.append(
            f"The {detector} hardly tells unseen from seen: its AUROC is {of['auroc']:.3f}, and "
            "0.5 is chance."
        )
    plain = metrics.get("gzsl", {}).get("H", 0)
    if metrics.get("H", 1) < plain:
        found.append(
            f"The router is worse than eq. 2 for every sample: its H is {metrics['H']:.3f}, that "
            f"of eq. 2 is {plain:.3f}."
        )
    return found
