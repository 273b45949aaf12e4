"""Reading a finished run from its folder: the model, the manifest and the metrics."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..models import load_model
from ..stacking.stack import StackedGZSL
from ..storage.checksums import file_sha256, read_json
from .config import read_source
from .folder import CONFIG, MANIFEST, METRICS, MODEL
from .manifest import check_model_file, read_manifest
from .metrics import check_metrics


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A finished run.

    source holds the arguments of load_dataset; metrics are None before `tinygzsl evaluate`.
    """

    folder: Path
    model: EntropySeparationGZSL | StackedGZSL
    source: dict[str, Any]
    manifest: dict[str, Any]
    metrics: dict[str, Any] | None

    @property
    def single(self) -> EntropySeparationGZSL | None:
        """The model unless it is a stack: it has settings, a history and, with a GAN, proxies."""
        return None if isinstance(self.model, StackedGZSL) else self.model


def load_run(folder: Any, device: str | None = None) -> Run:
    """Read the run in a folder.

    Parameters
    ----------
    folder : path
    device : str, optional
        The device of the model; the run's own by default.

    Returns
    -------
    Run

    Raises
    ------
    FileNotFoundError
        If the folder doesn't hold a finished run.
    ValueError
        If it is a file, a file of it is damaged, or the metrics belong to another model.
    """
    folder = Path(folder)
    if folder.is_file():
        raise InputError(
            f"{folder} is a file, but the files beside a model are needed too; pass the run folder "
            f"that `train` made, with {MODEL}, {CONFIG} and {MANIFEST} in it"
        )
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; pass a run folder made by `train`")
    model = load_model(folder / MODEL, device)
    if not isinstance(model, EntropySeparationGZSL | StackedGZSL):
        raise InputError(
            f"{folder / MODEL} holds a {type(model).__name__}, which `train` doesn't make; pass a "
            "run folder made by `train`"
        )
    manifest, source = read_manifest(folder), read_source(folder / CONFIG)
    check_model_file(folder)
    metrics = None
    if (folder / METRICS).exists():
        metrics = read_json(folder / METRICS, f"run `tinygzsl evaluate {folder}` again")
    for name, value in ((MANIFEST, manifest), (METRICS, metrics or {})):
        if not _finite(value):
            raise InputError(
                f"{folder / name} holds a NaN, an infinity or too large a number; train or "
                "evaluate again"
            )
    if metrics is not None:
        check_metrics(metrics, folder)
    if metrics and metrics.get("model_sha256") != file_sha256(folder / MODEL):
        raise InputError(
            f"{folder / METRICS} belongs to another model than {MODEL}; run `tinygzsl evaluate "
            f"{folder}` again"
        )
    return Run(folder=folder, model=model, source=source, manifest=manifest, metrics=metrics)


def _finite(value: Any) -> bool:
    """Return whether all numbers in a JSON value are finite as floats.

    Python's reader accepts NaN, and integers of any size.
    """
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int | float) or abs(value) <= sys.float_info.max
