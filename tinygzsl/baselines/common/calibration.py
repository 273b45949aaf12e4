"""Calibrated stacking: the choice of the offset by validation.

Chao, Changpinyo, Gong, Sha: An Empirical Study and Analysis of Generalized Zero-Shot Learning for
Object Recognition in the Wild, ECCV 2016.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...datasets import Dataset
from ...metrics import harmonic_mean, seen_unseen_curve
from .base import Baseline


class Calibration(NamedTuple):
    """The offset, in standard deviations of training scores, and the H that it gives.

    These are the mean H over the folds with and without the offset, and H of each fold with it.
    """

    offset: float
    H: float
    H_without: float
    H_by_fold: list[float]


def fit_on(model: Any, data: Dataset) -> Any:
    """Fit on the training part of data, and return the model.

    Methods that aren't strict get the unseen prototypes too.
    """
    strict = getattr(model, "strict", True)  # EntropySeparationGZSL is strict
    more = {} if strict else {"unseen_prototypes": data.unseen_prototypes}
    return model.fit(data.X_train, data.y_train, data.seen_prototypes, **more)


def choose_offset(model: Baseline, folds: list[Dataset]) -> Calibration:
    """Return the offset with the best mean H over validation folds; model is fitted on each fold.

    folds come from tinygzsl.tuning.folds.folds: they use training samples only, and some seen
    classes are pseudo-unseen. If several offsets are equally good, the middle of their interval is
    returned (of the interval nearest 0). The search is exact: H changes only at offsets where a
    sample's best seen and best unseen score become equal, and all of these are tried.
    """
    curves = []
    for fold in folds:
        fit_on(model, fold)
        f = model.decision_function(fold.X_test, fold.unseen_prototypes)
        curves.append(_curve(f, fold, scale=model.score_scale_))
    places = np.unique(np.concatenate([places for places, _ in curves]))
    offsets = _between(places)
    by_fold = np.array([_at(curve, offsets) for curve in curves])
    h = by_fold.mean(axis=0)
    best = np.flatnonzero(h == h.max())
    best = best[np.abs(offsets[best]).argmin()]
    without = np.mean([_at(curve, np.zeros(1))[0] for curve in curves])
    return Calibration(
        offset=float(offsets[best]),
        H=float(h[best]),
        H_without=float(without),
        H_by_fold=by_fold[:, best].tolist(),
    )


def _curve(f: np.ndarray, data: Dataset, *, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the offsets (m,), ascending, where H changes, and H (m + 1,) between them.

    Exactly at such an offset the seen class is taken, as argmax prefers the first.
    """
    seen, unseen = f[:, : len(data.seen_classes)], f[:, len(data.seen_classes) :]
    ahead = np.subtract(seen.max(axis=1), unseen.max(axis=1), dtype=np.float64) / scale
    as_seen = data.seen_classes[seen.argmax(axis=1)] == data.y_test
    as_unseen = data.unseen_classes[unseen.argmax(axis=1)] == data.y_test
    thresholds, s, u = seen_unseen_curve(-ahead, as_seen, as_unseen, data.y_test, data.seen_classes)
    return -thresholds[:-1][::-1], np.asarray(harmonic_mean(s, u))[::-1]


def _at(curve: tuple[np.ndarray, np.ndarray], offsets: np.ndarray) -> np.ndarray:
    """Return H at each offset; a sample is taken as seen if the offset is at most its own."""
    places, h = curve
    return h[np.searchsorted(places, offsets, side="left")]


def _between(places: np.ndarray) -> np.ndarray:
    """Return an offset (m + 1,) inside each interval between the places (m,)."""
    return np.concatenate([[places[0] - 1], (places[:-1] + places[1:]) / 2, [places[-1] + 1]])
