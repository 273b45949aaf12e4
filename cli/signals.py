"""What Ctrl-C (SIGINT) and SIGTERM do to `train`: they end it after a step and a checkpoint."""

import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WITH_CHECKPOINTS = ("gan", "vsmm")  # phases of a training that can be left after any step


class Stopped(KeyboardInterrupt):
    """A signal has ended the command; exit_code is 128 + its number, as in a shell."""

    def __init__(self, number: int):
        super().__init__(number)
        self.exit_code = 128 + number


class Stopping:
    """Notes the first signal while a checkpoint will follow; else, and at the second, raises
    Stopped at once. Use it as a context manager: the handlers from before are put back.

    Signals that the parent process has switched off, and threads other than the main one, which
    get none, are left alone.
    """

    def __init__(self, progress):
        self.progress = progress
        self.number, self.may_wait = None, False
        self._before = {}

    def __call__(self, step: int, logs: dict) -> None:
        """The callback of fit: hands on to the progress line and notes the phase."""
        self.may_wait = logs["phase"] in WITH_CHECKPOINTS
        self.progress(step, logs)

    def asked(self) -> bool:
        """Whether a signal has come."""
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
