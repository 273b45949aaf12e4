"""The stand-in's functions: cupy.zeros, cupy.sum, cupy.where and so on."""

import sys

import numpy as np

from . import cupy_names
from .standin_array import DeviceArray
from .standin_creation import creation
from .standin_memory import MemoryPool
from .standin_operators import matmul

OF_ONE_ARRAY = (
    "sum prod mean var std max min amax amin argmax argmin all any cumsum cumprod nansum argsort "
    "sort ascontiguousarray broadcast_to clip copy diagonal expand_dims flip moveaxis ravel repeat "
    "reshape roll rollaxis round split array_split squeeze swapaxes take tile transpose tril triu "
    "diff count_nonzero searchsorted partition argpartition isclose"
)
OF_A_LIST = ["concatenate", "stack", "hstack", "vstack"]
OF_TWO = ["dot", "outer", "tensordot", "inner", "allclose", "array_equal"]
MOST_JOINED = 8  # more small arrays, and CuPy copies a list of their places to the device
WAITING = ["nonzero", "flatnonzero", "argwhere", "unique", "bincount"]  # the size is not known
STABLE_ONLY = ("sort", "argsort")


def functions(machine):
    """All functions of cupy by name."""
    made = {**_generic(machine), **creation(machine), **_special(machine)}
    return {name: _checked(f"cupy.{name}", function) for name, function in made.items()}


def norm(machine):
    """cupy.linalg.norm."""
    return _checked("cupy.linalg.norm", _of_one_array(machine, "norm", np.linalg.norm))


def _checked(path, function):
    place, _, name = path.rpartition(".")
    if name not in cupy_names.load()["names"][place]:
        raise AttributeError(f"CuPy has no {path}")

    def call(*args, **kwargs):
        cupy_names.check_call(path, args, kwargs)
        return function(*args, **kwargs)

    call.__name__ = name
    return call


def _generic(machine):
    """Functions that do what NumPy's do, on device arrays."""
    made = {}
    for name in cupy_names.load()["ufuncs"]:
        if isinstance(getattr(np, name, None), np.ufunc):
            made[name] = _ufunc(machine, name)
    for name in OF_ONE_ARRAY.split():
        made[name] = _of_one_array(machine, name, getattr(np, name))
    for name in OF_A_LIST:
        made[name] = _of_a_list(machine, name)
    for name in OF_TWO:
        made[name] = _of_two(machine, name)
    for name in WAITING:
        made[name] = _of_one_array(machine, name, getattr(np, name), waits=True)
    return made


def _ufunc(machine, name):
    function = getattr(np, name)

    def call(*args, **kwargs):
        unknown = set(kwargs) - {"out", "casting", "dtype"}
        if unknown:
            raise TypeError(f"Wrong arguments {', '.join(sorted(unknown))}")
        if len(args) > function.nin:
            *args, kwargs["out"] = args
        for value in args:
            machine.operand(value)
        return machine.run(name, function, args, kwargs)

    return call


def _of_one_array(machine, name, function, waits=False):
    def call(*args, **kwargs):
        if not args or not isinstance(args[0], DeviceArray):
            kind = type(args[0]).__name__ if args else "nothing"
            raise TypeError(f"cupy.{name} takes a cupy.ndarray first, not {kind}")
        if name in STABLE_ONLY and kwargs.get("kind") not in (None, "stable"):
            raise ValueError("kind can only be None or 'stable'")
        if waits:
            machine.recorder.waited(name)
        return machine.run(name, function, args, kwargs)

    return call


def _of_a_list(machine, name):
    def call(arrays, *args, **kwargs):
        if not all(isinstance(a, DeviceArray) for a in arrays):
            raise TypeError(f"Only cupy arrays can be joined by {name}")
        if len(arrays) > MOST_JOINED:
            machine.recorder.copied("to_device", 8 * len(arrays))
        return machine.run(name, getattr(np, name), (list(arrays), *args), kwargs)

    return call


def _of_two(machine, name):
    def call(a, b, *args, **kwargs):
        for value in (a, b):
            if not isinstance(value, DeviceArray):
                raise TypeError(f"Unsupported type {type(value)}")
        return machine.run(name, getattr(np, name), (a, b, *args), kwargs)

    return call


def _special(machine):
    """Functions that differ from NumPy's."""

    def where(condition, *choices):
        if not choices:
            machine.recorder.waited("where")
        for value in (condition, *choices):
            machine.operand(value)
        return machine.run("where", np.where, (condition, *choices), {})

    return {
        "where": where,
        "matmul": lambda a, b, **kwargs: matmul(machine, a, b, **kwargs),
        "asnumpy": lambda a, **kwargs: a.get() if isinstance(a, DeviceArray) else np.asarray(a),
        "get_array_module": lambda *args: (
            sys.modules["cupy"] if any(isinstance(a, DeviceArray) for a in args) else np
        ),
        "may_share_memory": lambda a, b: np.may_share_memory(a._cells, b._cells),
        "shares_memory": lambda a, b: np.shares_memory(a._cells, b._cells),
        "result_type": lambda *args: np.result_type(
            *(a._cells if isinstance(a, DeviceArray) else a for a in args)
        ),
        "get_default_memory_pool": lambda: MemoryPool(machine),
    }
