"""One code for NumPy and CuPy: the arrays decide. The only file that imports cupy.

A public function starts with ``xp = array_module(x, y)`` and then uses ``xp`` where a NumPy
program uses ``np``. There is no global current backend.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or cupy.ndarray; cupy is optional, so it can't be named here


def array_module(*arrays: Array) -> ModuleType:
    """The module, numpy or cupy, that the arrays belong to.

    Raises TypeError when NumPy and CuPy arrays are mixed: a silent copy to or from the device
    would hide the cost.
    """
    cupy = sys.modules.get("cupy")  # a CuPy array can only exist if somebody imported cupy
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
        raise ValueError(f"device is {device!r}; pass 'cpu' or 'cuda'")
    usable, why = cuda_status()
    if not usable:
        raise ValueError(f"device 'cuda' can't be used: {why}; pass device='cpu'")
    import cupy

    return cupy


def cuda_status() -> tuple[bool, str]:
    """Whether CUDA arrays can be used, and the device's name or the reason why not."""
    try:
        import cupy
    except ImportError as error:
        if error.name != "cupy":  # it is there, but broken
            return False, f"cupy can't be imported: {' '.join(str(error).split())}"
        return False, "cupy is not installed (pip install 'tinygzsl[cuda12x]')"
    try:
        if not cupy.cuda.is_available():
            return False, f"cupy {cupy.__version__} finds no CUDA driver or no device"
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"]
    except Exception as error:  # a broken driver raises CuPy's own types, unknown without CuPy
        return False, f"cupy fails: {' '.join(str(error).split())}"
    return True, name.decode() if isinstance(name, bytes) else str(name)


def to_device(x: Array, xp: ModuleType, dtype: Any = None) -> Array:
    """x as a C-contiguous array of module xp, copied only where it must be."""
    if xp is np:
        with np.errstate(over="ignore"):  # check_finite reports what a dtype cannot hold
            return np.ascontiguousarray(to_host(x), dtype=dtype)
    return xp.ascontiguousarray(xp.asarray(x, dtype=dtype))


def to_host(x: Array) -> np.ndarray:
    """x as a NumPy array; a NumPy array is returned as it is."""
    cupy = sys.modules.get("cupy")
    return x.get() if cupy is not None and isinstance(x, cupy.ndarray) else np.asarray(x)


def as_array(x: Any) -> Array:
    """x itself if it is a CuPy array, else as NumPy's: lists and data frames are welcome."""
    cupy = sys.modules.get("cupy")
    return x if cupy is not None and isinstance(x, cupy.ndarray) else np.asarray(x)
