"""Checks of what a user passes to a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..datasets.labelled_rows import prototype_tables, with_classes
from ..datasets.named_columns import ATTRIBUTES, Names, Table, check_as_fitted
from ..datasets.views import ONE, check_views
from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..gates.panel import KINDS
from ..runtime.backend import to_host
from ..text import quoted
from .experts import Expert


def checked_features(features: Any) -> tuple[str, ...] | None:
    """Return the kinds of features as a tuple, or None; ValueError for anything else."""
    if features is None:
        return None
    good = isinstance(features, tuple | list) and features and len({*features}) == len(features)
    if not good or not all(kind in KINDS for kind in features):
        raise InputError(
            f"features is {quoted(features)}; pass None or a tuple of {', '.join(KINDS)}"
        )
    return tuple(features)


def check_there(features: tuple[str, ...], experts: list[Expert]) -> None:
    """ValueError if the gate is to look at a kind of feature that none of the experts has."""
    has_entropy = any(isinstance(expert.method, EntropySeparationGZSL) for expert in experts)
    if "entropy" in features and not has_entropy:
        raise InputError(
            f"features is {features}, but only EntropySeparationGZSL has an entropy, which no "
            "expert is; leave out 'entropy', or add such an expert"
        )
    if "neighbours" in features and all(expert.scaling is None for expert in experts):
        raise InputError(
            f"features is {features}, but no expert has neighbours: they need the scaling of an "
            "expert of tinygzsl; leave out 'neighbours', or add such an expert"
        )


def arrays_of(tables: Mapping[str, Table]) -> Any:
    """Return the prototypes as arrays of NumPy: one, or a dict of views."""
    return as_given({view: to_host(table.array) for view, table in tables.items()})


def as_given(views: Mapping[str, np.ndarray]) -> Any:
    """Return views as they came, for the names in errors: an array, or a dict."""
    found = dict(views)
    return found[ONE] if list(found) == [ONE] else found


def checked_unseen(
    seen: Mapping[str, np.ndarray], unseen_prototypes: Any, unseen_classes: Any, *, names: Names
) -> tuple[dict[str, np.ndarray], Any]:
    """Return unseen prototypes by view, in the order of fit's views and of the classes, and these.

    seen are the prototypes of fit by view, and names its columns'. Raises ValueError for other
    views or columns, and for rows that don't fit the classes.
    """
    tables, classes = with_classes(
        prototype_tables("unseen_prototypes", unseen_prototypes), unseen_classes
    )
    for view in seen:
        if view in tables:
            fitted = names.attributes.get(view)
            check_as_fitted(_called(view), tables[view].columns, fitted=fitted, kept_in=ATTRIBUTES)
    return check_views(seen, arrays_of(tables)), classes


def unseen_of_fit(
    seen: Mapping[str, np.ndarray], unseen_prototypes: Any, experts: list[Expert], *, names: Names
) -> dict[str, np.ndarray] | None:
    """Return the unseen prototypes by view; ValueError if all experts are strict."""
    if unseen_prototypes is None:
        return None
    if all(expert.strict for expert in experts):
        raise InputError(
            "fit got unseen_prototypes, but all experts are strict and must not see them; leave "
            "them out here and pass them to predict"
        )
    return checked_unseen(seen, unseen_prototypes, None, names=names)[0]


def _called(view: str) -> str:
    """Return what sentences call a view of the unseen prototypes."""
    return "unseen_prototypes" if view == ONE else f"unseen_prototypes[{view!r}]"
