"""What a part has found, line by line of JSON: what was said before a crash is kept."""

import json
import sys
import time
import traceback
from collections.abc import Callable
from statistics import median
from typing import TextIO


class DeviceLostError(Exception):
    """A kernel has failed so that this process can't use the device any more."""


class Notebook:
    """Writes the rows of one part after the other to `out`; healthy() raises if the device is lost.

    A row has a median, the least and the greatest value, a unit and what else is known.
    """

    def __init__(self, out: TextIO, healthy: Callable[[], object]):
        self.out, self.healthy = out, healthy
        self.part, self._deadline = "", 0.0

    def begin(self, part: str, seconds: float) -> None:
        """The rows to come are of this part, which has so many seconds."""
        self.part, self._deadline = part, time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that this part has left."""
        return self._deadline - time.monotonic()

    def row(self, name: str, samples: list[float], unit: str, **facts: object) -> None:
        """A quantity by its samples."""
        found = {"median": median(samples), "low": min(samples), "high": max(samples)}
        self._write({"name": name, "row": {**found, "unit": unit, **facts}})

    def missing(self, name: str, reason: str) -> None:
        """Why there is no such row."""
        self._write({"name": name, "row": {"missing": reason}})

    def fact(self, name: str, value: object) -> None:
        """Something known that is no quantity."""
        self._write({"name": name, "fact": value})

    def end(self, state: str) -> None:
        """The part is done, or why not."""
        self._write({"state": state})

    def attempt(self, name: str, function: Callable[[], object]) -> bool:
        """Whether function() went through; if not, why not is a row. DeviceLostError goes on."""
        try:
            function()
            return True
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self.missing(name, one_line(error))
            try:
                self.healthy()
            except Exception as lost:
                raise DeviceLostError(one_line(lost)) from error
            return False

    def _write(self, entry: dict) -> None:
        print(json.dumps({"part": self.part, **entry}), file=self.out, flush=True)


def one_line(error: BaseException) -> str:
    """An error's type and the first line of its text."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {' '.join(first.split())}"[:300]
