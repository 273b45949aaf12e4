"""Operators and methods of the stand-in's ndarray that are NumPy's, checked and counted."""

import math

import numpy as np

from . import cupy_names

BINARY = "add sub mul truediv floordiv mod pow and or xor lshift rshift"
COMPARISONS = "lt le gt ge eq ne"
UNARY = "neg pos abs invert"
METHODS = (
    "all any argmax argmin argsort astype clip copy cumprod cumsum diagonal dot fill flatten max "
    "mean min prod ravel repeat reshape round sort squeeze std sum swapaxes take trace transpose "
    "var view"
)
IN_PLACE = ("fill", "sort")
TAKE_ARRAYS = ("clip", "dot", "fill", "take")


def add_operators(array_class):
    """Give the class all of the above. (CuPy has no @=, so Python makes it a = a @ b.)"""
    for name in BINARY.split():
        for kind in ("", "r", "i"):
            setattr(array_class, f"__{kind}{name}__", _binary(name, kind))
    for name in COMPARISONS.split():
        setattr(array_class, f"__{name}__", _binary(name, ""))
    for name in UNARY.split():
        setattr(array_class, f"__{name}__", _unary(name))
    for name in METHODS.split():
        setattr(array_class, name, _method(name))


def matmul(machine, a, b, out=None, **kwargs):
    """a @ b, which takes device arrays only and does not write over its operands.

    As in CuPy, an operand that is contiguous in neither order is copied first, and what belongs
    into such an out is computed elsewhere and copied then.
    """
    for x in (a, b):
        if not isinstance(x, machine.array_class):
            raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(out, machine.array_class):
        if any(np.may_share_memory(out._cells, x._cells) for x in (a, b)):
            raise ValueError("out of matmul shares memory with an operand")
        kwargs["out"] = out
    elif out is not None:
        raise TypeError("`out` must be a tuple or `cupy.ndarray`")
    rows_and_inner = math.prod(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + a.shape[-2:])
    columns = b.shape[-1] if b.ndim > 1 else 1
    for x in (a, b, out):
        if x is not None and not (x.flags.c_contiguous or (x is not out and x.flags.f_contiguous)):
            machine.recorder.launched("copy", [x._cells], [x._cells])
    return machine.run("matmul", np.matmul, (a, b), kwargs, flops=2 * rows_and_inner * columns)


def _binary(name, kind):
    function = f"__{kind}{name}__"

    def method(self, other):
        machine, other = self._machine, self._machine.operand(other)
        machine.recorder.fail_if_due()
        with np.errstate(all="ignore"):  # the device gives no such warnings
            result = getattr(self._cells, function)(other)
        if result is NotImplemented:
            return result
        inputs = [self._cells, other] if isinstance(other, np.ndarray) else [self._cells]
        machine.recorder.launched(name, inputs, [np.asarray(result)])
        return self if kind == "i" else machine.wrap(result)

    return method


def _unary(name):
    function = getattr(np.ndarray, f"__{name}__")

    def method(self):
        return self._machine.run(name, function, (self,), {})

    return method


def _method(name):
    function = getattr(np.ndarray, name)

    def method(self, *args, **kwargs):
        cupy_names.check_call(f"cupy.ndarray.{name}", args, kwargs)
        if name not in TAKE_ARRAYS and any(isinstance(a, type(self)) for a in args):
            raise TypeError(f"{name}: a cupy.ndarray can't be interpreted as an integer")
        result = self._machine.run(name, function, (self, *args), kwargs)
        if name in IN_PLACE:  # nothing was seen to be made
            self._machine.recorder.launched(name, [], [self._cells])
        return result

    method.__name__ = name
    return method
