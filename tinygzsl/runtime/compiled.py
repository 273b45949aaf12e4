"""How every Numba kernel is compiled: once per machine and type, without the GIL."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from numba import njit
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

from .forks import at_fork

# Sums may be reordered and a product and a sum fused, so that loops vectorise. NaN and inf keep
# their meaning, and on one machine results are the same to the bit.
FLOAT_RULES = {"reassoc", "contract", "nsz"}
P = ParamSpec("P")
R = TypeVar("R")
PROJECT = __name__.partition(".")[0]


def compiled(function: Callable[P, R], rules: Iterable[str] = FLOAT_RULES) -> Callable[P, R]:
    """Return the function compiled by Numba, with IEEE division, cached on disk if possible.

    Numba's cache notices changes in the function's own file only: after a change in a function that
    it calls from another file, such as kernels/cpu/fastexp.py, clear __pycache__.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": set(rules)}
    try:
        kernel = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        _announcer.no_cache("no folder for them can be written")
        return njit(**options)(function)
    kernel._cache = _Forgiving(kernel._cache)
    return kernel


def compiled_in_order(function: Callable[P, R]) -> Callable[P, R]:
    """As compiled, without reordering: for code where (a - b) - c must not become a - (b + c)."""
    return compiled(function, FLOAT_RULES - {"reassoc"})


class _Forgiving:
    """Numba's cache of one function; if it can't be read or written, the function is compiled.

    Numba itself would raise for a full disk, or for cache files that a power cut left empty.
    """

    def __init__(self, cache: Any):
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, *args: Any) -> Any:
        """Return the compiled function, or None; a cache that can't be read is emptied."""
        try:
            return self._cache.load_overload(*args)
        except Exception as error:  # unpickling a damaged file can raise any type
            with suppress(Exception):
                self._cache.flush()
            self._report("read", error)
            return None

    def save_overload(self, *args: Any) -> None:
        """Write the compiled function; if that fails, warn."""
        try:
            self._cache.save_overload(*args)
        except Exception as error:
            self._report("written", error)

    def _report(self, verb: str, error: Exception) -> None:
        reason = " ".join(str(error).split()) or type(error).__name__
        _announcer.no_cache(f"those in {self._cache.cache_path} can't be {verb}: {reason}")


class _Announcer(event.Listener):
    """Reports once per process that kernels are compiled, and once that they can't be cached."""

    def __init__(self) -> None:
        self.said, self.cached = False, True

    def on_start(self, event: event.Event) -> None:
        function = getattr(event.data.get("dispatcher"), "py_func", None)
        module = getattr(function, "__module__", "")
        if not self.said and module.partition(".")[0] == PROJECT:
            self.said = True
            often = "once; they are cached" if self.cached else "in every process"
            note = f"tinygzsl: compiling its kernels for this machine ({often})"
            with suppress(OSError, AttributeError):  # stderr can be closed, or None
                end = "\x1b[K\n" if sys.stderr.isatty() else "\n"  # what is left of a longer line
                sys.stderr.write(f"{note}{end}")

    def on_end(self, event: event.Event) -> None:
        """Do nothing."""

    def no_cache(self, reason: str) -> None:
        """Warn, once, that every process compiles the kernels again."""
        if self.cached:
            self.cached = False
            warnings.warn(
                f"compiled kernels can't be kept ({reason}), so this process compiles them again "
                "(about 4 s); set NUMBA_CACHE_DIR to a folder that can be written",
                stacklevel=2,
            )


_announcer = _Announcer()
event.register("numba:compile", _announcer)
# A fork acquires locks in the reverse order of their registration. Compilation takes the lock of
# `logging`, which Numba has imported before.
at_fork(global_compiler_lock.acquire, global_compiler_lock.release)
