"""Files and folders that the user names: tried before the work begins, written when it is done.

A link is followed to the file that it leads to, a pipe or /dev/stdout gets the content itself.
Names inside of a folder are not the user's but ours: `atomic_write` replaces a link there, so that
none leads out of a run folder that somebody else has made.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import InputError
from .atomic_write import aside_of, written_aside
from .streams import STREAMS, descriptor_of, kind_of, opened

USELESS = {stat.S_IFBLK: "a disk", stat.S_IFSOCK: "a socket"}


class OutputFile:
    """A file to be written, of which nothing is touched before `written` is called.

    Parameters
    ----------
    path : path
        As the user names it.
    regular : bool
        Whether it must be a regular file, which can be read again.

    Attributes
    ----------
    path : Path
        As given.
    place : Path
        Where the link leads if it is one; else as given.
    descriptor : int or None
        N if the path is /dev/fd/N, or leads to it as /dev/stdout does.
    is_stream : bool
        Whether it is a pipe, a character device or an open descriptor.

    Raises
    ------
    ValueError
        If the path is empty or names a folder, a disk or a socket, or a stream although `regular`.
    OSError
        If the file couldn't be written.
    """

    def __init__(self, path: str | Path, *, regular: bool = False):
        text = os.fspath(path)
        self.path, self.descriptor = Path(text), descriptor_of(text)
        kind = kind_of(text)
        if not text:
            raise InputError("the name of the output file is empty; name a file")
        if kind == stat.S_IFDIR or text.endswith(os.sep):
            raise InputError(f"{text} is a folder but a file is to be written; name a file")
        self.is_stream = self.descriptor is not None or kind in STREAMS
        if kind in USELESS and self.descriptor is None:
            raise InputError(f"{text} is {USELESS[kind]}, which is not written to; name a file")
        if self.is_stream and regular:
            raise InputError(f"{text} is no regular file, but is read again later; name a file")
        follows = self.path.is_symlink() and not self.is_stream
        self.place = Path(os.path.realpath(text)) if follows else self.path
        if self.is_stream:
            self._try_stream()
        else:
            self._try_file()

    @property
    def is_stdout(self) -> bool:
        """Whether it is the standard output, where the results of a command go."""
        return self.descriptor == 1

    @contextmanager
    def written(self) -> Iterator[Path]:
        """Yield a temporary path, whose content is the file's if the block succeeds.

        If it fails, an existing file stays as it was, and nothing goes into a stream.
        """
        if not self.is_stream:
            with written_aside(self.place) as aside:
                yield aside
                with suppress(FileNotFoundError):
                    os.chmod(aside, stat.S_IMODE(os.stat(self.place).st_mode))
            return
        with TemporaryDirectory() as folder:
            aside = Path(folder) / "content"
            yield aside
            with open(aside, "rb") as content, self._named(), opened(self.path, "wb") as stream:
                shutil.copyfileobj(content, stream)

    def write(self, text: str) -> None:
        """Write a text, in UTF-8."""
        with self.written() as aside:
            aside.write_text(text, encoding="utf-8")

    def _try_stream(self) -> None:
        """Raise OSError if the stream is not for writing; opening it would wait for a reader."""
        with self._named():
            if self.descriptor is None:
                allowed = os.access(self.place, os.W_OK)
            else:
                import fcntl

                flags = fcntl.fcntl(self.descriptor, fcntl.F_GETFL)
                allowed = bool(flags & (os.O_WRONLY | os.O_RDWR))
            if not allowed:
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    def _try_file(self) -> None:
        folder = self.place.parent
        if not folder.is_dir():
            link = f", where the link {self.path} leads," if self.place != self.path else ""
            raise FileNotFoundError(f"folder {folder}{link} does not exist; create it first")
        try_place(self.place)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Give an error of the system the name of the file."""
        try:
            yield
        except OSError as error:
            error.filename = error.filename or str(self.path)
            raise


def output_folder(path: str | Path) -> Path:
    """Return the path of a folder to be written into, which need not exist, and has been tried.

    Raises ValueError for a file and for a link that leads nowhere, OSError if the folder can't be
    made or written into. Nothing is made yet.
    """
    text, folder = os.fspath(path), Path(path)
    if not text:
        raise InputError("the name of the output folder is empty; name a folder")
    kind = kind_of(text)
    if kind not in (None, stat.S_IFDIR):
        raise InputError(f"{text} is a file; pass a folder")
    place = folder / "file" if kind else _outermost_missing(folder)
    if place.is_symlink():
        raise InputError(
            f"{place} is a link to {os.readlink(place)}, which does not exist; remove the link, or "
            "pass another folder"
        )
    try_place(place)
    return folder


def try_place(place: Path) -> None:
    """Raise OSError if no file can be put at `place`; nothing is left or changed there.

    Rights alone don't say it: a system may be mounted for reading, and root has all of them.
    """
    try:
        if stat.S_ISREG(os.lstat(place).st_mode):
            os.close(os.open(place, os.O_WRONLY))
    except FileNotFoundError:
        pass
    aside = aside_of(place)
    try:
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:  # of a killed process that had our number
        return
    except OSError as error:
        error.filename = str(place)
        raise
    os.unlink(aside)


def _outermost_missing(folder: Path) -> Path:
    """Return the first folder that would have to be made."""
    while not folder.parent.exists():
        folder = folder.parent
    return folder
