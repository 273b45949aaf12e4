"""Write beside the target, then rename: readers see the old file or the new one, never half.

The content is on the disk before the rename, so that a power cut leaves no empty file either.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if all went well.

    The temporary file is removed whatever goes wrong, Ctrl-C and a full disk included; what
    was at `path` before stays. Raises FileNotFoundError if the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"folder {path.parent} does not exist; create it before saving")
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield aside
        with open(aside, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename in (None, str(aside)):
            error.filename = str(path)  # a full disk doesn't say where
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See a folder's names to the disk, where the system can: Windows can't."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def leftovers(path: Path) -> list[Path]:
    """Files and folders beside `path` that a killed process was about to rename to it."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.\d+\.tmp")
    with suppress(FileNotFoundError):
        return [other for other in path.parent.iterdir() if pattern.fullmatch(other.name)]
    return []
