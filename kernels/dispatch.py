"""Choose the version of a kernel by the arrays of a call.

The compiled versions need C-contiguous arrays of one floating dtype. CuPy arrays go to CUDA. NumPy
arrays go to Numba if they have native byte order and at least SMALL elements; these versions also
split the rows over the current workers (tinygzsl/runtime/threads.py). All other calls go to the
reference version, which takes any arrays. Indices must be valid: compiled code doesn't check them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeGuard, TypeVar

import numpy as np

from ..runtime.array import Array
from ..runtime.backend import array_module

P = ParamSpec("P")
R = TypeVar("R")
SMALL = 2048  # elements; for fewer, the call of a Numba function costs more time than it saves

_reference_only: ContextVar[bool] = ContextVar("tinygzsl_reference_only", default=False)
_compiled_from: ContextVar[tuple[int, set[str]] | None] = ContextVar(
    "tinygzsl_compiled_from", default=None
)


@contextmanager
def reference_only() -> Iterator[None]:
    """Run the reference versions only, without Numba and without fused steps, for comparisons.

    A CWGAN chooses once, when it is built, whether its critic's step is fused.
    """
    token = _reference_only.set(True)
    try:
        yield
    finally:
        _reference_only.reset(token)


def is_reference_only() -> bool:
    """Whether the calling code is inside `with reference_only()`."""
    return _reference_only.get()


@contextmanager
def compiled_from(elements: int) -> Iterator[set[str]]:
    """Send arrays of at least `elements` elements to Numba, for checks of compiled kernels.

    Yields a set that collects the names of the compiled kernels, Numba's and CUDA's, that ran.
    """
    ran: set[str] = set()
    token = _compiled_from.set((elements, ran))
    try:
        yield ran
    finally:
        _compiled_from.reset(token)


def dispatched(reference: Callable[P, R]) -> Callable[P, R]:
    """Return a function that chooses between a kernel's reference and compiled versions.

    The compiled version has the same name, in a file of the same name in cpu/ or cuda/.
    """
    file, name = reference.__module__.rpartition(".")[2], reference.__name__

    @wraps(reference)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if _reference_only.get():
            return reference(*args, **kwargs)
        arrays = [a for a in (*args, *kwargs.values()) if _is_array(a)]
        smallest, ran = _compiled_from.get() or (SMALL, None)
        folder = None
        if array_module(*arrays) is not np:
            folder = "cuda" if _suits_cuda(arrays) else None
        elif _suits_numba(arrays, smallest) and numba_version():
            folder = "cpu"
        if folder is None:
            return reference(*args, **kwargs)
        if ran is not None:
            ran.add(name)
        return version(folder, file, name)(*args, **kwargs)

    return run


def _is_array(a: object) -> TypeGuard[Array]:
    return isinstance(a, np.ndarray) or hasattr(type(a), "__cuda_array_interface__")


def _suits_numba(arrays: list[Array], smallest: int) -> bool:
    plain = all(a.flags.c_contiguous and a.dtype.isnative for a in arrays)
    return plain and max(a.size for a in arrays) >= smallest and _one_float_dtype(arrays)


def _suits_cuda(arrays: list[Array]) -> bool:
    return all(a.flags.c_contiguous for a in arrays) and _one_float_dtype(arrays)


def _one_float_dtype(arrays: list[Array]) -> bool:
    chars = {a.dtype.char for a in arrays if a.dtype.kind == "f"}
    return len(chars) <= 1 and chars <= {"f", "d"}


@cache
def numba_version() -> str | None:
    """Return Numba's version, or None if Numba can't be used; the first such call warns."""
    try:
        import numba

        if numba.config.DISABLE_JIT:
            raise ImportError("NUMBA_DISABLE_JIT is set")
    except Exception as error:  # not ImportError alone: OSError if LLVM's library can't be loaded
        reason = " ".join(str(error).split())
        warnings.warn(
            f"numba can't be used ({reason}), so the kernels run in NumPy, two or three "
            "times slower; pip install numba",
            stacklevel=2,
        )
        return None
    return numba.__version__


@cache
def version(folder: str, file: str, name: str) -> Callable[..., Any]:
    """Return the kernel `name` of a file in cpu/ or cuda/; importing cpu/ loads Numba."""
    return getattr(import_module(f".{folder}.{file}", __package__), name)
