"""Locks on a folder or a file, for one process at a time."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from ..errors import InputError
from ..text import warn

LOCK = ".lock"
OURS, OF_0_1_0 = re.compile(r"tinygzsl (\d+)\n"), re.compile(r"(\d+)\n")  # with the process id
BEGUN = "tinygzsl "  # so a lock file of ours begins
LONGEST = 40  # characters of a lock file that are read: more than we write
DIRECT = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


class Lock:
    """A lock file that one process has locked; use it as a context manager.

    The system releases the lock when the process ends for any reason. A file that another program
    has written is neither changed nor removed; `ours` are the patterns of what we write.
    """

    ours: tuple[re.Pattern[str], ...] = (OURS,)

    def __init__(self, path: Path, *, held: str):
        """Lock the file; BlockingIOError, with the process id, if another process has locked it.

        `held` is the subject of the error's sentence, such as "the folder FOLDER". Raises
        ValueError, and leaves the file as it is, if it is a link or another program has written it.
        """
        self.path, self.file = path, None
        while self.file is None:
            file, made = _opened(path)
            try:
                _lock(file, held)
                if _is_at(file, path):  # else its owner has just removed it
                    self.removable = made or _is_ours(file, self.ours)
                    if not self.removable and os.fstat(file.fileno()).st_size:
                        raise _not_ours(path)
                    self.file = file
            finally:
                if self.file is not file:
                    file.close()
        try:
            self.file.truncate(0)
            self.file.seek(0)
            os.write(self.file.fileno(), f"tinygzsl {os.getpid()}\n".encode())  # unbuffered
        except OSError:  # a full disk
            self.release()
            raise

    def release(self) -> None:
        """Release the lock; without effect if it was released before."""
        if self.file is None:
            return
        if not self.removable:  # it was there, empty: it may be another program's
            with suppress(OSError):
                self.file.truncate(0)
        elif sys.platform != "win32":  # Windows can't remove open files; later it may be another's
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


def refuse_held(folder: Path) -> None:
    """Raise BlockingIOError, with the process id, if another process has locked the folder.

    The folder's lock file, if there is one, is not changed.
    """
    try:
        file = os.fdopen(os.open(folder / LOCK, os.O_RDONLY | DIRECT), errors="replace")
    except OSError:  # none, or a link
        return
    with file:
        _lock(file, f"the folder {folder}")


def _opened(path: Path) -> tuple[IO[str], bool]:
    """Return the open file at path, and whether it was made; it is not read or changed.

    Raises ValueError for a link and for what is no regular file.
    """
    while True:
        for made, flag in ((True, os.O_CREAT | os.O_EXCL), (False, 0)):
            try:
                number = os.open(path, os.O_RDWR | DIRECT | flag, 0o666)
            except (FileExistsError, FileNotFoundError) as error:
                if made and isinstance(error, FileNotFoundError):  # there is no such folder
                    raise
                continue  # it is there, or its owner has just removed it
            except OSError as error:
                if path.is_symlink() or error.errno in (errno.EISDIR, errno.ENXIO):
                    raise _not_ours(path) from None
                raise
            if not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
                raise _not_ours(path)
            return os.fdopen(number, "r+", encoding="ascii", errors="replace"), made


def _not_ours(path: Path) -> InputError:
    return InputError(
        f"{path} is no lock file of tinygzsl, so another program may use it; move it away, or "
        "choose another folder"
    )


def _is_ours(file: IO[str], ours: tuple[re.Pattern[str], ...]) -> bool:
    """Return whether we have written a lock file; a killed process may have begun to."""
    if _holder(file, ours) is not None:
        return True
    file.seek(0)
    text = file.read(LONGEST)
    return bool(text) and (BEGUN.startswith(text) or re.fullmatch(BEGUN + r"\d*", text) is not None)


def _holder(file: IO[str], ours: tuple[re.Pattern[str], ...]) -> str | None:
    """Return the process id in a lock file of ours; None if it is not one."""
    file.seek(0)
    text = file.read(LONGEST)
    return next((match[1] for match in (each.fullmatch(text) for each in ours) if match), None)


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
        holder = _holder(file, (OURS, OF_0_1_0)) or "of unknown number"
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
