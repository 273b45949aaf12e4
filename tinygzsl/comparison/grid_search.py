"""Hyper-parameters and offset of a baseline by validation on pseudo-unseen classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from statistics import fmean
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..baselines.common.calibration import Calibration, choose_offset, fit_on
from ..datasets import Dataset, TrainingSet
from ..metrics import accuracies
from ..tuning.folds import folds as make_folds

FOLDS = 3


class Trial(NamedTuple):
    """Settings that were tried and their Calibration, which is None if training diverged."""

    params: dict[str, Any]
    calibration: Calibration | None


class Searchable(Protocol):
    """A baseline's class, or a user's: called with settings and a seed, it is an unfitted model."""

    @property
    def title(self) -> str:
        """Its name in tables."""

    @property
    def grid(self) -> dict[str, tuple[Any, ...]]:
        """The values to try for each setting."""

    def __call__(self, *, seed: int, **params: Any) -> Any:
        """Return the model."""


def validation_folds(training: TrainingSet, *, seed: int = 0) -> list[Dataset]:
    """Return the folds on which settings and offsets of baselines are chosen.

    They are those of `tinygzsl tune --folds 3`.
    """
    return make_folds(training, count=FOLDS, seed=seed)


def search(
    kind: Searchable,
    folds: list[Dataset],
    *,
    seed: int = 0,
    on_trial: Callable[[Trial, int, int], None] | None = None,
    start: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], Calibration]:
    """Return the settings of kind.grid with the best mean H over the folds, and their Calibration.

    Every combination of the grid is tried, together with the settings of start that are not in the
    grid. on_trial(trial, number, total) is called after each trial. Of equal trials the first is
    taken. Settings that diverge on a fold are not taken. Raises FloatingPointError if all diverge.
    """
    combinations = [
        dict(zip(kind.grid, values, strict=True)) for values in product(*kind.grid.values())
    ]
    trials = []
    for number, params in enumerate(combinations, 1):
        trial = Trial({**(start or {}), **params}, None)
        try:
            model = kind(**trial.params, seed=seed)
            trial = trial._replace(calibration=_calibration(model, folds))
        except FloatingPointError:
            pass
        trials.append(trial)
        if on_trial:
            on_trial(trial, number, len(combinations))
    usable = [(trial.params, found) for trial in trials if (found := trial.calibration)]
    if not usable:
        raise FloatingPointError(
            f"{kind.title} diverged with all {len(trials)} settings of its grid; pass other "
            "settings, or scale the features"
        )
    return max(usable, key=lambda chosen: chosen[1].H)


def _calibration(model: Any, folds: list[Dataset]) -> Calibration:
    """Return choose_offset(model, folds); a model without scores has H of its labels, offset 0."""
    if getattr(model, "has_scores", True):
        return choose_offset(model, folds)
    by_fold = []
    for fold in folds:
        label = fit_on(model, fold).predict(
            fold.X_test, fold.unseen_prototypes, fold.unseen_classes
        )
        by_fold.append(accuracies(fold.y_test, label, np.isin(fold.y_test, fold.seen_classes))["H"])
    mean = fmean(by_fold)
    return Calibration(offset=0.0, H=mean, H_without=mean, H_by_fold=by_fold)
