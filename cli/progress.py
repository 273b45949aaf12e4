"""A progress line on stderr with rate and remaining time, if it is a terminal; notes beforehand."""

import math
import sys
import time
from typing import Any

from .common import note

TITLES = {
    "ptc": "pre-training the classifier",
    "gan": "training the CWGAN",
    "vsmm": "training the VSMM",
    "tune": "validating settings",
    "stack": "training the experts",
    "gate": "training folds for the gate",
    "gradcheck": "checking gradients",
    "classifier": "training a classifier",
    "detector": "training the detector",
}
WORK = {  # that the notes beforehand are about
    "tune": "validation and training",
    "gate": "fitting the gate and training",
    "stack": "training the experts",
}
WIDTH = 24


class Progress:
    """The callback(step, logs) of fit, used as a context manager; `close` ends the line."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.on = self.stream.isatty()
        self.phase, self.started, self.first, self.drawn = None, 0.0, 0, 0.0
        self.tail, self.left, self.told = "", None, set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __call__(self, step: int, logs: dict[str, Any]) -> None:
        """Draw the line, at most ten times a second; first say how much work it is, if known."""
        self._tell(logs)
        if not self.on:
            return
        now = time.monotonic()
        if logs["phase"] != self.phase:
            self.close()
            self.phase, self.started, self.first, self.tail = logs["phase"], now, step, ""
        if "cs" in logs:
            self.tail = f", CS {logs['cs']:.2f} (r {logs['relative']:.2f})"
        self.left = logs.get("seconds_left")
        if now - self.drawn > 0.1 or step == logs["total"]:
            self.drawn = now
            self._draw(step, logs["total"], now=now)

    def _tell(self, logs: dict[str, Any]) -> None:
        """Print a note with the expected seconds and bytes, once each, when they are known."""
        if "expected_bytes" not in logs:
            return
        seconds: float | None = logs["expected_seconds"]
        size = memory(int(logs["expected_bytes"]))
        if seconds is None:
            words = f"{size}; the time is known once all of them have been trained"
        else:
            words = f"{roughly(seconds)} and {size}"
        phase = logs["phase"]
        if (phase, seconds is None) not in self.told:
            self.told |= {(phase, seconds is None), (phase, True)}
            self.close()
            note(f"note: {WORK.get(phase, 'this')} will take about {words}")

    def _draw(self, step: int, total: int, *, now: float) -> None:
        filled = round(WIDTH * step / total)
        rate = (step - self.first) / max(now - self.started, 1e-9)
        left = f", at most {clock((total - step) / rate)} left" if 0 < rate < 1e6 else ""
        if self.left is not None:
            left = f", about {clock(self.left)} left"
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


def roughly(seconds: float) -> str:
    """Return an estimate of seconds as text: 45 s, 4 min or 1.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def memory(size: int) -> str:
    """Return an estimate of bytes as text with two digits: 5 MB, 310 MB or 1.2 GB."""
    if size >= 10**9:
        return f"{size / 1e9:.1f} GB"
    digits = max(0, math.floor(math.log10(max(size, 1))) - 1)
    return f"{max(1, round(size / 10**digits) * 10**digits // 10**6)} MB"


def clock(seconds: float) -> str:
    """Return seconds as text: 45 s, 3:05 min or 1:20 h."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02} h"
