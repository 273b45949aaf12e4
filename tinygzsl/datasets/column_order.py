"""The columns of a dataset, for a model that was fitted with names: compared, or put in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .dataset import Dataset
from .named_columns import Names, by_view, column_order, with_names
from .views import ONE, Prototypes


class Inputs(NamedTuple):
    """What a model gets of test samples: X (t, d) and prototypes (U, k), or a dict of views."""

    X: Any
    unseen_prototypes: Any


def inputs_of(model: Any, data: Dataset) -> Inputs:
    """Return test samples and unseen prototypes, with names if the model was fitted with names."""
    names = Names.of_model(model)
    X, prototypes = data.X_test, data.unseen_prototypes
    if names.features is not None:
        X = with_names(X, data.feature_names)
    if names.attributes:
        prototypes = with_names(prototypes, data.attribute_names)
    return Inputs(X, prototypes)


def in_order_of(model: Any, data: Dataset) -> tuple[Dataset, list[str]]:
    """Return the dataset with its columns in the order of the model's, and notes on what moved.

    Columns without names, in either of them, stay as they are. Raises ValueError for a column that
    is missing, unknown or there twice.
    """
    names, notes = Names.of_model(model), []
    order = column_order(f"the dataset {data.name}", data.feature_names, wanted=names.features)
    if order is not None:
        notes.append("the features are put in the order of the model's")
        data = replace(
            data,
            X_train=data.X_train[:, order],
            X_test=data.X_test[:, order],
            feature_names=names.features,
        )
    columns = dict(by_view(data.attribute_names))
    for view, found in columns.items():
        called = "prototypes" if view == ONE else f"prototypes {view}"
        wanted = names.attributes.get(view)
        order = column_order(f"the table of {called} of {data.name}", found, wanted=wanted)
        if order is not None:
            notes.append(f"the attributes of the {called} are put in the order of the model's")
            columns[view] = wanted
            data = replace(
                data,
                seen_prototypes=_ordered(data.seen_prototypes, view, order),
                unseen_prototypes=_ordered(data.unseen_prototypes, view, order),
                attribute_names=columns if isinstance(data.attribute_names, Mapping) else wanted,
            )
    return data, notes


def _ordered(prototypes: Prototypes, view: str, order: np.ndarray) -> Prototypes:
    """Return the prototypes with the columns of one view in another order."""
    if not isinstance(prototypes, Mapping):
        return prototypes[:, order]
    return {**prototypes, view: prototypes[view][:, order]}
