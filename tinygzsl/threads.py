"""One small pool of threads for products and kernels, so that they never fight for the cores.

Inside `with workers(n)` BLAS is held to the thread that calls it, and all parallel work goes
through `split`, a product of matrices like everything else. BLAS's own threads would keep a core
busy for some 100 ms after each product, waiting for the next, and halve the speed of whatever runs
there.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .pool import LANES, Workers

SERIAL = Workers(1)
_current: ContextVar[Workers] = ContextVar("tinygzsl_workers", default=SERIAL)


def current() -> Workers:
    """The workers of the innermost `with workers(...)`, or the calling thread alone."""
    return _current.get()


def split(part: Callable[[int, int], Any], size: int, least: int = 1, unit: int = LANES) -> list:
    """part(low, high) over range(size), one share per current worker; the results in order.

    A share has at least `least` elements and all but the last a multiple of `unit`. What a part
    calls does not split again. Where one raises, the others are waited for.
    """
    pool = current()
    shares = pool.shares(size, least, unit)
    if len(shares) == 1:
        return [part(*shares[0])]
    token = _current.set(SERIAL)
    try:
        return pool.run(part, shares)
    finally:
        _current.reset(token)


def check_threads(threads: int | None) -> int | None:
    """The number itself; ValueError unless it is None or a whole number from 1 to 1024."""
    good = isinstance(threads, Integral) and not isinstance(threads, bool)
    if threads is not None and not (good and 1 <= threads <= 1024):
        raise ValueError(f"threads is {threads!r}; pass a whole number from 1 to 1024, or None")
    return threads


def default_threads() -> int:
    """As many as BLAS would use by itself: its own count, which the environment may limit."""
    blas = _blas_libraries()
    if blas:
        return max(library.get() for library in blas)
    available = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return len(available(0))


@contextmanager
def workers(threads: int | None = None) -> Iterator[Workers]:
    """Split work over that many threads (None: default_threads) until the block ends.

    Where BLAS can't be held to one thread (it isn't OpenBLAS), it keeps its own threads and all
    else runs on the calling one. A block inside another one uses the outer's threads, and holds
    what BLAS was loaded in between.
    """
    outer, blas = current(), _blas_libraries()
    before = [library.get() for library in blas]
    pool = outer
    if outer is SERIAL:
        pool = Workers((threads or max(before)) if blas else 1)
    token = _current.set(pool)
    try:
        for library in blas:
            library.set(1)
        yield pool
    finally:
        for library, count in zip(blas, before, strict=True):
            library.set(count)
        _current.reset(token)
        if pool is not outer:
            pool.close()


class _Blas(NamedTuple):
    get: Callable[[], int]
    set: Callable[[int], None]


def _blas_libraries() -> list[_Blas]:
    """The OpenBLAS libraries that are loaded: NumPy's and, once it is imported, SciPy's."""
    return list(_libraries_at(len(sys.modules)))


@lru_cache(1)  # what is loaded changes with an import, if at all
def _libraries_at(modules: int) -> tuple[_Blas, ...]:
    found = []
    for path in sorted(_openblas_files()):
        try:
            library = ctypes.CDLL(str(path))  # loaded already, so this only finds it
        except OSError:
            continue
        names = [f"{a}openblas_%s_num_threads{b}" for a in ("scipy_", "") for b in ("64_", "")]
        for name in names:
            if hasattr(library, name % "set"):
                found.append(_Blas(getattr(library, name % "get"), getattr(library, name % "set")))
                break
    return tuple(found)


def _openblas_files() -> set[Path]:
    """Files of OpenBLAS in the process (Linux), or else where the wheels keep them."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        packages = [np, *(sys.modules[m] for m in ("scipy",) if m in sys.modules)]
        homes = [Path(package.__file__).parent for package in packages]
        patterns = [(home.parent / f"{home.name}.libs", home / ".dylibs") for home in homes]
        return {f for folders in patterns for d in folders for f in d.glob("*openblas*")}
    paths = (line.split(maxsplit=5)[-1] for line in maps.splitlines())
    return {Path(p) for p in paths if "openblas" in Path(p).name.lower()}
