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


def check_number(name: str, value: Any) -> None:
    """ValueError unless value is a finite number."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value):
        raise ValueError(f"{name} is {shown(value, 20)}, not a finite number")
