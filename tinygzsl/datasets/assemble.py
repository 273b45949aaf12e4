"""Make a Dataset with seen and unseen parts from arrays, with the prototypes of all classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..errors import InputError
from ..text import quoted
from .dataset import Dataset
from .views import DEFAULT, Prototypes, each_view, named_tables, rows_of, view_names


def as_features(values: ArrayLike, name: str, *, single: bool = False) -> np.ndarray:
    """Return values as a C-ordered float table: float64 stays unless single, else float32.

    Raises ValueError unless values is a numeric (n, columns) array. The values themselves are not
    checked: NaN is allowed, and numbers too large for float32 become infinite without a warning.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise InputError(f"{name} has dtype {values.dtype}; expected numbers")
    if values.ndim != 2:
        raise InputError(f"{name} has shape {values.shape}; expected (n, columns)")
    keep = values.dtype == np.float64 and not single
    return _cast(values, np.float64 if keep else np.float32)


def assemble(
    name: str,
    *,
    X_train: np.ndarray,
    y_train: np.ndarray,
    X_test: np.ndarray,
    y_test: np.ndarray,
    prototypes: Prototypes,
    classes: np.ndarray,
    **about: Any,
) -> Dataset:
    """Split prototypes (C, k) of classes (C,), in every view, into seen and unseen ones.

    Seen classes are np.unique(y_train), unseen ones all others of `classes`. Test samples of seen
    classes are put first; otherwise the order is kept. `about` holds the other fields of Dataset.
    Raises ValueError if a class is listed twice or a training class has no prototype.
    """
    for called, table in named_tables("prototypes", prototypes).items():
        if len(table) != len(classes):
            raise InputError(
                f"{called} has {len(table)} rows but classes has {len(classes)} entries; "
                "pass one row per class"
            )
    if len(X_test) != len(y_test):
        raise InputError(
            f"X_test has {len(X_test)} rows but y_test has {len(y_test)} labels; pass one per row"
        )
    sorted_classes, first = np.unique(classes, return_index=True)
    if len(first) < len(classes):
        repeated = np.delete(classes, first)[0].item()
        raise InputError(
            f"classes lists {quoted(repeated)} more than once; give each class one row"
        )
    seen = np.unique(y_train)
    missing = np.setdiff1d(seen, sorted_classes)
    if len(missing):
        raise InputError(
            f"y_train has {len(missing)} classes without a prototype, the first is "
            f"{quoted(missing[0].item())}; add its row to prototypes and classes"
        )
    is_seen = np.isin(sorted_classes, seen)
    prototypes = each_view(lambda table: _cast(table, X_train.dtype), prototypes)
    X_test, y_test = _seen_first(_cast(X_test, X_train.dtype), y_test, seen)
    return Dataset(
        name=name,
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        seen_classes=seen,
        seen_prototypes=rows_of(prototypes, first[is_seen]),
        unseen_classes=sorted_classes[~is_seen],
        unseen_prototypes=rows_of(prototypes, first[~is_seen]),
        **about,
    )


def describe_source(
    path: str | Path,
    *,
    root: str | Path | None = None,
    split: int | None = None,
    prototypes: str | Sequence[str] = DEFAULT,
) -> dict[str, Any]:
    """Return the arguments for load_dataset, in types that JSON can hold."""
    return {
        "name_or_path": str(path),
        "root": None if root is None else str(root),
        "split": split,
        "prototypes": ",".join(view_names(prototypes)),
    }


def _cast(values: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(values, dtype)


def _seen_first(X: np.ndarray, y: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(~np.isin(y, seen), kind="stable")
    if np.array_equal(order, np.arange(len(y))):
        return X, y
    return X[order], y[order]
