"""Checks of what a user passes to a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..datasets.views import ONE, Prototypes, as_views, check_views
from ..estimator import EntropySeparationGZSL
from ..gates.panel import KINDS
from ..runtime.backend import as_array, to_host
from ..text import quoted
from .experts import Expert


def checked_features(features: Any) -> tuple[str, ...] | None:
    """Return the kinds of features as a tuple, or None; ValueError for anything else."""
    if features is None:
        return None
    good = isinstance(features, tuple | list) and features and len({*features}) == len(features)
    if not good or not all(kind in KINDS for kind in features):
        raise ValueError(
            f"features is {quoted(features)}; pass None or a tuple of {', '.join(KINDS)}"
        )
    return tuple(features)


def check_there(features: tuple[str, ...], experts: list[Expert]) -> None:
    """ValueError if the gate is to look at a kind of feature that none of the experts has."""
    has_entropy = any(isinstance(expert.method, EntropySeparationGZSL) for expert in experts)
    if "entropy" in features and not has_entropy:
        raise ValueError(
            f"features is {features}, but only EntropySeparationGZSL has an entropy, which no "
            "expert is; leave out 'entropy', or add such an expert"
        )
    if "neighbours" in features and all(expert.scaling is None for expert in experts):
        raise ValueError(
            f"features is {features}, but no expert has neighbours: they need the scaling of an "
            "expert of tinygzsl; leave out 'neighbours', or add such an expert"
        )


def views_on_host(prototypes: Any) -> Prototypes:
    """Return prototypes, an array or a dict of views, as arrays of NumPy."""
    if isinstance(prototypes, Mapping):
        return {name: to_host(as_array(a)) for name, a in as_views(prototypes).items()}
    return to_host(as_array(prototypes))


def as_given(views: Mapping[str, np.ndarray]) -> Any:
    """Return views as they came, for the names in errors: an array, or a dict."""
    found = dict(views)
    return found[ONE] if list(found) == [ONE] else found


def unseen_of_fit(
    seen: Mapping[str, np.ndarray], unseen_prototypes: Any, experts: list[Expert]
) -> dict[str, np.ndarray] | None:
    """Return the unseen prototypes by view; ValueError if all experts are strict."""
    if unseen_prototypes is None:
        return None
    if all(expert.strict for expert in experts):
        raise ValueError(
            "fit got unseen_prototypes, but all experts are strict and must not see them; leave "
            "them out here and pass them to predict"
        )
    return check_views(seen, views_on_host(unseen_prototypes))
