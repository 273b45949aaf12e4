"""Locks on a folder or a file, for one process at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Self

from ..text import warn

LOCK = ".lock"


class Lock:
    """A lock file that one process has locked; use it as a context manager.

    The system releases the lock when the process ends for any reason.
    """

    def __init__(self, path: Path, *, held: str):
        """Lock the file; BlockingIOError, with the process id, if another process has locked it.

        `held` is the subject of the error's sentence, such as "the folder FOLDER".
        """
        self.path, self.file = path, None
        while self.file is None:
            file = open(path, "a+", encoding="ascii")  # noqa: SIM115 (release closes it)
            try:
                _lock(file, held)
                if _is_at(file, path):  # else its owner has just removed it
                    self.file = file
            finally:
                if self.file is not file:
                    file.close()
        try:
            self.file.truncate(0)
            os.write(self.file.fileno(), f"{os.getpid()}\n".encode())  # unbuffered
        except OSError:  # a full disk
            self.release()
            raise

    def release(self) -> None:
        """Release the lock; without effect if it was released before."""
        if self.file is None:
            return
        if sys.platform != "win32":  # Windows can't remove open files; later it may be another's
            self.path.unlink(missing_ok=True)
        self.file.close()
        self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class FolderLock(Lock):
    """Locks a folder, so that no second process writes into it."""

    def __init__(self, folder: Path):
        """Raises BlockingIOError, with the process id, if another process holds the folder."""
        super().__init__(folder / LOCK, held=f"the folder {folder}")


class FileLock(Lock):
    """Locks a file that is written in several steps; other files in its folder stay free."""

    def __init__(self, path: Path):
        """Raises BlockingIOError, with the process id, if another process holds the file."""
        super().__init__(path.with_name(f".{path.name}{LOCK}"), held=f"the file {path}")


def _lock(file: IO[str], held: str) -> None:
    """Lock an open file; BlockingIOError if another process has locked it.

    If the file system doesn't support locks, it warns instead.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1 << 20)  # locked bytes can't be read by others, so lock one after the end
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
            f"{held} can't be locked ({error.strerror}); make sure that no second process writes "
            "into it"
        )


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
