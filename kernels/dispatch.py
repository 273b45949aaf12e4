"""Which version of a kernel runs: the arrays decide.

Numba's for NumPy arrays of one floating dtype that are C-contiguous, in the machine's byte order
and not small, else the reference, which takes anything. Numba's are also split over the current
workers (threads.py). Indices have to be valid: compiled code doesn't check them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from importlib import import_module

import numpy as np

SMALL = 2048  # elements; below, starting Numba would take longer than it could ever save

_reference_only: ContextVar[bool] = ContextVar("tinygzsl_reference_only", default=False)


@contextmanager
def reference_only() -> Iterator[None]:
    """Run the definitions alone, without Numba and without fused steps: to compare with."""
    token = _reference_only.set(True)
    try:
        yield
    finally:
        _reference_only.reset(token)


def is_reference_only() -> bool:
    """Whether the calling code is inside `with reference_only()`."""
    return _reference_only.get()


def dispatched(module: str) -> Callable:
    """Decorator of a reference function whose Numba version has its name in kernels/<module>.py."""

    def decorate(reference: Callable) -> Callable:
        @wraps(reference)
        def run(*args):
            if _suits_numba(args) and not _reference_only.get() and numba_version():
                return _fused(module, reference.__name__)(*args)
            return reference(*args)

        run.reference = reference
        return run

    return decorate


def _suits_numba(args: tuple) -> bool:
    largest, dtype = 0, None
    for a in args:
        if isinstance(a, np.ndarray):
            if not (a.flags.c_contiguous and a.dtype.isnative):
                return False
            if a.dtype.kind == "f":
                if dtype is None:
                    dtype = a.dtype
                elif a.dtype != dtype:
                    return False
            largest = max(largest, a.size)
        elif hasattr(a, "__cuda_array_interface__"):
            return False
    return largest >= SMALL and (dtype is None or dtype.char in "fd")


@cache
def numba_version() -> str | None:
    """Numba's version, or None, with a warning once, where it can't be used."""
    try:
        import numba

        if numba.config.DISABLE_JIT:
            raise ImportError("NUMBA_DISABLE_JIT is set")
    except Exception as error:  # OSError, for one, where LLVM's library can't be loaded
        reason = " ".join(str(error).split())
        warnings.warn(
            f"numba can't be used ({reason}), so the kernels run in NumPy, two or three "
            "times slower; pip install numba",
            stacklevel=2,
        )
        return None
    return numba.__version__


@cache
def _fused(module: str, name: str) -> Callable:
    return getattr(import_module(f".{module}", __package__), name)
