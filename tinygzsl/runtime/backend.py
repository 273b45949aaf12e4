"""One code for NumPy and CuPy: the arrays decide.

CuPy is imported here and in kernels/cuda/launch.py.

A public function starts with ``xp = array_module(x, y)`` and then uses ``xp`` where a NumPy
program uses ``np``. There is no global current backend.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from ..text import quoted
from .device import device_facts, why_unusable

Array = Any  # numpy.ndarray or cupy.ndarray; cupy is optional, so it can't be named here


def loaded_cupy() -> ModuleType | None:
    """cupy if somebody has imported it; else there can't be any CuPy array."""
    return sys.modules.get("cupy")


def array_module(*arrays: Array) -> ModuleType:
    """The module, numpy or cupy, that the arrays belong to.

    Raises TypeError when NumPy and CuPy arrays are mixed: a silent copy to or from the device
    would hide the cost.
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


def device_module(device: str) -> ModuleType:
    """numpy for "cpu", cupy for "cuda".

    Raises ValueError for any other name, and where CUDA can't be used.
    """
    if device == "cpu":
        return np
    if device != "cuda":
        raise ValueError(f"device is {quoted(device)}; pass 'cpu' or 'cuda'")
    usable, why = cuda_status()
    if not usable:
        raise ValueError(f"device 'cuda' can't be used: {why}; pass device='cpu'")
    import cupy

    return cupy


def cuda_status() -> tuple[bool, str]:
    """Whether CUDA arrays can be used, and the device's name or the reason why not."""
    usable, facts = cuda_facts()
    return usable, facts["device" if usable else "reason"]


def cuda_facts() -> tuple[bool, dict[str, Any]]:
    """Whether CUDA arrays can be used, and what is known of the device, or {"reason": why not}."""
    try:
        import cupy
    except ImportError as error:
        if error.name == "cupy":
            return False, {"reason": "cupy is not installed (pip install 'tinygzsl[cuda12x]')"}
        reason = f"cupy can't be imported: {_one_line(error)}"  # it is there, but broken
        return False, {"reason": f"{reason}; pip install --force-reinstall the one you have"}
    try:
        reason = why_unusable(cupy)
        return (False, {"reason": reason}) if reason else (True, device_facts(cupy))
    except Exception as error:  # a broken driver raises CuPy's own types, unknown without CuPy
        return False, {"reason": f"cupy fails: {_one_line(error)}; update the driver and cupy"}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def to_device(x: Array, xp: ModuleType, dtype: Any = None) -> Array:
    """x as a C-contiguous array of module xp, copied only where it must be."""
    with np.errstate(all="ignore"):  # check_finite reports what a dtype cannot hold
        if xp is np:
            return np.ascontiguousarray(to_host(x), dtype=dtype)
        return xp.ascontiguousarray(xp.asarray(x, dtype=dtype))


def to_host(x: Array) -> np.ndarray:
    """x as a NumPy array; a NumPy array is returned as it is."""
    cupy = loaded_cupy()
    return x.get() if cupy is not None and isinstance(x, cupy.ndarray) else np.asarray(x)


def on_host(arrays: dict[str, Array | int]) -> dict[str, np.ndarray]:
    """The same arrays by the same names as NumPy's; a number becomes an array of no dimension."""
    return {name: to_host(array) for name, array in arrays.items()}


def as_array(x: Any) -> Array:
    """x itself if it is a CuPy array, else as NumPy's: lists and data frames are welcome.

    Raises ValueError for rows of different lengths, and where values are masked: NumPy would take
    what lies under the mask.
    """
    cupy = loaded_cupy()
    if cupy is not None and isinstance(x, cupy.ndarray):
        return x
    if isinstance(x, np.ma.MaskedArray) and x.mask.any():
        count, size = int(x.mask.sum()), x.size
        raise ValueError(f"{count} of the {size} values of an array are masked; fill or drop them")
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"a list of {len(x)} rows is no matrix: its rows differ in length; pass rows of one "
            "length"
        ) from error
