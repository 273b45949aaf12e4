"""Prototypes by class: rows of a data frame indexed by class, or a dict from class to vector.

They are put in the order of the classes. Rows without labels, those of an array or of a data frame
with the default index 0, 1, ..., are in that order already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..runtime.array import Array
from ..runtime.backend import array_module, as_array
from ..runtime.labels import check_labels
from ..text import quoted
from .array_checks import views_refused
from .named_columns import Columns, Table, as_table, text_names
from .views import ONE, as_views


def prototype_tables(name: str, prototypes: Any) -> dict[str, Table]:
    """Return the prototypes by view; those of one array, data frame or dict by class are ONE's.

    A dict whose values are vectors is from class to vector, any other is one of views. `name` is
    what the sentences call the argument. Raises ValueError for labels or vectors that don't fit.
    """
    if isinstance(prototypes, Mapping) and not _is_by_class(name, prototypes):
        views = as_views(prototypes)
        return {view: _table(f"{name}[{view!r}]", part) for view, part in views.items()}
    return {ONE: _table(name, prototypes)}


def prototype_table(name: str, prototypes: Any) -> Table:
    """Return the prototypes of a model that takes one array; ValueError for a dict of views."""
    if isinstance(prototypes, Mapping) and not _is_by_class(name, prototypes):
        raise views_refused(name, prototypes)
    return _table(name, prototypes)


def in_order_of_y(tables: Mapping[str, Table], y: Array, *, name: str) -> dict[str, Table]:
    """Return the prototypes of fit, by view, with labelled rows in the order of np.unique(y)."""
    if all(table.labels is None for table in tables.values()):
        return dict(tables)
    classes = np.unique(check_labels("y", y, rows=None))
    return _in_order(tables, classes, name=name, of="y")


def with_classes(
    tables: Mapping[str, Table], classes: Array | None
) -> tuple[dict[str, Table], Array | None]:
    """Return the prototypes of unseen classes by view, all in one order, and the classes.

    If no classes (U,) are given, they are the labels of the rows. Raises ValueError if some views
    have labels then and others don't.
    """
    name = "unseen_prototypes"
    labelled = [view for view, table in tables.items() if table.labels is not None]
    if not labelled:
        return dict(tables), classes
    if classes is not None:
        asked = check_labels("unseen_classes", as_array(classes), rows=None)
        return _in_order(tables, asked, name=name, of="unseen_classes"), classes
    if len(labelled) < len(tables):
        bare = next(view for view in tables if view not in labelled)
        raise InputError(
            f"the view {labelled[0]!r} of {name} has classes for its rows but {bare!r} has none; "
            "give both classes, or pass unseen_classes"
        )
    labels = tables[labelled[0]].labels
    assert labels is not None  # labelled says so
    return _in_order(tables, labels, name=name, of=f"the view {labelled[0]!r}"), labels


def table_with_classes(
    unseen_prototypes: Any, unseen_classes: Array | None
) -> tuple[Table, Array | None]:
    """Return the one array of unseen prototypes, in the order of the classes, and the classes."""
    table = prototype_table("unseen_prototypes", unseen_prototypes)
    tables, classes = with_classes({ONE: table}, unseen_classes)
    return tables[ONE], classes


def _in_order(
    tables: Mapping[str, Table], classes: np.ndarray, *, name: str, of: str
) -> dict[str, Table]:
    called = {view: name if view == ONE else f"{name}[{view!r}]" for view in tables}
    return {view: _rows(called[view], t, classes, of=of) for view, t in tables.items()}


def _rows(name: str, table: Table, classes: np.ndarray, *, of: str) -> Table:
    """Return the rows of the classes (C,); ValueError unless each has one, and no other has."""
    labels = table.labels
    if labels is None:
        return table
    kinds = {labels.dtype.kind == "U", classes.dtype.kind == "U"}
    if len(kinds) > 1 and labels.size and classes.size:
        raise InputError(
            f"the rows of {name} are labelled {quoted(labels[0].item())} and {of} has "
            f"{quoted(classes[0].item())}; use the same kind of label, or pass the rows as an array"
        )
    rows = {label: row for row, label in enumerate(labels.tolist())}
    if len(rows) < len(labels):
        found, counts = np.unique(labels, return_counts=True)
        raise InputError(f"{name} has the class {_first(found[counts > 1])} twice; drop a row")
    missing = np.setdiff1d(classes, labels)
    if len(missing):
        raise InputError(
            f"{name} has no row for the class {_first(missing)} of {of}; add it, or pass the rows "
            "as an array in the order of the classes"
        )
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise InputError(
            f"{name} has a row for the class {_first(unknown)}, which is not in {of}; drop it"
        )
    order = np.array([rows[label] for label in classes.tolist()], dtype=np.intp)
    return table.rows(order)


def _first(labels: np.ndarray) -> str:
    return quoted(labels[0].item())


def _is_by_class(name: str, prototypes: Mapping[Any, Any]) -> bool:
    """Return whether the values are vectors; ValueError if only some of them are."""
    vectors = {key: _is_vector(value) for key, value in prototypes.items()}
    if len(set(vectors.values())) > 1:
        one, other = (next(k for k, v in vectors.items() if v is kind) for kind in (True, False))
        raise InputError(
            f"{name} is a dict with a vector for {quoted(one)} but not for {quoted(other)}; pass a "
            "vector for each class, or a matrix for each view"
        )
    return any(vectors.values())


def _is_vector(value: Any) -> bool:
    if isinstance(value, Mapping) or hasattr(value, "columns"):
        return False
    return as_array(value).ndim == 1


def _table(name: str, prototypes: Any) -> Table:
    if isinstance(prototypes, Mapping):
        return _stacked(name, prototypes)
    table = as_table(prototypes)
    labels = None if table is prototypes else _index(prototypes)
    if labels is None:
        return table
    return replace(table, labels=check_labels(f"the index of {name}", labels, rows=len(table)))


def _stacked(name: str, by_class: Mapping[Any, Any]) -> Table:
    """Return the table of a dict from class to vector."""
    if not by_class:
        raise InputError(f"{name} is an empty dict; pass a vector for each class")
    keys = list(by_class)
    as_text = any(isinstance(key, str) for key in keys)  # np.array would make text of numbers
    labels = check_labels(
        f"the list of classes in {name}", np.array(keys, object if as_text else None), rows=None
    )
    vectors = [as_array(vector) for vector in by_class.values()]
    for key, vector in zip(keys, vectors, strict=True):
        if vector.shape != vectors[0].shape or vector.ndim != 1:
            raise InputError(
                f"{name} has shape {vector.shape} for the class {quoted(key)} but "
                f"{vectors[0].shape} for {quoted(keys[0])}; pass vectors of one length"
            )
    array = array_module(*vectors).concatenate([vector[None] for vector in vectors])
    return Table(array, _names_of_vectors(name, by_class), labels)


def _names_of_vectors(name: str, by_class: Mapping[Any, Any]) -> Columns:
    """Return the names in the index of pandas' series; ValueError if those of two differ."""
    found = {key: text_names(_index(vector)) for key, vector in by_class.items()}
    first = next(iter(found))
    for key, names in found.items():
        if names != found[first]:
            raise InputError(
                f"the vectors of the classes {quoted(first)} and {quoted(key)} in {name} have "
                "different index entries; give all vectors the same, in the same order"
            )
    return found[first]


def _index(pandas: Any) -> Any:
    """Return the index of a data frame or a series as an array, None if nobody has set it."""
    index = getattr(pandas, "index", None)
    if index is None or callable(index):  # a list has a method of this name
        return None
    if getattr(index, "start", None) == 0 and getattr(index, "step", None) == 1:
        return None  # the default, a RangeIndex
    return np.asarray(index)
