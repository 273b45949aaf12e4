"""NPY and NPZ files; all headers are checked against the file's size before an array is read.

Nothing is unpickled or evaluated: arrays other than of numbers, booleans or text are refused.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, TypeVar

import numpy as np

from ..errors import InputError
from ..text import shown

DEFLATE_RATIO = 1032  # maximum bytes that one deflated byte can hold
PIECE = 1 << 20
# A file whose arrays are larger than both is no data: features of which 99% are 0 pack 60 to 1.
PACKED_RATIO, PACKED_BYTES = 200, 256 << 20
T = TypeVar("T")

UNREADABLE = (  # raised by zipfile and zlib for a damaged file
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    OSError,
    OverflowError,
    RuntimeError,  # for an encrypted file; NotImplementedError is one too
    ValueError,
)
_VERSIONS = {b"\x93NUMPY\x01\x00": "<H", b"\x93NUMPY\x02\x00": "<I", b"\x93NUMPY\x03\x00": "<I"}
_ENTRIES = (
    r"""['"]descr['"]\s*:\s*(?:['"](?P<descr>[<>|=]?[a-zA-Z?]\d{0,9})['"]|(?P<fields>\[.*\]))""",
    r"""['"]fortran_order['"]\s*:\s*(?P<fortran>True|False)""",
    r"""['"]shape['"]\s*:\s*\((?P<shape>[\d\s,]*)\)""",
)
_HEADER = re.compile(rf"\{{\s*(?:(?:{'|'.join(_ENTRIES)})\s*,?\s*){{3}}\}}\s*", re.DOTALL)
_LONGEST_HEADER = 10_000


class Declared(NamedTuple):
    """The header of an NPY file, and the offset of the data in bytes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    offset: int

    @property
    def nbytes(self) -> int:
        """The bytes that the array takes in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


class Zipped:
    """An open NPZ file, whose headers can be read without its arrays.

    Raises ValueError if it is not an NPZ file, is damaged or has two arrays of one name.
    """

    def __init__(self, raw: IO[bytes], path: Path):
        self.path, self._size = path, os.fstat(raw.fileno()).st_size
        try:
            self._archive = zipfile.ZipFile(raw)
            self._members = _by_name(self._archive, self._size)
        except UNREADABLE as error:
            raise InputError(
                f"{path} is not an .npz file or is damaged ({_words(error)}); write it again"
            ) from None

    @property
    def names(self) -> list[str]:
        """The names of the arrays."""
        return list(self._members)

    def is_packed(self, name: str) -> bool:
        """Return whether an array takes fewer bytes in the file than in memory."""
        return self._members[name].compress_type != zipfile.ZIP_STORED

    def declared(self, names: Iterable[str]) -> dict[str, Declared]:
        """Return what the headers of these arrays say, by name; the arrays are not read.

        Raises ValueError if the file can't hold as much, or an array is of Python objects.
        """
        found = {name: self._on_member(name, lambda file, found: found) for name in names}
        total = sum(header.nbytes for header in found.values())
        if total > max(PACKED_BYTES, PACKED_RATIO * self._size):
            raise InputError(
                f"{self.path} has {self._size} bytes and claims to hold {total}, which is more "
                "than data pack; write it again with numpy.savez, unpacked"
            )
        return found

    def read(self, name: str) -> np.ndarray:
        """Return an array; ValueError if it is damaged or not one of numbers or text."""
        return self._on_member(name, _read_array)

    def _on_member(self, name: str, function: Callable[[IO[bytes], Declared], T]) -> T:
        """Return function(the open member after its header, its header)."""
        info = self._members[name]
        try:
            _check_member(info, self._size)
            with self._archive.open(info) as file:
                return function(file, read_declared(file, info.file_size))
        except UNREADABLE as error:
            raise InputError(
                f"{self.path}: {shown(name)} can't be read ({_words(error)}); the file may be "
                "damaged, write it again"
            ) from None


def read_zipped(
    path: Path,
    wanted: Iterable[str] | None = None,
    *,
    check: Callable[[dict[str, Declared]], None] = lambda declared: None,
) -> dict[str, np.ndarray]:
    """Return the arrays of an NPZ file by name: all, or those in `wanted` that the file has.

    check(headers by name) is called before the first array is read. Raises OSError if the file
    can't be opened. Raises ValueError if it is not an NPZ file, is damaged, or has two arrays of
    one name or an array of Python objects.
    """
    with open(path, "rb") as raw:
        zipped = Zipped(raw, path)
        there = zipped.names
        names = there if wanted is None else [name for name in wanted if name in there]
        check(zipped.declared(names))
        return {name: zipped.read(name) for name in names}


