"""A pool of threads that starts a share of work within microseconds.

A sleeping thread takes about 50 us to wake up, longer than many kernels run. So a helper thread
polls for its next share for a short while before it sleeps, and the caller polls for the end of the
last share. Polling is done in compiled code without the GIL; before the first kernel is compiled,
all threads sleep.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..errors import OutsideError

LANES = 16  # shares are multiples of this many rows, so that vectors and cache lines are whole
LOOKS = 1 << 18  # polls before a thread sleeps: about 0.1 ms
PATIENCE = 1 << 16  # polls after a share was given, until the caller has released the GIL
Result = TypeVar("Result")
GIVEN, DONE = 0, 8  # indices of a helper's two counters, each on its own cache line


class Workers:
    """A pool of `count` threads, the calling thread included."""

    def __init__(self, count: int):
        self.count, self._process = count, os.getpid()
        self._helpers: list[_Helper] = []
        try:
            for _ in range(count - 1):
                self._helpers.append(_Helper())
        except RuntimeError as error:
            self.close()
            raise OutsideError(
                f"thread {len(self._helpers) + 2} of {count} can't be started ({error}); use fewer "
                "threads, or raise the limit on them (ulimit -u)"
            ) from None
        self._busy = threading.Lock()

    def shares(self, size: int, *, least: int = 1, unit: int = LANES) -> list[tuple[int, int]]:
        """Split range(size) into at most one share (low, high) per worker, in order.

        A share has at least `least` elements, so small work stays on the calling thread. The size
        of all shares except the last is a multiple of `unit`.
        """
        step = max(-(-size // self.count), least, 1)
        step = -(-step // unit) * unit
        return list(pairwise([*range(0, size, step), size])) if size else [(0, 0)]

    def run(
        self, part: Callable[[int, int], Result], shares: list[tuple[int, int]]
    ) -> list[Result]:
        """Call part(low, high) for every share, one per worker; return the results in order.

        Every share sees the caller's context variables. If one raises, or the caller is
        interrupted, the others are waited for and the first error is raised. All shares run on the
        calling thread in a forked process, which doesn't have the threads, and while another thread
        uses the pool.
        """
        if os.getpid() != self._process or not self._busy.acquire(blocking=False):
            return [part(*share) for share in shares]
        used: list[_Helper] = []
        try:
            for helper, share in zip(self._helpers, shares[1:], strict=False):
                used.append(helper)
                helper.give(_Task(part, share, copy_context()))
            first = part(*shares[0])
        finally:
            outcomes = [helper.outcome() for helper in used]
            self._busy.release()
        for _, error in outcomes:
            if error is not None:
                raise error
        return [first, *(value for value, _ in outcomes)]

    def close(self) -> None:
        """End the threads; in a forked process, which doesn't have them, do nothing."""
        if os.getpid() != self._process:
            return
        for helper in self._helpers:
            helper.give(None)
            helper.join()


class SharesInTurn(Workers):
    """As Workers, but without threads: it splits work of any size, and runs share after share."""

    def __init__(self, count: int):
        super().__init__(1)
        self.count = count

    def shares(self, size: int, *, least: int = 1, unit: int = LANES) -> list[tuple[int, int]]:
        """As Workers.shares, with `least` ignored."""
        return super().shares(size, unit=unit)

    def run(
        self, part: Callable[[int, int], Result], shares: list[tuple[int, int]]
    ) -> list[Result]:
        """Call part(low, high) for every share; return the results in order."""
        return [part(*share) for share in shares]


class _Task(NamedTuple):
    """A share, its function, and the caller's context variables."""

    part: Callable[[int, int], Any]
    share: tuple[int, int]
    context: Context


class _Helper(threading.Thread):
    """A thread that runs one share at a time.

    A counter is increased before its event is set. A thread that is about to sleep clears the event
    and then reads the counter once more, so it can't miss an event.
    """

    def __init__(self) -> None:
        super().__init__(name="tinygzsl", daemon=True)
        self._counters = np.zeros(16, np.int64)
        self._given, self._done = threading.Event(), threading.Event()
        self._task: _Task | None = None
        self._outcome: tuple[Any, BaseException | None] = (None, None)
        self.start()

    def give(self, task: _Task | None) -> None:
        """Start a share; None ends the thread."""
        self._task = task
        self._counters[GIVEN] += 1
        self._given.set()

    def outcome(self) -> tuple[Any, BaseException | None]:
        """Wait for the end of the share; return its value and its error, one of them None."""
        interrupt = None
        while self._counters[DONE] < self._counters[GIVEN]:
            try:
                self._given.set()  # in case an interrupt came between the counter and the event
                self._await(DONE, int(self._counters[GIVEN]), self._done, 0)
            except KeyboardInterrupt as pressed:
                interrupt = pressed
        (value, error), self._task, self._outcome = self._outcome, None, (None, None)
        return value, interrupt or error

    def run(self) -> None:
        """Run shares until None is given."""
        for number in range(1, sys.maxsize):
            self._await(GIVEN, number, self._given, PATIENCE)
            task = self._task
            if task is None:
                return
            try:
                self._outcome = task.context.run(task.part, *task.share), None
            except BaseException as error:  # raised again in the caller
                self._outcome = None, error
            del task
            self._counters[DONE] += 1
            self._done.set()

    def _await(self, counter: int, target: int, event: threading.Event, more: int) -> None:
        """Return once the counter has reached the target."""
        if "tinygzsl.runtime.compiled" in sys.modules:  # then Numba is installed and works
            from .spin import spin

            if spin(self._counters, counter, target, LOOKS, more):
                return
        while self._counters[counter] < target:
            event.clear()
            if self._counters[counter] < target:
                event.wait()
