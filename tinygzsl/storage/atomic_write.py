"""Write beside the target, then rename: readers see the old or the new file, never a part.

The content is on the disk before the rename, so a power cut doesn't leave an empty file.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if the block succeeds.

    If the block fails for any reason (Ctrl-C and a full disk included), the temporary file is
    removed and an existing file at `path` stays. Raises FileNotFoundError if the folder does not
    exist.
    """
    with written_together([Path(path)]) as asides:
        yield asides[0]


@contextmanager
def written_together(paths: list[Path]) -> Iterator[list[Path]]:
    """As written_aside for files that belong together: all are on the disk before one is renamed.

    Only if a rename fails after another has succeeded are there old and new files.
    """
    for path in paths:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"folder {path.parent} does not exist; create it before saving")
    asides = [aside_of(path) for path in paths]
    try:
        yield asides
        for aside in asides:
            _sync_file(aside)
        for path, aside in zip(paths, asides, strict=True):
            os.replace(aside, path)
    except BaseException as error:
        if isinstance(error, OSError):
            named: dict[Any, str] = dict(zip(map(str, asides), map(str, paths), strict=True))
            named[None] = str(paths[0])  # the error of a full disk has no file name
            error.filename = named.get(error.filename, error.filename)
        for aside in asides:
            aside.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path in paths}:
        sync_folder(folder)


def _sync_file(path: Path) -> None:
    with open(path, "r+b") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            error.filename = str(path)
            raise


def aside_of(path: Path) -> Path:
    """Return the path of this process's temporary file of `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def sync_folder(folder: Path) -> None:
    """Write a folder's entries to the disk; Windows can't do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def leftovers(path: Path) -> list[Path]:
    """Return the temporary files and folders of `path` that killed processes left beside it."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.\d+\.tmp")
    with suppress(FileNotFoundError):
        return [other for other in path.parent.iterdir() if pattern.fullmatch(other.name)]
    return []
