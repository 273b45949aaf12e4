"""Checks of the arrays a user passes; every error is one sentence with the values and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from ..runtime.array import Array
from ..runtime.backend import array_module, is_number, refuse_masked, refuse_sparse, to_host
from ..runtime.labels import check_labels
from ..text import quoted, warn

LARGEST = 1e12  # largest scaled value: squares of a network's values then still fit float32
LEAST_DIFFERENCE = 1e-12  # smallest difference between scaled rows that can matter to a network
BLOCK_ROWS = 1024  # rows that are compared at once


def check_finite(name: str, x: Array) -> None:
    """ValueError if x (n, d) holds NaN or inf, with their number and the place of the first.

    If the sum of x is finite, all values are; the search runs only if it isn't.
    """
    xp = array_module(x)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, or a huge sum
        if x.dtype.kind in "iub" or bool(xp.isfinite(x.sum(dtype="float64"))):
            return
    bad = ~xp.isfinite(x)
    count = int(bad.sum())
    if count == 0:
        return
    row, column = divmod(int(bad.ravel().argmax()), x.shape[1])
    raise InputError(
        f"{name} has {count} values that are NaN or inf, the first in row {row}, column {column}; "
        "clean or drop them"
    )


def check_size(name: str, x: Array, converted: Array, scaled: Array) -> None:
    """ValueError if a value is too large, with its place.

    x (n, d) is finite; converted (n, d), x in another dtype, must be finite too, and the values of
    scaled (n, d) must lie within +-LARGEST.
    """
    xp = array_module(scaled)
    for y, limit in ((converted, np.finfo(converted.dtype).max), (scaled, LARGEST)):
        bad = ~(xp.abs(y) <= limit)
        if bool(bad.any()):
            row, column = divmod(int(bad.ravel().argmax()), x.shape[1])
            value = f"{name} has {float(x[row, column]):.3g} in row {row}, column {column}"
            if y is converted:
                raise InputError(
                    f"{value}, which is beyond {limit:.3g}, the largest {y.dtype}; divide it by a "
                    "constant, or pass dtype='float64'"
                )
            raise InputError(
                f"{value}, which is {float(y[row, column]):.3g} after scaling, and beyond "
                f"{limit:g} squares overflow; correct the value, or take another scaler"
            )


def check_tells_apart(name: str, x: Array, scaled: Array, scale: Array, *, kind: str) -> None:
    """ValueError if scaled data can't be learnt from.

    This is so if the values of a column of x (n, d) are too far apart for the scaler, whose scale
    (d,) is then 0, or if all rows of scaled (n, d) are equal.
    """
    lost = scale == 0
    if bool(lost.any()):
        column = int(lost.argmax())
        low, high = float(x[:, column].min()), float(x[:, column].max())
        raise InputError(
            f"column {column} of {name} goes from {low:.3g} to {high:.3g}, which is too wide for "
            f"the scaler {kind} in {scaled.dtype}; divide it by a constant"
        )
    first = scaled[0]
    for at in range(0, scaled.shape[0], BLOCK_ROWS):  # usually the first block differs
        rows = scaled[at : at + BLOCK_ROWS]
        above, below = rows.max(axis=0) - first, first - rows.min(axis=0)
        if bool((above > LEAST_DIFFERENCE).any() | (below > LEAST_DIFFERENCE).any()):
            return
    raise InputError(
        f"all {x.shape[0]} rows of {name} are the same in {scaled.dtype} after the scaler {kind} "
        f"(values from {float(x.min()):.6g} to {float(x.max()):.6g}); pass rows that differ, or "
        "scale otherwise"
    )


def check_dtype(dtype: str) -> None:
    """ValueError unless dtype is float32 or float64."""
    if dtype not in ("float32", "float64"):
        raise InputError(f"dtype is {quoted(dtype)}; pass 'float32' or 'float64'")


def views_refused(name: str, views: Mapping[str, Any]) -> InputError:
    """Return the error for a dict of views, see datasets/views.py, where one array is needed."""
    names = ", ".join(quoted(view) for view in views) or "none"
    return InputError(
        f"{name} is a dict of views ({names}), but this takes one array; pass one of the views, or "
        "use StackedGZSL (on the command line --preset best), which takes several"
    )


def check_matrix(name: str, x: Array, *, columns: int | None = None, why: str = "") -> None:
    """ValueError unless x is a numeric matrix that isn't empty and has `columns` columns.

    `why` names the array in the message that has this number of columns; None allows any number.
    """
    if x.dtype == object and x.ndim == 0 and isinstance(x.tolist(), Mapping):
        raise views_refused(name, x.tolist())  # np.asarray makes such arrays of dicts
    refuse_sparse(x, name)
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise InputError(
            f"{name} is {x.dtype} with shape {x.shape}{_no_number(x)}; pass a matrix of numbers, "
            "(rows, columns)"
        )
    if x.shape[0] == 0 or x.shape[1] == 0:
        raise InputError(f"{name} has shape {x.shape}; pass at least one row and one column")
    if columns is not None and x.shape[1] != columns:
        raise InputError(
            f"{name} has {x.shape[1]} columns but {why} has {columns}; they must agree"
        )


def _no_number(x: Array) -> str:
    """Return the place of the first object of x (n, d) that is no number, as text."""
    if x.dtype != object or x.ndim != 2:
        return ""
    for at, value in enumerate(to_host(x).ravel().tolist()):
        if not is_number(type(value)):
            row, column = divmod(at, x.shape[1])
            return f" and holds {quoted(value)} in row {row}, column {column}"
    return ""


def check_training_arrays(
    x: Array, y: Array, prototypes: Array, *, name: str = "prototypes"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted classes (S,) and the class index (n,) of each training sample.

    x is (n, d), y (n,) and prototypes (S, k), which the sentences call `name`. Raises ValueError
    for data that can't be trained on.
    """
    refuse_masked(x, "X")
    refuse_masked(prototypes, name)
    check_matrix("X", x)
    y = check_labels("y", y, rows=x.shape[0])
    check_matrix(name, prototypes)
    classes, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise InputError(f"y has only the class {classes[0]!s}; pass samples of at least 2 classes")
    if prototypes.shape[0] != len(classes):
        raise InputError(
            f"{name} has {prototypes.shape[0]} rows but y has {len(classes)} classes; pass one "
            "row per class of np.unique(y), in that order, or a data frame or dict by class"
        )
    if counts.min() < 2:
        raise InputError(
            f"class {classes[counts.argmin()]!s} has 1 sample; a class needs at least 2, one to "
            "train on and one to hold out"
        )
    check_finite("X", x)
    check_finite(name, prototypes)
    return classes, index.reshape(-1)


