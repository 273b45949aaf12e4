"""Names of columns: a model keeps those that it was fitted with, and takes no others.

Data frames have names, and so have datasets from CSV files. What a user passes becomes a Table, an
array with its names; those of two tables must be the same, in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from ..errors import InputError
from ..runtime.array import Array
from ..runtime.backend import as_array, to_host
from ..text import quoted, warn
from .views import ONE

Columns: TypeAlias = tuple[str, ...] | None  # the names of columns, None if they have none
ViewColumns: TypeAlias = Columns | Mapping[str, Columns]  # of prototypes; of several views by view

FEATURES, ATTRIBUTES = "feature_names_in_", "attribute_names_in_"  # a model's attributes


@dataclass(frozen=True, eq=False)
class Table:
    """A matrix with the names of its columns and, of prototypes, the classes of its rows.

    Both are None where there are none. A table can be passed wherever a data frame can.
    """

    array: Array
    columns: Columns = None
    labels: np.ndarray | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(to_host(self.array), dtype=dtype)
        return array.copy() if copy else array

    def __len__(self) -> int:
        return int(self.array.shape[0])

    @property
    def bare(self) -> Any:
        """The array alone if its columns have no names, else the table."""
        return self.array if self.columns is None else self

    def rows(self, which: np.ndarray) -> Table:
        """Return the rows of a mask or of indices; labels are dropped."""
        return Table(self.array[which], self.columns)

    @property
    def on_host(self) -> Table:
        """The same table with an array of NumPy."""
        return replace(self, array=to_host(self.array))


@dataclass(frozen=True)
class Names:
    """The names that a model was fitted with: of the features, and of the attributes by view.

    Views without names are left out; the view of a model that has one array is "prototypes".
    """

    features: Columns = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, X: Table, prototypes: Mapping[str, Table]) -> Names:
        """Return the names of what fit gets."""
        named = {view: t.columns for view, t in prototypes.items() if t.columns is not None}
        return cls(X.columns, named)

    @classmethod
    def of_model(cls, model: Any) -> Names:
        """Return the names that a fitted model was fitted with; none for a class without them."""
        features, attributes = getattr(model, FEATURES, None), getattr(model, ATTRIBUTES, None)
        return cls(
            None if features is None else tuple(features),
            {v: tuple(names) for v, names in by_view(attributes).items() if names is not None},
        )

    def header(self) -> dict[str, Any]:
        """Return what a model file's header has of the names: nothing if there are none."""
        if self.features is None and not self.attributes:
            return {}
        return {"names": {"features": self.features, "attributes": dict(self.attributes)}}

    @classmethod
    def from_header(cls, header: Mapping[str, Any], *, d: int, k: Mapping[str, int]) -> Names:
        """Return the names in a header; ValueError unless they are for d features and k by view."""
        if "names" not in header:
            return cls()
        features, attributes = header["names"]["features"], header["names"]["attributes"]
        sizes = {"the features": d, **k}
        lists = {**attributes, **({} if features is None else {"the features": features})}
        for what, names in lists.items():
            text = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
            if what not in sizes or not text or len(names) != sizes[what]:
                raise InputError(f"the names of {quoted(what)} are {quoted(names)}")
        return cls(
            None if features is None else tuple(features),
            {view: tuple(names) for view, names in attributes.items()},
        )


def as_table(x: Any) -> Table:
    """Return an array, a list of rows or a data frame as a Table; errors as of as_array."""
    return x if isinstance(x, Table) else Table(as_array(x), column_names(x))


def with_names(x: Any, columns: ViewColumns) -> Any:
    """Return an array as a Table with these names, if there are some; views one by one."""
    names = by_view(columns)
    if not isinstance(x, Mapping):
        return Table(x, names.get(ONE)).bare
    return {view: Table(array, names.get(view)).bare for view, array in x.items()}


def by_view(columns: ViewColumns) -> Mapping[str, Columns]:
    """Return names of the columns of prototypes by view; those of one array are ONE's."""
    return columns if isinstance(columns, Mapping) else {ONE: columns}


def column_names(frame: Any) -> Columns:
    """Return the names of a data frame's columns; None for an array, and where text_names is."""
    return None if isinstance(frame, np.ndarray) else text_names(getattr(frame, "columns", None))


def text_names(names: Any) -> Columns:
    """Return names as a tuple if all are text, as scikit-learn does, else None.

    Raises ValueError if some of them are text and others are not.
    """
    names = list(names) if isinstance(names, Iterable) else []
    other = [name for name in names if not isinstance(name, str)]
    if len(other) == len(names):
        return None
    if other:
        raise InputError(
            f"a data frame has {len(names) - len(other)} columns with text for a name and "
            f"{len(other)} others, the first is {quoted(other[0])}; name all by text"
        )
    return tuple(str(name) for name in names)


def check_as_fitted(name: str, found: Columns, *, fitted: Columns, kept_in: str) -> None:
    """ValueError if what a model gets has other names than what it was fitted with.

    A warning, as in scikit-learn, if only one of them has names. `name` is what the sentences call
    the argument, kept_in the model's attribute that has the names.
    """
    if found is None and fitted is not None:
        warn(
            f"{name} has no names of columns, but the training data had; they are taken to be in "
            f"the order of {kept_in}"
        )
    elif found is not None and fitted is None:
        warn(f"{name} has names of columns, but the training data had none to compare them with")
    check_same_names(name, found, wanted=fitted, fix=f"put them in the order of {kept_in}")


def check_same_names(name: str, found: Columns, *, wanted: Columns, fix: str) -> None:
    """ValueError if both have names and these differ; fix ends the sentence on another order."""
    if found is None or wanted is None or found == wanted:
        return
    _check_known(name, found, wanted=wanted)
    at = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
    raise InputError(
        f"{name} has its columns in another order than the training data: column {at} is "
        f"{quoted(found[at])}, not {quoted(wanted[at])}; {fix}"
    )


def column_order(name: str, found: Columns, *, wanted: Columns) -> np.ndarray | None:
    """Return the places of the wanted columns among those found.

    None if they are in that order already, or if one side has no names. Raises ValueError for a
    name that is missing, unknown or there twice.
    """
    if found is None or wanted is None or found == wanted:
        return None
    _check_known(name, found, wanted=wanted)
    place = {column: i for i, column in enumerate(found)}
    if len(place) < len(wanted):
        column = Counter(wanted).most_common(1)[0][0]
        raise InputError(
            f"{name} has the column {quoted(column)} twice, so its order can't be changed to that "
            "of the training data; rename one in both"
        )
    return np.array([place[column] for column in wanted], dtype=np.intp)


def _check_known(name: str, found: tuple[str, ...], *, wanted: tuple[str, ...]) -> None:
    """ValueError unless both have the same names, each as often."""
    times, times_wanted = Counter(found), Counter(wanted)
    unknown = next((c for c in found if times[c] > times_wanted[c]), None)
    missing = next((c for c in wanted if times_wanted[c] > times[c]), None)
    if unknown is not None:
        lacks = "" if missing is None else f", and no column {quoted(missing)}"
        again = " a second time" if unknown in wanted else ""
        raise InputError(
            f"{name} has the column {quoted(unknown)}{again}, which the training data doesn't "
            f"have{lacks}; drop or rename it"
        )
    if missing is not None:
        raise InputError(
            f"{name} has no column {quoted(missing)}, which the training data has; add it"
        )
