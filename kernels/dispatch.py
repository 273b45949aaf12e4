"""Which version of a kernel runs: the arrays decide.

Arrays of one floating dtype that are C-contiguous go to Numba if they are NumPy's, in the machine's
byte order and not small, and to CUDA if they are CuPy's; all others to the reference, which takes
anything. Numba's are also split over the current workers (tinygzsl/runtime/threads.py). Indices
have to be valid: compiled code doesn't check them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from importlib import import_module

import numpy as np

from ..runtime.backend import array_module

SMALL = 2048  # elements; below, starting Numba would take longer than it could ever save

_reference_only: ContextVar[bool] = ContextVar("tinygzsl_reference_only", default=False)


@contextmanager
def reference_only() -> Iterator[None]:
    """Run the definitions alone, without Numba and without fused steps: to compare with.

    A CWGAN decides when it is built whether its critic's step is fused, and keeps to that.
    """
    token = _reference_only.set(True)
    try:
        yield
    finally:
        _reference_only.reset(token)


def is_reference_only() -> bool:
    """Whether the calling code is inside `with reference_only()`."""
    return _reference_only.get()


def dispatched(reference: Callable) -> Callable:
    """A function that runs the definition, or the version of it that suits its arguments.

    That version has the definition's name, in a file of the same name in cpu/ or cuda/.
    """
    file, name = reference.__module__.rpartition(".")[2], reference.__name__

    @wraps(reference)
    def run(*args):
        if _reference_only.get():
            return reference(*args)
        arrays = [a for a in args if _is_array(a)]
        if array_module(*arrays) is not np:
            if _suits_cuda(arrays):
                return version("cuda", file, name)(*args)
        elif _suits_numba(arrays) and numba_version():
            return version("cpu", file, name)(*args)
        return reference(*args)

    run.reference = reference
    return run


def _is_array(a: object) -> bool:
    return isinstance(a, np.ndarray) or hasattr(type(a), "__cuda_array_interface__")


def _suits_numba(arrays: list[np.ndarray]) -> bool:
    plain = all(a.flags.c_contiguous and a.dtype.isnative for a in arrays)
    return plain and max(a.size for a in arrays) >= SMALL and _one_float_dtype(arrays)


def _suits_cuda(arrays: list) -> bool:
    return all(a.flags.c_contiguous for a in arrays) and _one_float_dtype(arrays)


def _one_float_dtype(arrays: list) -> bool:
    chars = {a.dtype.char for a in arrays if a.dtype.kind == "f"}
    return len(chars) <= 1 and chars <= {"f", "d"}


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
def version(folder: str, file: str, name: str) -> Callable:
    """The kernel `name` of that file in cpu/ or cuda/, imported when needed: cpu/ loads Numba."""
    return getattr(import_module(f".{folder}.{file}", __package__), name)
