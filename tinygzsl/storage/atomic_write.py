"""Write beside the target, then rename: readers see the old or the new file, never a part.

The content is on the disk before the rename, so a power cut doesn't leave an empty file.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if the block succeeds.

    If the block fails for any reason (Ctrl-C and a full disk included), the temporary file is
    removed and an existing file at `path` stays. Raises FileNotFoundError if the folder does not
    exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"folder {path.parent} does not exist; create it before saving")
    aside = aside_of(path)
    try:
        yield aside
        with open(aside, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename in (None, str(aside)):
            error.filename = str(path)  # the error of a full disk has no file name
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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
