"""A progress line on stderr with rate and remaining time; nothing if stderr isn't a terminal."""

import sys
import time
from typing import Any

TITLES = {
    "ptc": "pre-training the classifier",
    "gan": "training the CWGAN",
    "vsmm": "training the VSMM",
    "tune": "validating settings",
    "gate": "training folds for the gate",
    "gradcheck": "checking gradients",
    "classifier": "training a classifier",
    "detector": "training the detector",
}
WIDTH = 24


class Progress:
    """The callback(step, logs) of fit, used as a context manager; `close` ends the line."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.on = self.stream.isatty()
        self.phase, self.started, self.first, self.drawn = None, 0.0, 0, 0.0
        self.tail = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __call__(self, step: int, logs: dict[str, Any]) -> None:
        """Draw the line, at most ten times a second."""
        if not self.on:
            return
        now = time.monotonic()
        if logs["phase"] != self.phase:
            self.close()
            self.phase, self.started, self.first, self.tail = logs["phase"], now, step, ""
        if "cs" in logs:
            self.tail = f", CS {logs['cs']:.2f} (r {logs['relative']:.2f})"
        if now - self.drawn > 0.1 or step == logs["total"]:
            self.drawn = now
            self._draw(step, logs["total"], now=now)

    def _draw(self, step: int, total: int, *, now: float) -> None:
        filled = round(WIDTH * step / total)
        rate = (step - self.first) / max(now - self.started, 1e-9)
        left = f", at most {clock((total - step) / rate)} left" if 0 < rate < 1e6 else ""
        rated = f", {rate:.1f} steps/s{left}" if self.phase != "ptc" else ""
        bar = "#" * filled + "." * (WIDTH - filled)
        title = TITLES.get(self.phase or "", "training")
        line = f"{title} [{bar}] {step}/{total}{rated}{self.tail}"
        self._write(f"\r\x1b[K{line}")

    def _write(self, content: str) -> None:
        """Write to the terminal; if it has been closed, training continues."""
        try:
            self.stream.write(content)
            self.stream.flush()
        except OSError:
            self.on = False

    def close(self) -> None:
        """End the line, if one was drawn."""
        if self.on and self.phase is not None:
            self._write("\n")
            self.phase = None


def clock(seconds: float) -> str:
    """Return seconds as text: 45 s, 3:05 min or 1:20 h."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02} h"
