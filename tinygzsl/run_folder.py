"""The run folder of a training: made whole, held by one process, tidied after a killed one."""

from __future__ import annotations

import os
import re
import shutil
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .aside import sync_folder
from .runs import CHECKPOINT, CONFIG, CURVES, MANIFEST, MODEL, TRIALS, VSMM_CHECKPOINT, write_text

LOCK = ".lock"
WRITTEN = (CONFIG, TRIALS, CHECKPOINT, VSMM_CHECKPOINT, MODEL, CURVES, MANIFEST)  # by `train` alone


def create_run(folder: Any, config: str) -> Path:
    """Make the run folder with that config.toml in it: it is there whole or not at all.

    Raises FileExistsError if it is there already and OSError if it can't be made.
    """
    folder = Path(folder)
    exists = FileExistsError(
        f"the run folder {folder} exists; choose another --out, or continue it with "
        f"--resume {folder}"
    )
    if folder.exists():
        if (folder / LOCK).exists():
            RunLock(folder).release()  # says which process holds it, if one does
        raise exists
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        (aside / CHECKPOINT).parent.mkdir(parents=True)
        write_text(aside / CONFIG, config)
        for made in (aside / CHECKPOINT).parent, aside:
            sync_folder(made)
        os.rename(aside, folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if folder.exists():  # another process was faster
            raise exists from None
        if error.filename is not None:
            error.filename = str(folder)
        raise
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return folder


class RunLock:
    """Holds a run folder, so that no second process trains into it; use it as a context manager.

    The system lets go of the lock when the process ends, however it ends.
    """

    def __init__(self, folder: Path):
        """Raises FileNotFoundError if there is no folder, and BlockingIOError with the number of
        the process that holds it.
        """
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder; pass a run folder that `train` made")
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
        _tidy(folder)

    def release(self) -> None:
        """Let go of the folder; nothing if that was done before."""
        if self.file is None:
            return
        if sys.platform != "win32":  # which removes no open file, and a closed one may be another's
            (self.folder / LOCK).unlink(missing_ok=True)
        self.file.close()
        self.file = None

    def __enter__(self) -> RunLock:
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
            f"the run folder {folder} is in use by process {holder}; wait for its end, or stop it"
        ) from None
    except OSError as error:
        warnings.warn(
            f"{folder} can't be locked ({error.strerror}); see to it that no second process trains "
            "into it",
            stacklevel=3,
        )


def _is_at(file: IO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _tidy(folder: Path) -> None:
    """Remove what killed processes left half-written. It takes the lock: only its holder writes
    these files.
    """
    for name in WRITTEN:
        target = folder / name
        for path in _asides(target):
            path.unlink(missing_ok=True)
    for path in _asides(folder.absolute()):
        shutil.rmtree(path, ignore_errors=True)


def _asides(target: Path) -> list[Path]:
    """Files and folders that were to be renamed to target."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.\d+\.tmp")
    with suppress(FileNotFoundError):
        return [path for path in target.parent.iterdir() if pattern.fullmatch(path.name)]
    return []
