"""Pipes, terminals and open descriptors in the place of a file, and what is read from them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

STREAMS = (stat.S_IFIFO, stat.S_IFCHR)
NPY = b"\x93NUMPY"  # the first bytes of an array file


def is_stream(path: str | Path) -> bool:
    """Return whether a path leads to a pipe, a character device or an open descriptor."""
    return descriptor_of(path) is not None or kind_of(path) in STREAMS


def kind_of(path: str | Path) -> int | None:
    """Return what a path leads to, as the S_IF of the stat module, or None for nothing."""
    try:
        return stat.S_IFMT(os.stat(path).st_mode)
    except FileNotFoundError:
        return None


def descriptor_of(path: str | Path) -> int | None:
    """Return N if the path is /dev/fd/N or leads to it, as /dev/stdout does, else None.

    The link behind /dev/fd/N must not be followed: for a pipe it leads nowhere, and of a file the
    place and O_APPEND would be lost.
    """
    text = os.fspath(path)
    for _ in range(40):  # links, as many as Linux follows
        folder, name = os.path.split(text)
        folder = os.path.realpath(folder)
        if name.isdecimal() and os.path.isdir("/dev/fd") and folder == os.path.realpath("/dev/fd"):
            return int(name)
        if not os.path.islink(text):
            return None
        text = os.path.join(folder, os.readlink(text))
    return None


def opened(path: str | Path, mode: str) -> IO[bytes]:
    """Open a stream in mode "rb" or "wb"; a pipe waits for its other end.

    Of a descriptor nothing is changed: it stays open, at its place in the file.
    """
    descriptor = descriptor_of(path)
    return open(path, mode) if descriptor is None else os.fdopen(os.dup(descriptor), mode)


@contextmanager
def as_file(path: str | Path) -> Iterator[Path]:
    """Yield a path that can be read more than once: the same one, or a copy of a stream's content.

    The copy is called .npy or .csv by what it starts with. Errors name the stream instead of it.
    """
    if not is_stream(path):
        yield Path(path)
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "content"
        with opened(path, "rb") as stream, open(copy, "wb") as file:
            shutil.copyfileobj(stream, file)
        with open(copy, "rb") as file:
            suffix = ".npy" if file.read(len(NPY)) == NPY else ".csv"
        copy = copy.rename(copy.with_suffix(suffix))
        try:
            yield copy
        except ValueError as error:
            error.args = (str(error).replace(str(copy), os.fspath(path)),)
            raise
