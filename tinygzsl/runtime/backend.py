"""The same code for NumPy and CuPy: the arrays decide where it runs.

CuPy is imported here and in kernels/cuda/launch.py.

A public function starts with ``xp = array_module(x, y)`` and then uses ``xp`` where a NumPy
program uses ``np``. There is no global current backend.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError
from ..text import quoted
from .array import Array, ArrayModule, CuPy
from .device import device_facts, why_unusable


def loaded_cupy() -> CuPy | None:
    """Return cupy if it has been imported, else None: then no array is CuPy's."""
    return sys.modules.get("cupy")


def array_module(*arrays: Array) -> ArrayModule:
    """Return the module of the arrays, numpy or cupy.

    Raises TypeError if NumPy and CuPy arrays are mixed: copies to or from the device are never made
    silently.
    """
    cupy = loaded_cupy()
    if cupy is None:
        return np
    on_device = [isinstance(a, cupy.ndarray) for a in arrays]
    if all(on_device) and arrays:
        return cupy
    if any(on_device):
        kinds = ", ".join(
            "cupy" if d else type(a).__module__ for d, a in zip(on_device, arrays, strict=True)
        )
        raise TypeError(f"arrays are on different devices ({kinds}); move them with to_device")
    return np


def device_module(device: str) -> ArrayModule:
    """Return numpy for "cpu", cupy for "cuda".

    Raises ValueError for any other name, and if CUDA can't be used.
    """
    if device == "cpu":
        return np
    if device != "cuda":
        raise InputError(f"device is {quoted(device)}; pass 'cpu' or 'cuda'")
    usable, why = cuda_status()
    if not usable:
        raise InputError(f"device 'cuda' can't be used: {why}; pass device='cpu'")
    import cupy

    return cupy


def cuda_status() -> tuple[bool, str]:
    """Return whether CUDA can be used, and the device's name or the reason why not."""
    usable, facts = cuda_facts()
    return usable, facts["device" if usable else "reason"]


def cuda_facts() -> tuple[bool, dict[str, Any]]:
    """Return whether CUDA can be used, and facts of the device or {"reason": why not}."""
    try:
        import cupy
    except ImportError as error:
        if error.name == "cupy":
            return False, {"reason": "cupy is not installed (pip install 'tinygzsl[cuda12x]')"}
        reason = f"cupy can't be imported: {_one_line(error)}"  # installed, but broken
        return False, {"reason": f"{reason}; pip install --force-reinstall the one you have"}
    try:
        problem = why_unusable(cupy)
        return (False, {"reason": problem}) if problem else (True, device_facts(cupy))
    except Exception as error:  # a broken driver raises types of CuPy, which can't be named here
        return False, {"reason": f"cupy fails: {_one_line(error)}; update the driver and cupy"}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def to_device(x: Array, xp: ArrayModule, *, dtype: DTypeLike | None = None) -> Array:
    """Return x as a C-contiguous array of module xp, copied only if necessary."""
    with np.errstate(all="ignore"):  # check_finite reports values that the dtype can't hold
        if xp is np:
            return np.ascontiguousarray(to_host(x), dtype=dtype)
        return xp.ascontiguousarray(xp.asarray(x, dtype=dtype))


def to_host(x: Array | float) -> np.ndarray:
    """Return x as a NumPy array; a NumPy array is returned unchanged."""
    cupy = loaded_cupy()
    return x.get() if cupy is not None and isinstance(x, cupy.ndarray) else np.asarray(x)


def on_host(arrays: Mapping[str, Array | int]) -> dict[str, np.ndarray]:
    """Return the arrays as NumPy arrays under the same names; numbers become 0-d arrays."""
    return {name: to_host(array) for name, array in arrays.items()}


def refuse_masked(x: Any, name: str) -> None:
    """ValueError if values of x, or of a row in a list, are masked: NumPy would use them."""
    parts = x if isinstance(x, list | tuple) else [x]
    masked = [part for part in parts if isinstance(part, np.ma.MaskedArray)]
    count = sum(int(np.count_nonzero(np.ma.getmaskarray(part))) for part in masked)
    if count:
        size = sum(map(np.size, parts))
        raise InputError(f"{count} of the {size} values of {name} are masked; fill or drop them")


def refuse_sparse(x: Any, name: str) -> None:
    """ValueError if x is a sparse matrix, or NumPy's array () of objects that holds one."""
    held = x.tolist() if isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 0 else x
    if hasattr(held, "toarray"):
        raise InputError(f"{name} is a sparse matrix; pass {name}.toarray()")


def is_number(found: type) -> bool:
    """Return whether values of that type are real numbers; True and False are."""
    return issubclass(found, int | float | np.number | np.bool_) and not issubclass(
        found, np.complexfloating
    )


def as_array(x: Any) -> Array:
    """Return x if it is a CuPy array, else as a NumPy array: lists and data frames are allowed.

    A matrix of objects that are all numbers becomes float64: data frames with bool or nullable
    columns are such. Raises ValueError for rows of different lengths and for masked values.
    """
    cupy = loaded_cupy()
    if cupy is not None and isinstance(x, cupy.ndarray):
        return x
    refuse_masked(x, "an array")
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(
            f"a list of {len(x)} rows is not a matrix: its rows differ in length; pass rows of one "
            "length"
        ) from error
    return _of_numbers(array) if array.dtype == object and array.ndim == 2 else array


def _of_numbers(array: np.ndarray) -> np.ndarray:
    """Return a matrix of objects as float64 if all are numbers, else unchanged."""
    if all(map(is_number, {*map(type, array.ravel().tolist())})):
        with suppress(OverflowError):  # an int beyond float64
            return array.astype(np.float64)
    return array
