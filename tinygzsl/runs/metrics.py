"""The format of metrics.json, and a check that a report runs before it uses the file."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..metrics import ROUTES
from .folder import METRICS

NUMBER = int | float


@dataclass(frozen=True)
class ListOf:
    """The form of a list whose items have a form."""

    form: Any


@dataclass(frozen=True)
class OrNone:
    """The form of a value that may be None."""

    form: Any


ACCURACIES = {"S": NUMBER, "U": NUMBER, "H": NUMBER}
SHARES = dict.fromkeys(ROUTES, NUMBER)
NUMBERS = ListOf(NUMBER)
CALIBRATION = {
    **dict.fromkeys(("brier", "ece", "ece_limit", "mean", "rate"), NUMBER),
    "calibrated": bool,
    "curve": {"mean": NUMBERS, "rate": NUMBERS, "count": NUMBERS},
    "histogram": NUMBERS,
}
# A dict lists the required keys; a list [form] stands for a dict with any keys.
FORMS = {
    **ACCURACIES,
    **dict.fromkeys(("supervised", "zsl", "ausuc", "auroc", "fpr95"), NUMBER),
    "gzsl": ACCURACIES,
    "oracle": {**ACCURACIES, "threshold": NUMBER},
    "gate": {"auroc": NUMBER, "fpr95": NUMBER},
    "oracle_offset": {**ACCURACIES, "offset": NUMBER},
    "entropy": [NUMBER],
    "routes": {"seen": SHARES, "unseen": SHARES},
    "per_class": {"seen": [NUMBER], "unseen": [NUMBER]},
    "calibration": {"score": OrNone(CALIBRATION), "gate": OrNone(CALIBRATION)},
    "n_test": [NUMBER],
    "inputs": [str],
}


def check_metrics(metrics: dict[str, Any], folder: Path) -> None:
    """Raise ValueError unless metrics.json of a run folder has the expected format.

    S, U and H are required. Other keys may be missing, as in files of older versions; additional
    keys are allowed.
    """
    again = f"run `tinygzsl evaluate {folder}` again"
    for key, form in FORMS.items():
        if key not in metrics and key in ACCURACIES:
            raise InputError(f"{folder / METRICS} is damaged: it has no {key}; {again}")
        if key in metrics and not _fits(metrics[key], form):
            raise InputError(
                f"{folder / METRICS} is damaged: `evaluate` can't have written {key} = "
                f"{reprlib.repr(metrics[key])}; {again}"
            )


def _fits(value: Any, form: Any) -> bool:
    """Return whether a JSON value has a form of FORMS."""
    if isinstance(form, OrNone):
        return value is None or _fits(value, form.form)
    if isinstance(form, ListOf):
        return isinstance(value, list) and all(_fits(v, form.form) for v in value)
    if isinstance(form, list):
        return isinstance(value, dict) and all(_fits(v, form[0]) for v in value.values())
    if isinstance(form, dict):
        return isinstance(value, dict) and all(
            key in value and _fits(value[key], inner) for key, inner in form.items()
        )
    return isinstance(value, form)
