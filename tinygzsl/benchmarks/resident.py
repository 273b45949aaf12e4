"""The resident memory of this process and its peak in a block, from Linux's /proc."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROCESS = Path("/proc/self")


class Peak:
    """Resident bytes before a block and, after its end, at its peak."""

    before = 0
    peak = 0

    @property
    def added(self) -> int:
        """Peak bytes minus those before the block."""
        return self.peak - self.before


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the block; OSError on systems without /proc (macOS, Windows)."""
    found = Peak()
    _give_back()
    try:
        (_PROCESS / "clear_refs").write_text("5")  # resets the peak
        found.before = _status("VmRSS")
        yield found
    finally:
        found.peak = _status("VmHWM")


def _give_back() -> None:
    """Return free memory to the system, so that the block can't reuse it unmeasured."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim:
        trim(0)


def _status(key: str) -> int:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_PROCESS / 'status'} has no {key}; measure on Linux")
