"""A folder or a file that one process holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Self

from ..text import warn

LOCK = ".lock"


class Lock:
    """A lock file that one process has locked; use it as a context manager.

    The system lets go of the lock when the process ends, however it ends.
    """

    def __init__(self, path: Path, *, held: str):
        """held says what the lock stands for, in the BlockingIOError with the number of the process
        that has it.
        """
        self.path, self.file = path, None
        while self.file is None:
            file = open(path, "a+", encoding="ascii")  # noqa: SIM115 (release closes it)
            try:
                _lock(file, held)
                if _is_at(file, path):  # else its holder has just removed it
                    self.file = file
            finally:
                if self.file is not file:
                    file.close()
        try:
            self.file.truncate(0)
            os.write(self.file.fileno(), f"{os.getpid()}\n".encode())  # no buffer is left to flush
        except OSError:  # a full disk
            self.release()
            raise

    def release(self) -> None:
        """Let go of the lock; nothing if that was done before."""
        if self.file is None:
            return
        if sys.platform != "win32":  # which removes no open file, and a closed one may be another's
            self.path.unlink(missing_ok=True)
        self.file.close()
        self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class FolderLock(Lock):
    """Holds a folder, so that no second process writes into it."""

    def __init__(self, folder: Path):
        """Raises BlockingIOError with the number of the process that holds the folder."""
        super().__init__(folder / LOCK, held=f"the folder {folder}")


class FileLock(Lock):
    """Holds a file that is written bit by bit; others in its folder may be written meanwhile."""

    def __init__(self, path: Path):
        """Raises BlockingIOError with the number of the process that holds the file."""
        super().__init__(path.with_name(f".{path.name}{LOCK}"), held=f"the file {path}")


def _lock(file: IO, held: str) -> None:
    """Lock an open file. BlockingIOError if another process has; a warning where a file system
    has no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 20)  # the lock keeps others from reading those bytes: none is there
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        holder = file.read().strip() or "of unknown number"
        raise BlockingIOError(
            f"{held} is in use by process {holder}; wait for its end, or stop it"
        ) from None
    except OSError as error:
        warn(
            f"{held} can't be locked ({error.strerror}); see to it that no second process writes "
            "into it"
        )


def _is_at(file: IO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