def zipped_names(path: Path) -> list[str]:
    """Return the names of the arrays of an NPZ file; errors as in read_zipped."""
    with open(path, "rb") as raw:
        return Zipped(raw, path).names


def map_npy(path: Path) -> np.ndarray:
    """Return the array of an NPY file as a read-only memory map; errors as in read_zipped."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            found = read_declared(file, size)
        except ValueError as error:
            raise InputError(
                f"{path} is not an array of numbers in .npy format ({error}); write it again"
            ) from None
        if not math.prod(found.shape):  # NumPy can't map zero bytes
            return np.zeros(found.shape, found.dtype, order=found.order)
    return np.memmap(path, found.dtype, "r", found.offset, found.shape, found.order)


def read_declared(file: IO[bytes], size: int) -> Declared:
    """Return the header of an NPY file of `size` bytes; ValueError if they don't agree."""
    start = file.read(8)
    if start not in _VERSIONS:
        raise InputError(f"it starts with {start!r}")
    form = _VERSIONS[start]
    count = struct.calcsize(form)
    length = struct.unpack(form, _exactly(file, count))[0]
    if length > _LONGEST_HEADER:
        raise InputError(f"its header claims {length} bytes")
    text = _exactly(file, length).decode("latin-1")
    match = _HEADER.fullmatch(text)
    if not match or not (match["fortran"] and match["shape"] is not None):
        raise InputError("its header is damaged")
    dtype = _dtype(match)
    shape = tuple(int(part) for part in match["shape"].split(",") if part.strip())
    offset = len(start) + count + length
    if offset + math.prod(shape) * dtype.itemsize != size:
        raise InputError(
            f"its header claims {dtype} of shape {shown(shape)}, but {size - offset} bytes follow"
        )
    np.broadcast_to(np.empty((), dtype), shape)  # ValueError for a shape that NumPy can't have
    return Declared(dtype, shape, order="F" if match["fortran"] == "True" else "C", offset=offset)


def _dtype(match: re.Match[str]) -> np.dtype[Any]:
    if match["fields"] is not None:
        raise InputError("it is a table of fields; save each as an array of its own")
    name = match["descr"]
    if name is None:
        raise InputError("its header is damaged")
    if name.lstrip("<>|=")[0] in "OV":
        raise InputError("it holds Python objects, which are never unpickled; save numbers or text")
    dtype = None
    with suppress(TypeError):
        dtype = np.dtype(name)
    if dtype is None or dtype.kind not in "biufcSU" or dtype.itemsize == 0:
        raise InputError(f"its dtype {name!r} is not one of numbers or text")
    return dtype


def _exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise InputError("it is cut short")
    return content


def _by_name(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    if sum(info.compress_size for info in archive.infolist()) > size:
        raise InputError("its arrays overlap, or it is cut short")
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise InputError(f"it has two arrays named {shown(name)}")
        members[name] = info
    return members


def _read_array(file: IO[bytes], found: Declared) -> np.ndarray:
    """Return the array whose bytes follow in the file."""
    content = np.empty(found.nbytes, np.uint8)
    for at in range(0, len(content), PIECE):
        piece = content[at : at + PIECE]
        piece[:] = np.frombuffer(_exactly(file, len(piece)), np.uint8)
    array = content.view(found.dtype).reshape(found.shape, order=found.order)
    if array.dtype.kind == "U":
        _check_text(array)
    return array


def _check_member(info: zipfile.ZipInfo, size: int) -> None:
    """Check a member's sizes against the size of the whole file, before anything is read."""
    if info.flag_bits & 1:
        raise InputError("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"it is packed by method {info.compress_type}; use numpy.savez")
    ratio = 1 if info.compress_type == zipfile.ZIP_STORED else DEFLATE_RATIO
    if info.compress_size > size or info.file_size > ratio * info.compress_size:
        raise InputError(
            f"it claims {info.file_size} bytes in {info.compress_size} of a file of {size}"
        )


def _check_text(array: np.ndarray) -> None:
    codes = array.reshape(-1).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
        raise InputError("it holds characters that are not in Unicode")


def _words(error: BaseException) -> str:
    """Return the message of an error on one line."""
    return shown(" ".join(str(error).split()), 200) or type(error).__name__
