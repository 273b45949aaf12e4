"""scikit-learn's estimator interface for a dataclass whose fields are the parameters.

And its rule for data frames: a model takes the columns that it was fitted with, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from .datasets.labelled_rows import table_with_classes
from .datasets.named_columns import (
    ATTRIBUTES,
    FEATURES,
    Columns,
    Names,
    as_table,
    check_as_fitted,
)
from .datasets.views import ONE
from .errors import InputError
from .runtime.array import Array
from .text import nearest, quoted


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters:
    """Mixin with get_params, set_params and a repr of the parameters that aren't defaults."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor parameters by name; `deep` has no effect."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Set constructor parameters and return self; ValueError for an unknown name."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise InputError(
                    f"{type(self).__name__} has no parameter {quoted(name)}; "
                    f"{nearest(name, known, lists_all='get_params()')}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
        )


class NamedColumns:
    """Mixin with the names of the columns that a model was fitted with, and their comparison."""

    _names = Names()  # of a model that isn't fitted, or was fitted with arrays

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the features (d,); AttributeError if fit got no names."""
        return _as_objects(FEATURES, self._names.features)

    @property
    def attribute_names_in_(self) -> np.ndarray | dict[str, np.ndarray]:
        """The names of the attributes (k,), of several views by view.

        AttributeError if fit got no names.
        """
        names = self._names.attributes
        if not names or list(names) == [ONE]:
            return _as_objects(ATTRIBUTES, names.get(ONE))
        return {view: _as_objects(ATTRIBUTES, columns) for view, columns in names.items()}

    def _features_of(self, X: Any) -> Array:
        """Return X as an array; ValueError if it has other columns than in fit."""
        table = as_table(X)
        check_as_fitted("X", table.columns, fitted=self._names.features, kept_in=FEATURES)
        return table.array

    def _attributes_of(self, unseen_prototypes: Any) -> Array:
        """Return prototypes of unseen classes as an array; ValueError for other columns."""
        table = table_with_classes(unseen_prototypes, None)[0]
        fitted = self._names.attributes.get(ONE)
        check_as_fitted("unseen_prototypes", table.columns, fitted=fitted, kept_in=ATTRIBUTES)
        return table.array


def _as_objects(attribute: str, names: Columns) -> np.ndarray:
    if names is None:
        raise AttributeError(f"there is no {attribute}: fit got columns without names")
    return np.array(names, dtype=object)
