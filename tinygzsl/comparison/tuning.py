"""Hyper-parameters and offset of a baseline by validation on pseudo-unseen classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

from ..baselines.common.base import Baseline
from ..baselines.common.calibration import Calibration, choose_offset
from ..datasets import Dataset, TrainingSet
from ..tuning.folds import folds as make_folds

FOLDS = 3


class Trial(NamedTuple):
    """Settings that were tried and their Calibration; None where training diverged on a fold."""

    params: dict[str, Any]
    calibration: Calibration | None


def validation_folds(training: TrainingSet, seed: int = 0) -> list[Dataset]:
    """The folds that everything about a baseline is chosen on: those of `tinygzsl tune`."""
    return make_folds(training, FOLDS, seed)


def search(
    kind: type[Baseline],
    folds: list[Dataset],
    seed: int = 0,
    on_trial: Callable[[Trial, int, int], None] | None = None,
    start: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], Calibration]:
    """The settings of kind.grid with the best mean H over the folds, with the offset of that H.

    Every combination of the grid is tried beside the values of start; on_trial(trial, number,
    total) is called after each. The first of equally good ones is taken. Raises FloatingPointError
    if all of them diverge.
    """
    combinations = [
        dict(zip(kind.grid, values, strict=True)) for values in product(*kind.grid.values())
    ]
    trials = []
    for number, params in enumerate(combinations, 1):
        trial = Trial({**(start or {}), **params}, None)
        try:
            model = kind(**trial.params, seed=seed)
            trial = trial._replace(calibration=choose_offset(model, folds))
        except FloatingPointError:
            pass  # what diverges on a fold is no choice
        trials.append(trial)
        if on_trial:
            on_trial(trial, number, len(combinations))
    usable = [trial for trial in trials if trial.calibration]
    if not usable:
        raise FloatingPointError(
            f"{kind.title} diverged with all {len(trials)} settings of its grid; pass other "
            "settings, or scale the features"
        )
    best = max(usable, key=lambda trial: trial.calibration.H)
    return best.params, best.calibration
