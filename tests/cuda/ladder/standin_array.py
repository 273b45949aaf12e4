"""The stand-in's ndarray: a wrapper of a NumPy array that does only what CuPy's can do."""

import operator

import numpy as np

from . import cupy_names
from .standin_machine import NotInStandinError, check_dtype
from .standin_memory import MemoryPointer
from .standin_operators import add_operators, matmul

IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)


class DeviceArray:
    """cupy.ndarray over NumPy. `_machine` is set in the subclass that a Machine has."""

    __slots__ = ("__weakref__", "_cells")
    __array_ufunc__ = None  # NumPy's scalars leave operations to this class, its arrays refuse
    __hash__ = None
    _machine = None

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        if strides is not None:
            raise NotInStandinError("the stand-in has no strides= of cupy.ndarray")
        shape = (shape,) if np.isscalar(shape) else shape
        shape = tuple(operator.index(n) for n in shape)
        if memptr is None:
            self._cells = self._machine.empty(shape, dtype, order)._cells
        else:
            self._cells = memptr.as_array(shape, check_dtype(dtype), order)

    @classmethod
    def _of(cls, cells):
        array = cls.__new__(cls)
        array._cells = cells
        return array

    # What the host knows

    shape = property(lambda self: self._cells.shape)
    dtype = property(lambda self: self._cells.dtype)
    ndim = property(lambda self: self._cells.ndim)
    size = property(lambda self: self._cells.size)
    nbytes = property(lambda self: self._cells.nbytes)
    itemsize = property(lambda self: self._cells.itemsize)
    strides = property(lambda self: self._cells.strides)
    flags = property(lambda self: Flags(self._cells.flags))
    data = property(lambda self: MemoryPointer._at(self._cells))
    T = property(lambda self: self._of(self._cells.T))

    @property
    def __cuda_array_interface__(self):
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "descr": self.dtype.descr,
            "stream": 1,
            "version": 3,
            "strides": None if self._cells.flags.c_contiguous else self.strides,
            "data": (self._cells.ctypes.data, False),
        }

    def __array__(self, *args, **kwargs):
        raise TypeError(IMPLICIT)

    def __array_function__(self, *args, **kwargs):
        raise TypeError(IMPLICIT)

    def __reduce__(self):
        raise TypeError("a device array is not to be pickled; copy it to the host first")

    def __getattr__(self, name):
        if name in cupy_names.load()["names"]["cupy.ndarray"]:
            raise NotInStandinError(f"the stand-in has no cupy.ndarray.{name}")
        raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")

    def __len__(self):
        return len(self._cells)

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # Copies to the host

    def _read(self, what, convert):
        recorder = self._machine.recorder
        recorder.fail_if_due()
        recorder.waited(what)
        recorder.copied("to_host", self.nbytes)
        return convert(self._cells)

    def get(self, stream=None, order="C", out=None, blocking=True):
        """A copy on the host."""
        cells = self._read("get", lambda cells: np.array(cells, order=order))
        if out is None:
            return cells
        if (out.shape, out.dtype) != (self.shape, self.dtype):
            raise ValueError(f"out is {out.dtype}{out.shape}, not {self.dtype}{self.shape}")
        out[...] = cells
        return out

    def item(self):
        """The only element as a Python number."""
        return self._read("item", np.ndarray.item)

    def tolist(self):
        """All elements as Python numbers."""
        return self._read("tolist", np.ndarray.tolist)

    def __float__(self):
        return self._read("float", float)

    def __int__(self):
        return self._read("int", int)

    def __bool__(self):
        return self._read("bool", bool)

    def __repr__(self):
        return self._read("repr", repr)

    def __format__(self, spec):
        return self._read("format", lambda cells: format(cells, spec))

    # Copies to the device, and on it

    def set(self, arr, stream=None):
        """Copy a NumPy array of the same shape and dtype into this array."""
        if not isinstance(arr, np.ndarray) or (arr.shape, arr.dtype) != (self.shape, self.dtype):
            raise ValueError(f"set takes a numpy.ndarray {self.dtype}{self.shape}")
        self._machine.recorder.fail_if_due()
        self._machine.recorder.copied("to_device", self.nbytes)
        self._cells[...] = arr

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __matmul__(self, other):
        return matmul(self._machine, self, other)

    def nonzero(self):
        """Indices of the elements that are not 0; the host waits for their number."""
        self._machine.recorder.waited("nonzero")
        return self._machine.run("nonzero", np.ndarray.nonzero, (self,), {})

    # Indices

    def __getitem__(self, index):
        parts, arrays = self._parts(index)
        if not arrays:
            # CuPy's a[3] is a view of the element too, NumPy's is a copy
            return self._of(self._cells[parts if _has_ellipsis(parts) else (*parts, ...)])
        recorder = self._machine.recorder
        recorder.fail_if_due()
        if _has_mask(arrays):
            recorder.waited("boolean mask")
        chosen = np.array(self._cells[parts])
        recorder.launched("gather", [*arrays, chosen], [chosen])
        return self._machine.wrap(chosen)

    def __setitem__(self, index, value):
        parts, arrays = self._parts(index)
        recorder, value = self._machine.recorder, self._machine.operand(value)
        values = [value] if isinstance(value, np.ndarray) else []
        recorder.fail_if_due()
        if _has_mask(arrays):
            recorder.waited("boolean mask")
        elif arrays and values and value.ndim:
            self._refuse_repeats(parts)
        elif values and _is_itself(self._cells[parts], value):
            return  # the end of a[1:3] += 1, whose sum is there already
        with np.errstate(all="ignore"):
            self._cells[parts] = value
        written = np.asarray(self._cells[parts])
        recorder.launched("scatter" if arrays else "copy", [*values, *arrays], [written])

    def _parts(self, index):
        """The index as a tuple for NumPy, and the arrays in it."""
        parts = []
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, (bool, np.bool_, list, tuple, np.ndarray)):
                raise TypeError(
                    f"a {type(part).__name__} as an index is copied to the device in silence; "
                    "index with a device array"
                )
            parts.append(part._cells if isinstance(part, DeviceArray) else part)
        return tuple(parts), [p for p in parts if isinstance(p, np.ndarray)]

    def _refuse_repeats(self, parts):
        places = np.arange(self.size).reshape(self.shape)[parts]
        if np.unique(places).size < places.size:
            raise ValueError("an index occurs twice: which of the values stays is not defined")


class Flags:
    """The flags that CuPy's arrays have."""

    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous = flags.c_contiguous, flags.f_contiguous
        self.owndata = flags.owndata


def _has_ellipsis(parts):
    return any(part is Ellipsis for part in parts)


def _has_mask(arrays):
    return any(a.dtype == bool for a in arrays)


def _is_itself(cells, value):
    def place(a):
        return a.ctypes.data, a.shape, a.strides, a.dtype

    return isinstance(cells, np.ndarray) and place(cells) == place(value)


add_operators(DeviceArray)