def check_unseen(
    prototypes: Array,
    classes: Array | None,
    seen: np.ndarray,
    *,
    n_attributes: int,
    name: str = "unseen_prototypes",
) -> np.ndarray:
    """Return the unseen classes (U,) on the host; ValueError unless they fit prototypes (U, k).

    The sentences call the prototypes `name`.
    """
    if prototypes.ndim == 2 and prototypes.shape[0] == 0:
        raise InputError("there are 0 unseen prototypes; pass one per unseen class, at least one")
    check_matrix(name, prototypes, columns=n_attributes, why="the model's seen prototypes")
    if classes is None:
        raise InputError("unseen_prototypes came without unseen_classes; pass one label per row")
    classes = check_labels("unseen_classes", classes, rows=prototypes.shape[0])
    if classes.dtype.kind != seen.dtype.kind and "U" in (classes.dtype.kind, seen.dtype.kind):
        raise InputError(
            f"unseen_classes are {classes.dtype} but the seen ones {seen.dtype}; use one kind"
        )
    both = np.intersect1d(classes, seen)
    if both.size:
        raise InputError(
            f"class {both[0]!s} is both seen and unseen; leave it out of unseen_classes"
        )
    found, counts = np.unique(classes, return_counts=True)
    if found.size != classes.size:
        raise InputError(f"unseen_classes has the class {found[counts > 1][0]!s} twice; drop one")
    check_finite(name, prototypes)
    return classes


def warn_if_same(labels: np.ndarray, a: Array, *, since: int = 0) -> None:
    """Warn if classes have equal scaled prototypes: their scores are equal, and the first wins.

    labels are (C,), a (C, k). Pairs whose second class has an index below `since` are left out.
    """
    first: dict[bytes, int] = {}
    pairs = []
    for i, row in enumerate(to_host(a)):
        other = first.setdefault(row.tobytes(), i)
        if other != i and i >= since:
            pairs.append((labels[other], labels[i]))
    if pairs:
        more = f" and {len(pairs) - 1} more do" if len(pairs) > 1 else ""
        warn(
            f"classes {pairs[0][0]!s} and {pairs[0][1]!s} have the same prototype once it is "
            f"scaled{more}, so eqs. 1 and 2 can't tell them apart and the first one wins; give "
            "each class a prototype of its own, or use another scaler"
        )
