"""What the stand-in keeps in mind of a run: launches, copies, and what the host waited for."""

import math
import os
import sys
from typing import NamedTuple

GO_BETWEEN = ("runtime/backend.py",)  # its callers are what matters


class Launch(NamedTuple):
    """One operation of the device. Raw kernels have the bytes of each array argument instead."""

    name: str
    bytes_read: int
    bytes_written: int
    flops: int
    arrays: tuple = ()


class Sync(NamedTuple):
    """Something the host waited for, and the line of tinygzsl that asked for it."""

    what: str
    place: str


class Log:
    """What happened inside `with recorded(cupy) as log`."""

    def __init__(self):
        self.launches, self.syncs = [], []
        self.to_device, self.to_host = [], []  # bytes of each copy


class Recorder:
    """Fills the logs that are open, and raises the error that fail_after has asked for."""

    def __init__(self):
        self.logs, self.failure = [], None  # failure is [launches left, error]

    def launched(self, name, inputs, outputs, flops=None):
        """Note an operation on NumPy arrays; by default one flop per element of the larger side."""
        if not self.logs:
            return self.note(None)
        read, written = sum(map(_bytes, inputs)), sum(map(_bytes, outputs))
        if flops is None:
            flops = max((a.size for a in [*inputs, *outputs]), default=0)
        return self.note(Launch(name, read, written, flops))

    def note(self, launch):
        """Put a Launch into every log."""
        for log in self.logs:
            log.launches.append(launch)
        if self.failure is not None:
            self.failure[0] -= 1

    def fail_if_due(self):
        """Raise the error of fail_after when its number of launches has passed; once."""
        if self.failure is not None and self.failure[0] <= 0:
            error, self.failure = self.failure[1], None
            raise error

    def waited(self, what):
        """Note that the host has waited for the device."""
        if self.logs:
            entry = Sync(what, _place())
            for log in self.logs:
                log.syncs.append(entry)

    def copied(self, direction, nbytes):
        """Note a copy "to_device" or "to_host"."""
        for log in self.logs:
            getattr(log, direction).append(nbytes)


def _bytes(cells):
    """Bytes of a NumPy array that are there; a broadcast axis is there once."""
    if cells.flags.c_contiguous:
        return cells.nbytes
    there = (n for n, stride in zip(cells.shape, cells.strides, strict=True) if stride or not n)
    return math.prod(there) * cells.itemsize


def _place():
    """folder/file:line of the innermost line of tinygzsl that is no go-between, else of the
    caller.
    """
    frame, caller = sys._getframe(1), None
    while frame is not None:
        file = frame.f_code.co_filename
        short = "/".join(file.split(os.sep)[-2:])
        line = f"{short}:{frame.f_lineno}"
        if str(frame.f_globals.get("__name__")).partition(".")[0] == "tinygzsl":
            if short not in GO_BETWEEN:
                return line
        elif caller is None and not os.path.basename(file).startswith("standin"):
            caller = line
        frame = frame.f_back
    return caller
