"""A pool of threads that takes a share of work within microseconds.

A thread that sleeps takes some 50 us to wake up, longer than many a kernel runs. So a helper keeps
looking for its next share for a short while before it goes to sleep, and the caller for the end of
the last share. It looks without the GIL, in compiled code; until a kernel was, all just sleep.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

LANES = 16  # shares are multiples of this many rows: whole vectors, whole cache lines
LOOKS = 1 << 18  # before going to sleep: some 0.1 ms
PATIENCE = 1 << 16  # looks after a share was given, until its giver has let go of the GIL
GIVEN, DONE = 0, 8  # places of a helper's two counters, on cache lines of their own


class Workers:
    """count threads, the calling one among them."""

    def __init__(self, count: int):
        self.count = count
        self._helpers: list[_Helper] = []
        try:
            for _ in range(count - 1):
                self._helpers.append(_Helper())
        except RuntimeError as error:
            self.close()
            raise RuntimeError(
                f"thread {len(self._helpers) + 2} of {count} can't be started ({error}); use fewer "
                "threads, or raise the limit on them (ulimit -u)"
            ) from None
        self._process, self._busy = os.getpid(), threading.Lock()

    def shares(self, size: int, least: int = 1, unit: int = LANES) -> list[tuple[int, int]]:
        """(low, high) of one share of range(size) per worker, in order.

        A share has at least `least` elements, so small work stays on the calling thread, and all
        but the last a multiple of `unit`.
        """
        step = max(-(-size // self.count), least, 1)
        step = -(-step // unit) * unit
        return list(pairwise([*range(0, size, step), size])) if size else [(0, 0)]

    def run(self, part: Callable[[int, int], Any], shares: list[tuple[int, int]]) -> list:
        """part(low, high) for every share, one per worker; the results in order.

        Every share sees the caller's context variables. Where one raises, or the caller is
        interrupted, the others are waited for and the first error is raised. In a forked process,
        which has none of the threads, and while another thread uses the pool, all runs serially.
        """
        if os.getpid() != self._process or not self._busy.acquire(blocking=False):
            return [part(*share) for share in shares]
        used: list[_Helper] = []
        try:
            for helper, share in zip(self._helpers, shares[1:], strict=False):
                used.append(helper)
                helper.give(partial(copy_context().run, part), share)
            first = part(*shares[0])
        finally:
            outcomes = [helper.outcome() for helper in used]
            self._busy.release()
        for _, error in outcomes:
            if error is not None:
                raise error
        return [first, *(value for value, _ in outcomes)]

    def close(self) -> None:
        """End the threads."""
        for helper in self._helpers:
            helper.give(None, (0, 0))
            helper.join()


class _Helper(threading.Thread):
    """One thread, one share at a time.

    A counter goes up before its event is set, and whoever is about to sleep clears the event before
    looking at the counter once more: so nobody can sleep through anything.
    """

    def __init__(self):
        super().__init__(name="tinygzsl", daemon=True)
        self._counters = np.zeros(16, np.int64)
        self._given, self._done = threading.Event(), threading.Event()
        self._task: tuple = ()
        self._outcome: tuple = (None, None)
        self.start()

    def give(self, part: Callable[[int, int], Any] | None, share: tuple[int, int]) -> None:
        """Start on a share; None ends the thread."""
        self._task = part, share
        self._counters[GIVEN] += 1
        self._given.set()

    def outcome(self) -> tuple[Any, BaseException | None]:
        """The value and the error, one of which is None, once the share is done."""
        interrupt = None
        while self._counters[DONE] < self._counters[GIVEN]:
            try:
                self._given.set()  # an interrupt may have come between the counter and this
                self._await(DONE, int(self._counters[GIVEN]), self._done, 0)
            except KeyboardInterrupt as error:
                interrupt = error
        (value, error), self._task, self._outcome = self._outcome, (), (None, None)
        return value, interrupt or error

    def run(self) -> None:
        """Serve until the end."""
        for number in range(1, sys.maxsize):
            self._await(GIVEN, number, self._given, PATIENCE)
            part, share = self._task
            if part is None:
                return
            try:
                self._outcome = part(*share), None
            except BaseException as error:  # it belongs to the caller
                self._outcome = None, error
            del part, share
            self._counters[DONE] += 1
            self._done.set()

    def _await(self, counter: int, target: int, event: threading.Event, more: int) -> None:
        """Return once the counter is at the target."""
        if "tinygzsl.runtime.compiled" in sys.modules:  # so Numba is there, and works
            from .spin import spin

            if spin(self._counters, counter, target, LOOKS, more):
                return
        while self._counters[counter] < target:
            event.clear()
            if self._counters[counter] < target:
                event.wait()
