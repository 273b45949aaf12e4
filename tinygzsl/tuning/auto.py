"""preset="auto": fit chooses settings by validation on its own samples, then trains with them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..datasets import TrainingSet
from ..runtime.backend import Array, to_host
from .tune import Tuning, tune

if TYPE_CHECKING:
    from ..estimator import EntropySeparationGZSL

BASE = "small"  # the preset where the search begins


def tuned(
    model: EntropySeparationGZSL, training: TrainingSet
) -> tuple[str, dict[str, Any], Tuning]:
    """The preset BASE, the settings that differ from it, and the search: those that the user gave
    the model, which are never changed, and those that the search chose.
    """
    given = {k: v for k, v in model._overrides().items() if v is not None}
    top = {k: getattr(model, k) for k in ("seed", "device", "dtype", "threads", "callback")}
    found = tune(training, BASE, given, **top)
    if found.edges:
        warnings.warn(
            f"validation chose the least or greatest value tried for {', '.join(found.edges)}; "
            "a value beyond it may be better",
            stacklevel=4,  # the call of fit
        )
    return BASE, given | found.chosen, found


def training_set(X: Array, y: np.ndarray, prototypes: Array) -> TrainingSet:
    """What fit was given, on the host: y (n,) labels, prototypes[i] that of np.unique(y)[i]."""
    return TrainingSet(to_host(X), y, to_host(prototypes), np.unique(y))
