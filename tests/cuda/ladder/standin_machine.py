"""The device that the stand-in pretends to have: its memory, and NumPy's functions run on it."""

import math
import weakref
from threading import RLock

import numpy as np

from .standin_log import Recorder

BLOCK = 512  # bytes; CuPy rounds every allocation up to a multiple
DTYPES = "?bhilqBHILQefdFD"  # the types that CuPy's arrays can have


class NotInStandinError(AssertionError):
    """CuPy has it, the stand-in hasn't. No kind of error that a program expects."""


class OutOfMemoryError(MemoryError):
    """As CuPy's."""

    def __init__(self, size, total, limit=0):
        so_far = f"allocated so far: {total:,} bytes"
        if limit:
            so_far += f", limit set to: {limit:,} bytes"
        super().__init__(f"Out of memory allocating {size:,} bytes ({so_far}).")
        self._size, self._total, self._limit = size, total, limit


OutOfMemoryError.__module__ = "cupy.cuda.memory"


class Machine:
    """A device with so many bytes of memory; array_class is its cupy.ndarray."""

    def __init__(self, memory):
        self.total, self.limit = memory, 0
        self.used = self.cached = 0  # bytes of living arrays, and of freed ones kept by the pool
        self.recorder, self.array_class = Recorder(), None
        self._blocks, self._lock = {}, RLock()

    # Memory

    def reserve(self, nbytes):
        """Raise OutOfMemoryError if nbytes don't fit; freed blocks are given up for them."""
        size = -(-nbytes // BLOCK) * BLOCK
        with self._lock:
            most = min(self.limit or self.total, self.total)
            if self.used + size > most:
                raise OutOfMemoryError(size, self.used + self.cached, self.limit)
            self.cached = min(self.cached, most - self.used - size)
        return size

    def charge(self, cells):
        """Count the memory that cells live in, once, until it is freed."""
        root = root_of(cells)
        with self._lock:
            if not isinstance(root, np.ndarray) or id(root) in self._blocks:
                return  # memory of somebody else, or counted already
            size = self.reserve(root.nbytes)
            self.cached -= min(self.cached, size)
            self.used += size
            self._blocks[id(root)] = size
            weakref.finalize(root, self._free, id(root)).atexit = False

    def _free(self, key):
        with self._lock:
            size = self._blocks.pop(key)
            self.used -= size
            self.cached += size

    # Arrays

    def empty(self, shape, dtype, order="C"):
        """Memory that nobody has written to: NaN or the largest integer, so that a read shows."""
        dtype = check_dtype(dtype)
        self.reserve(math.prod(shape) * dtype.itemsize)
        cells = np.empty(shape, dtype, order)
        worst = np.nan if dtype.kind in "fc" else True
        cells[...] = np.iinfo(dtype).max if dtype.kind in "iu" else worst
        return self.wrap(cells)

    def wrap(self, result):
        """NumPy's result as the device's: arrays even where NumPy has scalars."""
        if isinstance(result, (list, tuple)):
            return type(result)(self.wrap(r) for r in result)
        if isinstance(result, (np.ndarray, np.generic, bool)):
            cells = np.asarray(result)
            check_dtype(cells.dtype)
            self.charge(cells)
            return self.array_class._of(cells)
        return result

    def run(self, name, function, args, kwargs, flops=None):
        """function(*args, **kwargs) on device arrays; counted unless it only makes views."""
        self.recorder.fail_if_due()
        out = kwargs.get("out")
        if out is not None and not isinstance(out, self.array_class):
            raise TypeError(f"{name}: out is a {type(out).__name__}, not a cupy.ndarray")
        inputs = list(self._cells_in(args))
        kwargs = {key: self.unwrap(value) for key, value in kwargs.items()}
        with np.errstate(all="ignore"):  # the device gives no such warnings
            result = function(*self.unwrap(args), **kwargs)
        results = result if isinstance(result, (list, tuple)) else [result]
        made = [np.asarray(r) for r in results if r is not None]
        roots = {id(root_of(a)) for a in inputs}
        if out is not None or any(id(root_of(m)) not in roots for m in made):
            self.recorder.launched(name, inputs, made, flops)
        return out if out is not None else self.wrap(result)

    def unwrap(self, value):
        """The NumPy array of a device array, also inside tuples and lists; host arrays: no."""
        if isinstance(value, self.array_class):
            return value._cells
        if isinstance(value, (list, tuple)):
            return type(value)(self.unwrap(v) for v in value)
        if hasattr(value, "__array__") and not isinstance(value, (np.generic, type)):
            raise TypeError(f"Unsupported type {type(value)}")
        return value

    def operand(self, value):
        """The NumPy array of a device array, or a scalar as it is; refuse anything else."""
        if isinstance(value, self.array_class):
            return value._cells
        if not is_scalar(value):
            raise TypeError(f"Unsupported type {type(value)}")
        return value

    def _cells_in(self, values):
        for value in values:
            if isinstance(value, self.array_class):
                yield value._cells
            elif isinstance(value, (list, tuple)):
                yield from self._cells_in(value)


def check_dtype(dtype):
    """Refuse what CuPy's arrays can't hold: objects, text, records, dates, long doubles."""
    dtype = np.dtype(dtype)
    if dtype.char not in DTYPES:
        raise ValueError(f"Unsupported dtype {dtype}")
    return dtype


def is_scalar(value):
    """Whether CuPy computes with it: a bool, int, float, complex or one of NumPy's, exactly."""
    if isinstance(value, np.generic):
        return value.dtype.char in DTYPES
    return type(value) in (bool, int, float, complex)


def root_of(cells):
    """The object that owns the memory of a NumPy array."""
    while isinstance(cells, np.ndarray) and cells.base is not None:
        cells = cells.base
    return cells
