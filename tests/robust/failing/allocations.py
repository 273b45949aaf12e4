"""NumPy's memory, refused once at a chosen line of the package.

NumPy lets the allocator of its arrays be replaced, by PyDataMem_SetHandler of its C API, which is
called here by ctypes through the table of functions in the capsule _ARRAY_API. Only malloc and
calloc are replaced; NumPy's own free and realloc fit what they return. Handlers are of a context,
so threads that are started later have the usual one: run on one thread.
"""

import ctypes
import sys
from contextlib import contextmanager
from pathlib import Path

import tinygzsl

try:
    from numpy._core import _multiarray_umath as core
except ImportError:  # before NumPy 2
    from numpy.core import _multiarray_umath as core

HOME = str(Path(tinygzsl.__file__).parent)
SET_HANDLER, GET_HANDLER = 304, 305  # places in the table, the same since NumPy 1.22
NAME = b"mem_handler"  # of the capsules, which point to these bytes
LEAST = 64 << 10  # bytes: smaller allocations succeed


_ONE = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_MANY = (*_ONE, ctypes.c_size_t)
MALLOC, CALLOC = ctypes.CFUNCTYPE(*_ONE), ctypes.CFUNCTYPE(*_MANY)


class Allocator(ctypes.Structure):
    """PyDataMemAllocator."""

    _fields_ = (
        ("ctx", ctypes.c_void_p),
        ("malloc", MALLOC),
        ("calloc", CALLOC),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


class Handler(ctypes.Structure):
    """PyDataMem_Handler."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("allocator", Allocator),
    )


def _pointer(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name)


def _capsule(pointer, name):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    return new(pointer, name, None)


_TABLE = ctypes.cast(_pointer(core._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
_get = ctypes.PYFUNCTYPE(ctypes.py_object)(_TABLE[GET_HANDLER])
_set = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(_TABLE[SET_HANDLER])
USUAL = _get()
_usual = Handler.from_address(_pointer(USUAL, NAME)).allocator


def _called(function, signature):
    """The same C function, called with the lock of the interpreter held, as NumPy does."""
    return ctypes.PYFUNCTYPE(*signature)(ctypes.cast(function, ctypes.c_void_p).value)


_usual_malloc, _usual_calloc = _called(_usual.malloc, _ONE), _called(_usual.calloc, _MANY)


class Watch:
    """The allocator: it notes where arrays are made, and refuses the first one at `refused`.

    sites are the bytes of the largest array by (file, line) of the package, in order.
    """

    def __init__(self):
        self.least, self.refused, self.fired = LEAST, None, False
        self.sites: dict[tuple[str, int], int] = {}

    def refuses(self, size):
        """Return whether an allocation of that size fails now; called by malloc and calloc."""
        if size < self.least:
            return False
        site = _site(sys._getframe(2))
        if site is None:
            return False
        self.sites[site] = max(size, self.sites.get(site, 0))
        if site != self.refused or self.fired:
            return False
        self.fired = True
        return True


def _site(frame):
    """The innermost line of the package, None if there is none."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(HOME):
            return name[len(HOME) + 1 :], frame.f_lineno
        frame = frame.f_back
    return None


WATCH = Watch()


@MALLOC
def _malloc(ctx, size):
    return None if WATCH.refuses(size) else _usual_malloc(ctx, size)


@CALLOC
def _calloc(ctx, count, size):
    return None if WATCH.refuses(count * size) else _usual_calloc(ctx, count, size)


_HANDLER = Handler(
    b"tinygzsl tests",
    1,
    Allocator(_usual.ctx, _malloc, _calloc, _usual.realloc, _usual.free),
)
OURS = _capsule(ctypes.addressof(_HANDLER), NAME)  # both live as long as the process


@contextmanager
def watched(*, refused=None, least=LEAST):
    """Yield the Watch; within, the first array of `least` bytes made at the line fails."""
    WATCH.least, WATCH.refused, WATCH.fired, WATCH.sites = least, refused, False, {}
    _set(OURS)
    try:
        yield WATCH
    finally:
        _set(USUAL)
