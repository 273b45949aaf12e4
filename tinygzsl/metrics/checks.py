"""Checks of what metrics are computed from; what does not pass is a ValueError."""

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..runtime.backend import refuse_masked
from ..runtime.labels import check_labels


def vector(name: str, values: ArrayLike) -> np.ndarray:
    """Return values as an array (n,) of at least one entry."""
    refuse_masked(values, name)
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"{name} has shape {array.shape}; pass a one-dimensional array with at least one entry"
        )
    return array


def labels(name: str, values: ArrayLike) -> np.ndarray:
    """Return labels as an array (n,) of int64 or text, of at least one entry."""
    return vector(name, check_labels(name, values))


def labels_like(name: str, values: ArrayLike, y_true: np.ndarray) -> np.ndarray:
    """Return labels (n,) that can match those of y_true: both are numbers, or both are texts."""
    array = labels(name, values)
    if array.dtype.kind != y_true.dtype.kind:
        raise InputError(
            f"{name} has dtype {array.dtype} but y_true has {y_true.dtype}, so no label can match; "
            "pass numbers in both or strings in both"
        )
    return array


def finite(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array, which holds neither NaN nor infinite values."""
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise InputError(
            f"{name} holds {bad} NaN or infinite values of {array.size}; pass finite numbers"
        )
    return array


def scores_of(name: str, values: ArrayLike) -> np.ndarray:
    """Return finite scores (n,), in their own precision if they have one."""
    array = vector(name, values)
    return finite(name, array if array.dtype.kind == "f" else array.astype(np.float64))


def flags(name: str, values: ArrayLike) -> np.ndarray:
    """Return an array (n,) of True and False."""
    array = vector(name, values)
    if array.dtype != bool:
        raise InputError(f"{name} has dtype {array.dtype}; pass an array of True and False")
    return array


def check_lengths(**arrays: np.ndarray) -> None:
    """Raise ValueError unless all arrays have as many entries as the first one."""
    first, n = next((name, len(array)) for name, array in arrays.items())
    for name, array in arrays.items():
        if len(array) != n:
            raise InputError(
                f"{name} has {len(array)} entries but {first} has {n}; pass arrays of one length"
            )
