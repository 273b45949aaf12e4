"""A progress line on stderr with rate and remaining time, if it is a terminal; notes beforehand."""

import math
import os
import shutil
import sys
import time
import warnings
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
WIDTH, NARROWEST = 24, 6  # of the bar


class Progress:
    """The callback(step, logs) of fit, used as a context manager; `close` ends the line.

    Inside of it a warning begins on a line of its own.
    """

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.on = self.stream.isatty()
        self.phase, self.started, self.first, self.drawn = None, 0.0, 0, 0.0
        self.tail, self.left, self.told = "", None, set()

    def __enter__(self):
        self.show_warning = warnings.showwarning
        warnings.showwarning = self._show_warning
        return self

    def __exit__(self, *_):
        warnings.showwarning = self.show_warning
        self.close()

    def _show_warning(self, *args: Any, **kwargs: Any) -> None:
        self.close()
        self.show_warning(*args, **kwargs)

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
            words = f"{size}; how long it takes is known after the first fold"
        else:
            words = f"{roughly(seconds)} and {size}"
        phase = logs["phase"]
        if (phase, seconds is None) not in self.told:
            self.told |= {(phase, seconds is None), (phase, True)}
            self.close()
            note(f"note: {WORK.get(phase, 'this')} will take about {words}")

    def _draw(self, step: int, total: int, *, now: float) -> None:
        """Draw the line within the terminal's width: what doesn't fit is left out."""
        rate = (step - self.first) / max(now - self.started, 1e-9)
        left = f", at most {clock((total - step) / rate)} left" if 0 < rate < 1e6 else ""
        if self.left is not None:
            left = f", about {clock(self.left)} left"
        rated = f", {speed(rate)}" if rate > 0 else ""
        if self.phase == "ptc":  # its steps take very different times
            left = rated = ""
        title = TITLES.get(self.phase or "", "training")
        columns = room(self.stream)
        line, fitting = f"{title} {step}/{total}", [""]
        for part in (left, rated, self.tail):  # in order of use
            if len("".join([line, *fitting, part])) <= columns:
                fitting.append(part)
        line += "".join(part for part in (rated, left, self.tail) if part in fitting)
        width = min(WIDTH, columns - len(line) - 3)
        if width >= NARROWEST:
            filled = round(width * step / total)
            bar = "#" * filled + "." * (width - filled)
            line = line.replace(title, f"{title} [{bar}]", 1)
        self._write(f"\r\x1b[K{line[:columns]}\r")  # other text replaces the line, as a step does

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


def room(stream: Any) -> int:
    """Return how many characters a line on that terminal may have: a full line would wrap.

    The stream itself is asked, as stdout may be a file, and COLUMNS of another window.
    """
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, ValueError, OSError):
        columns = 0
    return (columns or shutil.get_terminal_size().columns) - 1  # 0 is a size that nobody has set


def speed(rate: float) -> str:
    """Return steps per second as text: 2.0 steps/s, or 25 s/step if that is slow."""
    return f"{rate:.1f} steps/s" if rate >= 0.1 else f"{1 / rate:.0f} s/step"


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
