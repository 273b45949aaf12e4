"""One small pool of threads for products and kernels, so that they never fight for the cores.

Inside `with workers(n)` BLAS is held to the thread that calls it, and all parallel work goes
through `split`, a product of matrices like everything else. BLAS's own threads would keep a core
busy for some 100 ms after each product, waiting for the next, and halve the speed of whatever runs
there.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral
from typing import Any

from . import blas
from .memory import THREAD, require_room
from .pool import LANES, Workers

SERIAL = Workers(1)
_current: ContextVar[Workers] = ContextVar("tinygzsl_workers", default=SERIAL)


def current() -> Workers:
    """The workers of the innermost `with workers(...)`, or the calling thread alone."""
    return _current.get()


def split(part: Callable[[int, int], Any], size: int, least: int = 1, unit: int = LANES) -> list:
    """part(low, high) over range(size), one share per current worker; the results in order.

    A share has at least `least` elements and all but the last a multiple of `unit`. Where there are
    several shares, what they call does not split again. Where one raises, the others are waited
    for.
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


def cores() -> int:
    """The cores that this process may use (taskset allows fewer than there are)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """As many as BLAS would use by itself: its own count, which the environment may limit.

    1 where BLAS isn't OpenBLAS: it can't be held, so it keeps its threads to itself.
    """
    return blas.own_threads() or 1


@contextmanager
def workers(threads: int | None = None) -> Iterator[Workers]:
    """Split work over that many threads (None: default_threads) until the block ends.

    Where BLAS isn't OpenBLAS, it can't be held to one thread: then it keeps its own threads and all
    else runs on the calling one, with a warning if more were asked for. A block inside another one
    uses the outer's threads, and holds what BLAS was loaded in between. Raises ValueError for a
    number of threads that makes no sense, MemoryError where there is no memory for them.
    """
    check_threads(threads)
    outer = pool = current()
    if outer is SERIAL:
        if blas.own_threads() is None and (threads or 1) > 1:
            warnings.warn(
                f"threads is {threads}, but NumPy's BLAS isn't OpenBLAS and can't be held to one "
                "thread, so the kernels run on one; limit BLAS by its own environment variable",
                stacklevel=3,
            )
            threads = 1
        count = threads or default_threads()
        require_room(THREAD * count, f"work on {count} thread(s)")
        pool = Workers(count)
    token = _current.set(pool)
    try:
        with blas.one_thread():
            yield pool
    finally:
        _current.reset(token)
        if pool is not outer:
            pool.close()
