"""Choosing settings by validation on pseudo-unseen classes, without test data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from ..datasets import TrainingSet
from ..errors import InputError
from ..metrics import auroc
from ..nn.device_memory import FREE_SOME, device_errors
from ..router import LOW_AUROC
from ..runtime.threads import check_threads, workers
from ..settings import Settings, settings_for
from ..storage.rows import csv_text
from ..text import warn
from .folds import disjoint_folds
from .folds import folds as make_folds
from .gate_grids import Scores
from .search import Search
from .trials import FoldTrainer


class Tuning(NamedTuple):
    """The result of a search.

    Attributes
    ----------
    settings : Settings
        For the final training on all seen classes.
    chosen : dict
        The settings that differ from those at the start of the search, by name.
    H : float
        Mean validation H over the folds, a fraction, with one gate for all folds.
    gates : list of dict
        For each kind of gate, with the unit of its thresholds or its features: H; left_out, the
        mean H of each fold with the gate that the other folds choose (None for a single fold); and
        the settings.
    trials : list of dict
        The trials in order: stage, H, H_by_fold and the settings tried.
    edges : list of str
        Searched settings whose chosen value is the least or greatest one tried.
    """

    settings: Settings
    chosen: dict[str, Any]
    H: float
    gates: list[dict[str, Any]]
    trials: list[dict[str, Any]]
    edges: list[str]


def tune(
    training: TrainingSet,
    preset: str = "small",
    overrides: dict[str, Any] | None = None,
    *,
    folds: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    dtype: str = "float32",
    threads: int | None = None,
    callback: Callable[[int, dict[str, Any]], None] | None = None,
    recalibrate: bool = False,
) -> Tuning:
    """Search for settings, starting from a preset, by validation on pseudo-unseen classes.

    The stages of the search are described in tinygzsl/tuning/search.py. A warning is issued if H is
    0 with every gate.

    Parameters
    ----------
    training : TrainingSet
        From Dataset.training(): seen samples and seen prototypes only.
    preset : str
        The start of the search.
    overrides : dict, optional
        Settings that keep these values.
    folds : int, optional
        The number of validation folds of different sizes, 1 to 20; by default there are five
        disjoint groups of pseudo-unseen classes. See tinygzsl/tuning/folds.py.
    seed : int
        The seed of all random numbers.
    device : {"cpu", "cuda"}
    dtype : {"float32", "float64"}
    threads : int, optional
        Number of threads; by default as many as BLAS would use.
    callback : callable, optional
        callback(step, logs) gets the units of work done, their total and each trial; at step 0 also
        "expected_seconds" and "expected_bytes" of the search and a training after it, roughly.
    recalibrate : bool
        The same as router_unit="measured": eq. 10's thresholds are searched as positions on the
        scale of tinygzsl/gates/units.py, which the final training measures on held-out samples.

    Returns
    -------
    Tuning

    Raises
    ------
    ValueError
        If there are fewer than four classes, the data have NaN, a setting doesn't exist or
        conflicts with recalibrate, there are too many folds, or a fixed threshold or weight of L_ES
        leaves nothing to choose.
    FloatingPointError
        If the VSMM diverges with the preset's learning rate.
    """
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    if given.get("router_weights"):
        raise InputError(
            "router_weights is fixed, so there is no learned gate to find; leave it out, or train "
            "with another preset than 'auto'"
        )
    settings, n_seen = settings_for(preset, given), len(training.classes)
    start = _recalibrated(settings, given) if recalibrate else settings
    with workers(check_threads(threads)), device_errors(FREE_SOME):
        if folds is None:
            parts = disjoint_folds(training, seed=seed)
        else:
            parts = make_folds(training, count=folds, seed=seed)
        trainers = [
            FoldTrainer(part, seed=seed, device=device, dtype=dtype, start=start) for part in parts
        ]
        search = Search(trainers, start, n_seen=n_seen, given=frozenset(given), callback=callback)
        if callback:
            _say_beforehand(search, callback)
        search.networks()
        search.separation()
        gate, gates = search.gate()
    if gate.h <= 0:
        warn(
            "no gate gives H above 0 on the folds, so the settings can't be compared; check the "
            "features and prototypes"
        )

    _warn_if_chance(search.scores)

    final = replace(search.settings, **gate.settings)
    names = (field.name for field in fields(Settings))
    return Tuning(
        settings=final,
        chosen={n: getattr(final, n) for n in names if getattr(final, n) != getattr(settings, n)},
        H=gate.h,
        gates=[
            {
                "kind": g.kind,
                "unit": g.unit,
                "taken": g is gate,
                "H": g.h,
                "left_out": None if math.isnan(g.left_out) else g.left_out,
                **g.settings,
            }
            for g in gates
        ],
        trials=search.trials,
        edges=search.space.edges(final) + gate.edges,
    )


def _say_beforehand(search: Search, callback: Callable[[int, dict[str, Any]], None]) -> None:
    found = search.expected()
    if found is not None:
        callback(0, {"phase": "tune", "total": search.total, **found.logs()})


def _warn_if_chance(folds: list[Scores]) -> None:
    """Warn if entropy, on average over the folds, hardly detects pseudo-unseen samples."""
    areas = [auroc(f.entropy[f.weight_seen > 0], f.entropy[f.weight_unseen > 0]) for f in folds]
    if np.mean(areas) < LOW_AUROC:
        warn(
            "entropy hardly tells pseudo-unseen from pseudo-seen samples: its AUROC on the folds "
            f"is {np.mean(areas):.3f}, and 0.5 is chance, so no gate can do well; use another "
            "scaler, train longer, or compare with eq. 2 alone"
        )


def _recalibrated(settings: Settings, given: dict[str, Any]) -> Settings:
    if given.get("router_unit") == "nats":
        raise InputError(
            "router_unit is fixed at 'nats', but recalibrate needs 'measured'; drop one of the two"
        )
    return replace(settings, router_unit="measured")


def trials_csv(trials: list[dict[str, Any]]) -> str:
    """Return the trials as CSV, one row each; the H of the folds are separated by spaces."""
    rows = []
    for trial in trials:
        by_fold = " ".join(f"{h:.4f}" for h in trial["H_by_fold"])
        rows.append({**trial, "H": f"{trial['H']:.4f}", "H_by_fold": by_fold})
    return csv_text(rows)
