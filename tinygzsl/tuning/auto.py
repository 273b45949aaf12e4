"""preset="auto": settings are chosen by validation on the training samples before training."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..datasets import TrainingSet
from ..errors import InputError
from ..runtime.array import Array
from ..runtime.backend import to_host
from ..runtime.labels import check_labels
from ..settings import given_settings
from ..text import quoted, warn
from .tune import Tuning, tune

BASE = "small"  # the preset from which the search starts


class Auto(NamedTuple):
    """The result of preset "auto": the preset BASE, the settings that differ from it, the search.

    The settings are those that the user gave, which are never changed, and those that the search
    chose.
    """

    preset: str
    settings: dict[str, Any]
    search: Tuning


def tuned(training: TrainingSet, params: dict[str, Any]) -> Auto:
    """Search for the settings that are None in params, an estimator's parameters."""
    given = given_settings(params)
    top = {k: params[k] for k in ("seed", "device", "dtype", "threads", "callback")}
    found = tune(training, BASE, given, **top)
    if found.edges:
        warn(
            f"validation chose the least or greatest value tried for {', '.join(found.edges)}; "
            "a value beyond it may be better"
        )
    return Auto(BASE, given | found.chosen, found)


def training_set(
    X: Array,
    y: np.ndarray,
    prototypes: Array,
    *,
    validation_classes: tuple[Array, Array] | None = None,
) -> TrainingSet:
    """Return the arguments of fit as a TrainingSet on the host.

    y (n,) are labels; prototypes[i] is that of np.unique(y)[i]. Raises ValueError for
    validation_classes that are not in y, or that don't give a fold.
    """
    classes, validation = np.unique(y), None
    if validation_classes is not None:
        validation = _validation_rows(validation_classes, y, classes)
    return TrainingSet(to_host(X), y, to_host(prototypes), classes, validation=validation)


def _validation_rows(
    pair: tuple[Array, Array], y: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of y (n,) whose labels are pseudo-seen, and those that are pseudo-unseen."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(
            f"validation_classes is {quoted(pair)}; pass two arrays of labels, the pseudo-seen and "
            "the pseudo-unseen ones"
        )
    seen, unseen = (np.unique(check_labels("validation_classes", part, like=y)) for part in pair)
    missing = np.setdiff1d(np.concatenate([seen, unseen]), classes)
    if len(missing):
        raise InputError(
            f"validation_classes has {quoted(missing[0].item())}, which is not a label in y; pass "
            "labels of seen classes"
        )
    both = np.intersect1d(seen, unseen)
    if len(both) or len(seen) < 2 or len(unseen) < 1:
        raise InputError(
            f"validation_classes are {len(seen)} pseudo-seen and {len(unseen)} pseudo-unseen "
            f"labels, {len(both)} of them in both; pass at least two and one, none in both"
        )
    return np.flatnonzero(np.isin(y, seen)), np.flatnonzero(np.isin(y, unseen))
