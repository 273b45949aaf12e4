"""Checks of what was read from a file, and of what a model then says; errors contain the names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from ..text import shown
from .array import Array
from .backend import array_module


def check_array(name: str, array: Array, shape: tuple[int, ...], *, dtype: np.dtype[Any]) -> None:
    """ValueError unless an array has this shape and dtype and is finite."""
    if array.shape != shape or array.dtype != dtype:
        raise InputError(f"{name} is {array.dtype} of shape {array.shape}, not {dtype} of {shape}")
    if not bool(array_module(array).isfinite(array).all()):
        raise InputError(f"{name} holds NaN or inf")


def check_seen(classes: np.ndarray, prototypes: Array, *, dtype: np.dtype[Any]) -> None:
    """ValueError unless classes (S,) are sorted and distinct, and prototypes (S, k) finite."""
    if classes.ndim != 1 or classes.dtype.kind not in "iU" or len(classes) < 2:
        raise InputError(f"classes is {classes.dtype} of shape {classes.shape}")
    if not np.array_equal(np.unique(classes), classes):
        raise InputError("classes are not sorted and distinct")
    if prototypes.ndim != 2 or prototypes.shape[0] != len(classes):
        raise InputError(f"seen_prototypes has shape {prototypes.shape} for {len(classes)} classes")
    check_array("seen_prototypes", prototypes, prototypes.shape, dtype=dtype)


def check_number(name: str, value: Any) -> None:
    """ValueError unless value is a finite number."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value):
        raise InputError(f"{name} is {shown(value, 20)}, not a finite number")


def check_positive(name: str, value: Any, *, dtype: np.dtype[Any]) -> None:
    """ValueError unless value is a number above 0 by which arrays of this dtype can be divided."""
    check_number(name, value)
    least, most = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    if not least <= value <= most:
        raise InputError(f"{name} is {value!r}, not a number from {least:.2g} to {most:.2g}")


def check_said(what: str, values: np.ndarray) -> np.ndarray:
    """Return what a model says of samples, (n,) or (n, c); FloatingPointError unless it is finite.

    Finite parameters may still be so large that products with them overflow. If the sum is finite,
    all values are; the search runs only if it isn't.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, or a huge sum
        if math.isfinite(values.sum(dtype="float64")):
            return values
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if len(bad):
        raise FloatingPointError(
            f"{what} of {len(bad)} of {len(values)} rows are NaN or inf, the first of row "
            f"{bad[0]}: the model's parameters or the features are too large; scale the features, "
            "or restore the model's file from a copy"
        )
    return values
