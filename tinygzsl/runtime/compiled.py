"""How every Numba kernel is compiled: once per machine and type, without the GIL."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from numba import njit
from numba.core import event

# Sums may be reordered and products fused into sums, so that loops vectorise; NaN and inf keep
# their meaning, and one machine always gives the same bits.
FLOAT_RULES = {"reassoc", "contract", "nsz"}
PROJECT = __name__.partition(".")[0]


def compiled(function: Callable, rules: Iterable[str] = FLOAT_RULES) -> Callable:
    """function as machine code: cached on disk where a folder can be written, IEEE division.

    Numba's cache looks at the function's own file only: whoever changes what it calls in another
    file (kernels/cpu/fastexp.py, for one) has to clear __pycache__.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": set(rules)}
    try:
        kernel = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        _announcer.no_cache("no folder for them can be written")
        return njit(**options)(function)
    kernel._cache = _Forgiving(kernel._cache)
    return kernel


def compiled_in_order(function: Callable) -> Callable:
    """As compiled, without reordering: where (a - b) - c must not become a - (b + c)."""
    return compiled(function, FLOAT_RULES - {"reassoc"})


class _Forgiving:
    """Numba's cache of one function; where it can't be read or written, the function is compiled.

    Numba itself would end the work over a full disk, or over files that a power cut emptied.
    """

    def __init__(self, cache: Any):
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, *args) -> Any:
        """The compiled function, or None; a cache that can't be read is emptied."""
        try:
            return self._cache.load_overload(*args)
        except Exception as error:  # unpickling half a file raises anything
            with suppress(Exception):
                self._cache.flush()
            self._report("read", error)
            return None

    def save_overload(self, *args) -> None:
        """Write the compiled function, if that can be done."""
        try:
            self._cache.save_overload(*args)
        except Exception as error:
            self._report("written", error)

    def _report(self, verb: str, error: Exception) -> None:
        reason = " ".join(str(error).split()) or type(error).__name__
        _announcer.no_cache(f"those in {self._cache.cache_path} can't be {verb}: {reason}")


class _Announcer(event.Listener):
    """Says once per process that kernels are being compiled, before the first one is, and once
    where they can't be cached.
    """

    def __init__(self):
        self.said, self.cached = False, True

    def on_start(self, event: event.Event) -> None:
        function = getattr(event.data.get("dispatcher"), "py_func", None)
        module = getattr(function, "__module__", "")
        if not self.said and module.partition(".")[0] == PROJECT:
            self.said = True
            often = "once; they are cached" if self.cached else "in every process"
            note = f"tinygzsl: compiling its kernels for this machine ({often})"
            with suppress(OSError, AttributeError):  # stderr can be closed, or None
                sys.stderr.write(f"{note}\n")

    def on_end(self, event: event.Event) -> None:
        """Nothing: the kernels follow each other."""

    def no_cache(self, reason: str) -> None:
        """Warn, the first time, that kernels are compiled again."""
        if self.cached:
            self.cached = False
            warnings.warn(
                f"compiled kernels can't be kept ({reason}), so this process compiles them anew, "
                "in some 4 s; NUMBA_CACHE_DIR names another folder",
                stacklevel=2,
            )


_announcer = _Announcer()
event.register("numba:compile", _announcer)
