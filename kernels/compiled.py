"""How every Numba kernel is compiled: once per machine and type, without the GIL."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from numba import njit
from numba.core import event

# Sums may be reordered and products fused into sums, so that loops vectorise; NaN and inf keep
# their meaning, and one machine always gives the same bits.
FLOAT_RULES = {"reassoc", "contract", "nsz"}


def compiled(function: Callable, rules: Iterable[str] = FLOAT_RULES) -> Callable:
    """function as machine code: cached on disk where a folder can be written, IEEE division.

    Numba's cache looks at the function's own file only: whoever changes what it calls in another
    file (fastexp.py) has to clear __pycache__.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": set(rules)}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache: compile in every process
        return njit(**options)(function)


def compiled_in_order(function: Callable) -> Callable:
    """As compiled, without reordering: where (a - b) - c must not become a - (b + c)."""
    return compiled(function, FLOAT_RULES - {"reassoc"})


class _Announcer(event.Listener):
    """Says once per process that kernels are being compiled, before the first one is."""

    def __init__(self):
        self.said = False

    def on_start(self, event: event.Event) -> None:
        function = getattr(event.data.get("dispatcher"), "py_func", None)
        if not self.said and getattr(function, "__module__", "").startswith(__package__):
            self.said = True
            note = "tinygzsl: compiling its kernels for this machine (once; they are cached)"
            print(note, file=sys.stderr)

    def on_end(self, event: event.Event) -> None:
        """Nothing: the kernels follow each other."""


event.register("numba:compile", _Announcer())
