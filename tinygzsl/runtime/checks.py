"""Checks of arrays and numbers that were read from a file; the errors contain their names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..text import shown
from .array import Array
from .backend import array_module


def check_array(name: str, array: Array, shape: tuple[int, ...], *, dtype: np.dtype[Any]) -> None:
    """ValueError unless an array has this shape and dtype and is finite."""
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, not {dtype} of {shape}")
    if not bool(array_module(array).isfinite(array).all()):
        raise ValueError(f"{name} holds NaN or inf")


def check_seen(classes: np.ndarray, prototypes: Array, *, dtype: np.dtype[Any]) -> None:
    """ValueError unless classes (S,) are sorted and distinct, and prototypes (S, k) finite."""
    if classes.ndim != 1 or classes.dtype.kind not in "iU" or len(classes) < 2:
        raise ValueError(f"classes is {classes.dtype} of shape {classes.shape}")
    if not np.array_equal(np.unique(classes), classes):
        raise ValueError("classes are not sorted and distinct")
    if prototypes.ndim != 2 or prototypes.shape[0] != len(classes):
        raise ValueError(f"seen_prototypes has shape {prototypes.shape} for {len(classes)} classes")
    check_array("seen_prototypes", prototypes, prototypes.shape, dtype=dtype)


def check_number(name: str, value: Any) -> None:
    """ValueError unless value is a finite number."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value):
        raise ValueError(f"{name} is {shown(value, 20)}, not a finite number")
