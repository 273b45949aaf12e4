"""Resident memory of this process and its peak while a block runs, from Linux's /proc."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROCESS = Path("/proc/self")


class Peak:
    """Bytes resident before a block, and at its peak once it has ended."""

    before = 0
    peak = 0

    @property
    def added(self) -> int:
        """Bytes that the block added at its peak."""
        return self.peak - self.before


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the block. OSError where the system has no /proc, as on macOS and Windows."""
    found = Peak()
    _give_back()
    try:
        (_PROCESS / "clear_refs").write_text("5")  # the peak starts anew
        found.before = _status("VmRSS")
        yield found
    finally:
        found.peak = _status("VmHWM")


def _give_back() -> None:
    """Return free memory to the system: else the block may use it and seem to need none."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim:
        trim(0)


def _status(key: str) -> int:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_PROCESS / 'status'} has no {key}; measure on Linux")
