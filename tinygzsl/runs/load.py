"""What `plot` and `report` read of a run folder: the model, the manifest and the metrics."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ..estimator import EntropySeparationGZSL
from ..models import load_model
from ..snapshots import Look
from ..storage.checksums import read_json
from .config import read_source
from .folder import CONFIG, MANIFEST, METRICS, MODEL
from .manifest import check_model_file, file_sha256
from .metrics import check_metrics


class Run(NamedTuple):
    """A finished run. source: arguments of load_dataset; metrics: None before `evaluate`."""

    folder: Path
    model: EntropySeparationGZSL
    source: dict[str, Any]
    manifest: dict[str, Any]
    metrics: dict[str, Any] | None


def read_run(folder: Any, device: str | None = None) -> Run:
    """The run in a folder, its model on the device (None: the run's own).

    Raises FileNotFoundError for what is no finished run, ValueError for files that are damaged or
    for metrics of another model.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; pass a run folder that `train` has made")
    model = load_model(folder / MODEL, device)
    manifest, source = read_json(folder / MANIFEST), read_source(folder / CONFIG)
    check_model_file(folder)
    metrics = None
    if (folder / METRICS).exists():
        metrics = read_json(folder / METRICS, f"run `tinygzsl evaluate {folder}` again")
    for name, value in ((MANIFEST, manifest), (METRICS, metrics or {})):
        if not _finite(value):
            raise ValueError(
                f"{folder / name} holds a NaN, an infinity or too large a number; train or "
                "evaluate again"
            )
    if metrics is not None:
        check_metrics(metrics, folder)
    if metrics and metrics.get("model_sha256") != file_sha256(folder / MODEL):
        raise ValueError(
            f"{folder / METRICS} belongs to another model than {MODEL}; run `tinygzsl evaluate "
            f"{folder}` again"
        )
    return Run(folder, model, source, manifest, metrics)


def _finite(value: Any) -> bool:
    """Whether all numbers in a JSON value are finite floats: Python's reader lets NaN pass, and
    integers of any size.
    """
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int | float) or abs(value) <= sys.float_info.max


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


def look_value(run: Run, look: Look) -> float:
    """A look's score in the unit in which the window was set."""
    return look.relative if run.model.settings_.cs_unit == "relative" else look.cs


def thresholds(run: Run) -> list[tuple[float, str]]:
    """The router's entropies in nats, with the name of each: eq. 10's two, or where the soft gate
    is 1/2.
    """
    settings = run.model.routing_
    if settings.router_gate == "soft":
        return [(settings.router_bias * math.log(len(run.model.classes_)), "gate 1/2")]
    return [(settings.router_delta_low, "δ low"), (settings.router_delta_high, "δ high")]
