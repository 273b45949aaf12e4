"""The steps of writing files, of which a chosen one is refused: write, fsync, rename.

Files opened for writing go through a raw file whose write, the one that would be a call of the
system, is counted. So a buffer that is flushed when the file is closed fails there too.
"""

import builtins
import errno
import io
import os
from contextlib import contextmanager


class Steps:
    """Counts the steps by name and refuses the one at place `refused`, with this error number."""

    def __init__(self, *, folder, refused=None, number=errno.ENOSPC):
        self.folder, self.refused, self.number = str(folder), refused, number
        self.names: list[str] = []

    def take(self, name, path):
        """Count a step, or raise OSError if it is the refused one."""
        if not str(path).startswith(self.folder):
            return
        self.names.append(name)
        if len(self.names) - 1 == self.refused:
            raise OSError(self.number, os.strerror(self.number))


class Counted(io.FileIO):
    """A raw file whose writes are steps."""

    def __init__(self, steps, path, mode, opener=None):
        super().__init__(path, mode, opener=opener)
        self._steps, self._path = steps, path

    def write(self, content):
        self._steps.take("write", self._path)
        return super().write(content)


@contextmanager
def counted(**how):
    """Yield the Steps below a folder; within, each write, fsync, rename and truncate is one."""
    steps = Steps(**how)
    usual = {name: getattr(os, name) for name in ("fsync", "replace", "rename", "truncate")}
    open_usual = builtins.open

    def opened(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **more):
        is_path = isinstance(file, str | os.PathLike)
        if not is_path or not set(mode) & set("wax+") or not str(file).startswith(steps.folder):
            return open_usual(file, mode, buffering, encoding, errors, newline, **more)
        raw = Counted(steps, os.fspath(file), mode.replace("b", "").replace("t", ""), **more)
        if buffering == 0:
            return raw
        whole = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return whole
        return io.TextIOWrapper(whole, encoding, errors, newline)

    def fsync(descriptor):
        steps.take("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))
        usual["fsync"](descriptor)

    def on_path(name):
        def step(path, *more):
            steps.take(name, path)
            return usual[name](path, *more)

        return step

    builtins.open = io.open = opened
    os.fsync, os.replace, os.rename, os.truncate = (
        fsync,
        *(on_path(name) for name in ("replace", "rename", "truncate")),
    )
    try:
        yield steps
    finally:
        builtins.open = io.open = open_usual
        for name, function in usual.items():
            setattr(os, name, function)
