"""The stand-in's functions that make arrays; shapes are the host's."""

import numpy as np

from .standin_machine import check_dtype


def creation(machine):
    """The functions by name."""
    made = {"arange": _arange(machine), "array": _array(machine), "asarray": _asarray(machine)}
    for name, value in (("empty", None), ("zeros", 0), ("ones", 1)):
        made[name], made[f"{name}_like"] = _filled(machine, value), _filled_like(machine, value)
    made["full"], made["full_like"] = _full(machine), _full_like(machine)
    return made


def _filled(machine, value):
    def make(shape, dtype=float, order="C"):
        array = machine.array_class(shape, dtype, order=order)
        if value is not None:
            array.fill(value)
        return array

    return make


def _full(machine):
    def full(shape, fill_value, dtype=None, order="C"):
        if dtype is None:
            dtype = machine.operand(fill_value).dtype if hasattr(fill_value, "dtype") else None
        dtype = np.dtype(type(fill_value)) if dtype is None else dtype
        return _filled(machine, fill_value)(shape, dtype, order)

    return full


def _filled_like(machine, value):
    def make_like(a, dtype=None, order="K", subok=None, shape=None):
        return _like(machine, a, value, dtype, order, shape)

    return make_like


def _full_like(machine):
    def full_like(a, fill_value, dtype=None, order="K", subok=None, shape=None):
        return _like(machine, a, fill_value, dtype, order, shape)

    return full_like


def _like(machine, a, value, dtype, order, shape):
    if not isinstance(a, machine.array_class):
        raise TypeError(f"Unsupported type {type(a)}")
    is_f = a.flags.f_contiguous and not a.flags.c_contiguous
    order = ("F" if is_f else "C") if order in "KA" else order
    return _filled(machine, value)(a.shape if shape is None else shape, dtype or a.dtype, order)


def _arange(machine):
    def arange(start, stop=None, step=1, dtype=None):
        start, stop = (0, start) if stop is None else (start, stop)
        for value in (start, stop, step):
            if isinstance(machine.operand(value), np.ndarray):
                raise TypeError(f"Unsupported type {type(value)}")
        return machine.run("arange", np.arange, (start, stop, step, dtype), {})

    return arange


def _array(machine):
    def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
        return _converted(machine, obj, dtype, copy, order, ndmin)

    return array


def _asarray(machine):
    def asarray(a, dtype=None, order=None, *, blocking=False):
        return _converted(machine, a, dtype, False, order or "K", 0)

    return asarray


def _converted(machine, obj, dtype, copy, order, ndmin):
    kwargs = {"dtype": dtype, "order": order, "ndmin": ndmin}
    if isinstance(obj, machine.array_class):
        if not copy and (dtype is None or obj.dtype == dtype) and ndmin <= obj.ndim:
            return obj
        return machine.run("copy", np.array, (obj,), kwargs)
    if isinstance(obj, (list, tuple)) and any(isinstance(x, machine.array_class) for x in obj):
        for x in obj:
            if not isinstance(x, machine.array_class):
                raise TypeError(f"Unsupported type {type(x)} among cupy.ndarray")
        return machine.run("stack", np.array, (list(obj),), kwargs)
    machine.recorder.fail_if_due()
    cells = np.array(obj, **kwargs)  # a copy: what changes on the host doesn't change the device
    check_dtype(cells.dtype)
    machine.recorder.copied("to_device", cells.nbytes)
    return machine.wrap(cells.astype(cells.dtype.newbyteorder("="), copy=False))
