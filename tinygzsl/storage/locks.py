"""A folder that one process holds."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import IO, Self

LOCK = ".lock"


class FolderLock:
    """Holds a folder, so that no second process writes into it; use it as a context manager.

    The system lets go of the lock when the process ends, however it ends.
    """

    def __init__(self, folder: Path):
        """Raises BlockingIOError with the number of the process that holds the folder."""
        self.folder, self.file = folder, None
        while self.file is None:
            file = open(folder / LOCK, "a+", encoding="ascii")  # noqa: SIM115 (release closes it)
            try:
                _lock(file, folder)
                if _is_at(file, folder / LOCK):  # else its holder has just removed it
                    self.file = file
            finally:
                if self.file is not file:
                    file.close()
        self.file.truncate(0)
        self.file.write(f"{os.getpid()}\n")
        self.file.flush()

    def release(self) -> None:
        """Let go of the folder; nothing if that was done before."""
        if self.file is None:
            return
        if sys.platform != "win32":  # which removes no open file, and a closed one may be another's
            (self.folder / LOCK).unlink(missing_ok=True)
        self.file.close()
        self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(file: IO, folder: Path) -> None:
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
            f"the folder {folder} is in use by process {holder}; wait for its end, or stop it"
        ) from None
    except OSError as error:
        warnings.warn(
            f"{folder} can't be locked ({error.strerror}); see to it that no second process writes "
            "into it",
            stacklevel=3,
        )


def _is_at(file: IO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
