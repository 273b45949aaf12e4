"""The format of metrics.json, and a check that a report runs before it uses the file."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any

from ..metrics import ROUTES
from .folder import METRICS

NUMBER = int | float
ACCURACIES = {"S": NUMBER, "U": NUMBER, "H": NUMBER}
SHARES = dict.fromkeys(ROUTES, NUMBER)
# A dict lists the required keys; a list [form] stands for a dict with any keys.
FORMS = {
    **ACCURACIES,
    **dict.fromkeys(("supervised", "zsl", "ausuc", "auroc", "fpr95"), NUMBER),
    "gzsl": ACCURACIES,
    "oracle": {**ACCURACIES, "threshold": NUMBER},
    "entropy": [NUMBER],
    "routes": {"seen": SHARES, "unseen": SHARES},
    "per_class": {"seen": [NUMBER], "unseen": [NUMBER]},
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
            raise ValueError(f"{folder / METRICS} is damaged: it has no {key}; {again}")
        if key in metrics and not _fits(metrics[key], form):
            raise ValueError(
                f"{folder / METRICS} is damaged: `evaluate` can't have written {key} = "
                f"{reprlib.repr(metrics[key])}; {again}"
            )


def _fits(value: Any, form: Any) -> bool:
    """Return whether a JSON value has a form of FORMS."""
    if isinstance(form, list):
        return isinstance(value, dict) and all(_fits(v, form[0]) for v in value.values())
    if isinstance(form, dict):
        return isinstance(value, dict) and all(
            key in value and _fits(value[key], inner) for key, inner in form.items()
        )
    return isinstance(value, form)
