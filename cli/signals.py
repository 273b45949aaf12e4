"""Ctrl-C (SIGINT) and SIGTERM end `train` after the current step, with a checkpoint."""

import signal
import threading
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WITH_CHECKPOINTS = ("gan", "vsmm")  # phases that can be stopped after any step


class Stopped(KeyboardInterrupt):
    """A signal has ended the command; exit_code is 128 + its number, as in a shell."""

    def __init__(self, number: int):
        super().__init__(number)
        self.exit_code = 128 + number


class Stopping:
    """Signal handlers as a context manager; the previous handlers are restored at its end.

    In a phase with checkpoints the first signal is only recorded, and training stops at the next
    checkpoint. In other phases, and at the second signal, Stopped is raised at once. Signals that
    the parent process has disabled keep their handlers, as do all signals outside the main thread.
    """

    def __init__(self, progress):
        self.progress = progress
        self.number, self.may_wait = None, False
        self._before = {}

    def __call__(self, step: int, logs: dict[str, Any]) -> None:
        """The callback of fit: remember the phase and update the progress line."""
        self.may_wait = logs["phase"] in WITH_CHECKPOINTS
        self.progress(step, logs)

    def asked(self) -> bool:
        """Return whether a signal has come."""
        return self.number is not None

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number, _frame):
        first = not self.asked()
        self.number = number
        if not (first and self.may_wait):
            raise Stopped(number)
