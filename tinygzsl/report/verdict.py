"""In words: whether a score is calibrated."""

from __future__ import annotations

from typing import Any

from .charts import CAME_TRUE

ERRORS = {"score": ("over-confident", "under-confident"), "gate": ("too high", "too low")}


def verdict(name: str, found: dict[str, Any]) -> str:
    """Return what follows "the score is" or "the gate is".

    name is "score" or "gate", found is its entry in the calibration of `evaluate`. A score is
    called too high or too low where that is most of its ECE; else it errs in both directions.
    """
    if found["calibrated"]:
        return "calibrated as far as these samples show"
    mean, rate = found["mean"], found["rate"]
    if abs(mean - rate) <= found["ece"] / 2:
        return "not calibrated: too high for some samples, too low for others"
    error = ERRORS[name][0 if mean > rate else 1]
    shares = f"its mean is {mean:.3f}, the share of {CAME_TRUE[name]} {rate:.3f}"
    return f"not calibrated: {error}, {shares}"
