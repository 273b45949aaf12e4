"""One small pool of threads for matrix products and kernels, so that they don't compete for cores.

Inside `with workers(n)` BLAS is limited to the thread that calls it, and all parallel work,
matrix products included, goes through `split`. BLAS's own threads would poll for about 100 ms after
each product and halve the speed of other work on their cores.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral
from typing import TypeVar

from ..errors import InputError
from . import blas
from .memory import THREAD, require_room
from .pool import LANES, SharesInTurn, Workers

SERIAL = Workers(1)
Result = TypeVar("Result")
_current: ContextVar[Workers] = ContextVar("tinygzsl_workers", default=SERIAL)


def current() -> Workers:
    """Return the workers of the innermost `with workers(...)`, or the calling thread alone."""
    return _current.get()


def split(
    part: Callable[[int, int], Result], size: int, *, least: int = 1, unit: int = LANES
) -> list[Result]:
    """Call part(low, high) over range(size), one share per current worker; results in order.

    A share has at least `least` elements, and all shares except the last have a multiple of `unit`.
    If there are several shares, calls of split inside them don't split again. If one raises, the
    others are waited for.
    """
    pool = current()
    shares = pool.shares(size, least=least, unit=unit)
    if len(shares) == 1:
        return [part(*shares[0])]
    token = _current.set(SERIAL)
    try:
        return pool.run(part, shares)
    finally:
        _current.reset(token)


def check_threads(threads: int | None) -> int | None:
    """Return the number; ValueError unless it is None or a whole number from 1 to 1024."""
    good = isinstance(threads, Integral) and not isinstance(threads, bool)
    if threads is not None and not (good and 1 <= threads <= 1024):
        raise InputError(f"threads is {threads!r}; pass a whole number from 1 to 1024, or None")
    return threads


def cores() -> int:
    """Return the number of cores that this process may use (taskset can restrict it)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """Return the number of threads BLAS would use by itself; the environment may limit it.

    If BLAS isn't OpenBLAS it can't be limited and keeps its own threads; then this is 1.
    """
    return blas.own_threads() or 1


@contextmanager
def workers(threads: int | None = None) -> Iterator[Workers]:
    """Split work over that many threads (None: default_threads) until the block ends.

    If BLAS isn't OpenBLAS it can't be limited to one thread: it keeps its own threads, and all
    other work runs on the calling thread, with a warning if more threads were requested. A block
    inside another one uses the outer block's threads, and limits any BLAS that was loaded in
    between. Raises ValueError for an invalid number of threads and MemoryError if there isn't
    enough memory.
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


@contextmanager
def shares_in_turn(count: int) -> Iterator[None]:
    """Split work of any size into `count` shares, for checks of what shares compute.

    They run one after another on the calling thread, so that small work takes no longer.
    """
    token = _current.set(SharesInTurn(count))
    try:
        with blas.one_thread():
            yield
    finally:
        _current.reset(token)
