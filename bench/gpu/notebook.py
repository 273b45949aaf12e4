"""The results of a part as lines of JSON, so that those before a crash are kept."""

import json
import sys
import time
import traceback
from collections.abc import Callable
from statistics import median
from typing import TextIO


class DeviceLostError(Exception):
    """A kernel has failed, and this process can't use the device any more."""


class Notebook:
    """Writes the rows of the parts to `out`; healthy() must raise if the device is lost.

    A row has a median, minimum and maximum, a unit and further facts.
    """

    def __init__(self, out: TextIO, healthy: Callable[[], object]):
        self.out, self.healthy = out, healthy
        self.part, self._deadline = "", 0.0

    def begin(self, part: str, seconds: float) -> None:
        """Start a part, which has this many seconds; the next rows belong to it."""
        self.part, self._deadline = part, time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that this part has left."""
        return self._deadline - time.monotonic()

    def row(self, name: str, samples: list[float], unit: str, **facts: object) -> None:
        """Write the row of a measured quantity."""
        found = {"median": median(samples), "low": min(samples), "high": max(samples)}
        self._write({"name": name, "row": {**found, "unit": unit, **facts}})

    def missing(self, name: str, reason: str) -> None:
        """Write why there is no row of this name."""
        self._write({"name": name, "row": {"missing": reason}})

    def fact(self, name: str, value: object) -> None:
        """Write a fact that is not a measured quantity."""
        self._write({"name": name, "fact": value})

    def end(self, state: str) -> None:
        """End the part; state says how it ended."""
        self._write({"state": state})

    def attempt(self, name: str, function: Callable[[], object]) -> bool:
        """Call function(); return whether it succeeded. An error becomes a `missing` row.

        DeviceLostError is raised again.
        """
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
    """Return an error's type and the first line of its text."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {' '.join(first.split())}"[:300]
