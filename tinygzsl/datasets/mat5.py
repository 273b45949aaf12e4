"""MATLAB files of level 5 (save -v6 and -v7), by the "MAT-File Format" of The MathWorks.

The file is memory-mapped and read tag by tag. Every declared size is checked against the bytes that
exist before memory is allocated; other variables than the wanted ones are skipped.
"""

import math
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..storage.npy import DEFLATE_RATIO
from ..text import shown

NUMBERS = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}
CODES = {1: "u1", 2: "u1", 3: "u2", 4: "u2", 17: "u2", 5: "u4", 6: "u4", 18: "u4"}  # of characters
UTF8, MATRIX, COMPRESSED = 16, 14, 15  # types of elements
DIMENSIONS, NAMES = (5, 6), (1, 16)  # the second type of each is written by programs but MATLAB
CELL, CHAR, NUMERIC = 1, 4, range(6, 16)  # classes of arrays
COMPLEX = 0x800
PIECE = 1 << 16  # of compressed bytes


class Element(NamedTuple):
    """An element: its type, its content and the offset of the next one."""

    kind: int
    content: memoryview
    after: int


class Head(NamedTuple):
    """The header of a matrix; its values begin at the offset `at`."""

    name: str
    flags: int
    shape: tuple[int, ...]
    at: int


def read_mat5(path: Path, wanted: Iterable[str]) -> tuple[list[str], dict[str, np.ndarray | None]]:
    """Return the names of all variables, and the values of the wanted ones that exist.

    Numbers are arrays of the stored type in MATLAB's shape, cell arrays of strings and character
    arrays are (n,) str, and all other kinds are None. Raises ValueError or zlib.error for a damaged
    file.
    """
    return _variables(np.memmap(path, np.uint8, "r").data, set(wanted))


def _variables(
    content: memoryview, wanted: set[str]
) -> tuple[list[str], dict[str, np.ndarray | None]]:
    order = {b"IM": "<", b"MI": ">"}.get(bytes(content[126:128]))
    if order is None:
        raise InputError(f"bytes 126 and 127 are {bytes(content[126:128])!r}, not IM or MI")
    names: list[str] = []
    found: dict[str, np.ndarray | None] = {}
    at = 128
    while at < len(content):
        element = _element(content, at, order=order, padded=False)
        at = element.after
        if element.kind == COMPRESSED:
            name, value = _compressed(element.content, order=order, wanted=wanted)
        elif element.kind == MATRIX:
            head = _head(element.content, order=order)
            name = head.name
            value = _value(element.content, head, order=order) if name in wanted else None
        else:
            raise InputError(f"it has an element of type {element.kind} at byte {at}")
        if name in names:
            raise InputError(f"it has two variables named {shown(name)}")
        if name:  # a variable without a name holds MATLAB's internal data
            names.append(name)
        if name in wanted:
            found[name] = value
    return names, found


def _element(content: memoryview, at: int, *, order: str, padded: bool = True) -> Element:
    if at + 8 > len(content):
        raise InputError(f"an element at byte {at} of {len(content)} is cut off")
    kind, size = struct.unpack_from(order + "II", content, at)
    if kind >> 16:  # a small element: the upper half is the size, and the content follows
        kind, size, start, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        if size > 4:
            raise InputError(f"a small element at byte {at} claims {size} bytes")
    else:
        start = at + 8
        after = start + (-(-size // 8) * 8 if padded else size)
    if size > len(content) - start:
        raise InputError(
            f"an element claims {size} bytes where {len(content) - start} of the file are left"
        )
    return Element(kind, content[start : start + size], min(after, len(content)))


def _compressed(
    packed: memoryview, *, order: str, wanted: set[str]
) -> tuple[str, np.ndarray | None]:
    """Return name and value of a compressed matrix; if not wanted, only its header is unpacked."""
    start = memoryview(zlib.decompressobj().decompress(packed[:PIECE], 4096))
    if len(start) < 8:
        raise InputError("a compressed element is cut off")
    kind, size = struct.unpack_from(order + "II", start)
    if kind != MATRIX or size > DEFLATE_RATIO * len(packed):
        raise InputError(
            f"a compressed element of {len(packed)} bytes claims {size} of type {kind}"
        )
    name = _head(start[8:], order=order, size=size).name
    if name not in wanted:
        return name, None
    content = _unpacked(packed, 8 + size).data[8:]
    return name, _value(content, _head(content, order=order), order=order)


def _unpacked(packed: memoryview, size: int) -> np.ndarray:
    out, filled, stream = np.empty(size, np.uint8), 0, zlib.decompressobj()
    for at in range(0, len(packed), PIECE):
        piece = stream.decompress(packed[at : at + PIECE])
        if filled + len(piece) > size:
            raise InputError(f"a compressed element holds more than the {size} bytes it claims")
        out[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    if filled < size or not stream.eof:
        raise InputError(f"a compressed element has {filled} of the {size} bytes it claims")
    return out


def _head(content: memoryview, *, order: str, size: int | None = None) -> Head:
    """Return the header of a matrix; if `size` is given, content is only its beginning."""
    flags = _element(content, 0, order=order)
    shape = _element(content, flags.after, order=order)
    name = _element(content, shape.after, order=order)
    good = (flags.kind, len(flags.content)) == (6, 8) and shape.kind in DIMENSIONS
    if not good or len(shape.content) % 4 or len(shape.content) < 8 or name.kind not in NAMES:
        raise InputError("the head of a matrix is damaged")
    dims = struct.unpack(f"{order}{len(shape.content) // 4}i", shape.content)
    values = math.prod(dims)
    if min(dims) < 0 or values > (len(content) if size is None else size):
        raise InputError(f"a matrix claims the shape {str(dims)[:60]} in {len(content)} bytes")
    text = bytes(name.content).decode("ascii", "backslashreplace")
    return Head(
        text, flags=struct.unpack(order + "II", flags.content)[0], shape=dims, at=name.after
    )


def _value(content: memoryview, head: Head, *, order: str) -> np.ndarray | None:
    kind = head.flags & 0xFF
    if kind == CELL:
        return _cells(content, head, order=order)
    if kind == CHAR:
        return np.array([row.strip() for row in _rows(content, head, order=order)], np.str_)
    if kind in NUMERIC and not head.flags & COMPLEX:
        return _numbers(content, head, order=order)
    return None


def _numbers(
    content: memoryview, head: Head, *, order: str, types: dict[int, str] = NUMBERS
) -> np.ndarray:
    found = _element(content, head.at, order=order)
    if found.kind not in types:
        raise InputError(f"values of type {found.kind} are not numbers")
    dtype = np.dtype(order + types[found.kind])
    if len(found.content) != math.prod(head.shape) * dtype.itemsize:
        raise InputError(
            f"a matrix claims the shape {str(head.shape)[:60]} of {dtype}, but has "
            f"{len(found.content)} bytes"
        )
    values = np.frombuffer(bytes(found.content), dtype).reshape(head.shape, order="F")
    return values.astype(dtype.newbyteorder("="), copy=False)


def _rows(content: memoryview, head: Head, *, order: str) -> list[str]:
    """Return the rows of a character array."""
    if math.prod(head.shape) == 0:
        return []
    if len(head.shape) > 2:
        raise InputError(f"text has the shape {str(head.shape)[:60]}")
    found = _element(content, head.at, order=order)
    if found.kind == UTF8:
        text = bytes(found.content).decode("utf-8")
        if head.shape[0] == 1:  # the size may count bytes, UTF-16 codes or characters
            return [text]
        if len(text) != math.prod(head.shape):
            raise InputError(f"{len(text)} characters have the shape {head.shape}")
        return ["".join(row) for row in np.array(list(text)).reshape(head.shape, order="F")]
    codes = _numbers(content, head, order=order, types=CODES)
    codec = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[codes.itemsize]
    little = codes.astype(codes.dtype.newbyteorder("<"))
    return [row.tobytes().decode(codec) for row in little]


def _cells(content: memoryview, head: Head, *, order: str) -> np.ndarray | None:
    """Return the texts of a cell array of strings, or None for other cell arrays."""
    count, at, texts = math.prod(head.shape), head.at, []
    if 8 * count > len(content) - at:
        raise InputError(f"{count} cells are claimed in {len(content) - at} bytes")
    for _ in range(count):
        cell = _element(content, at, order=order)
        at = cell.after
        text = _cell(cell, order)
        if text is None:
            return None
        texts.append(text)
    return np.array(texts, object).reshape(head.shape, order="F").ravel().astype(np.str_)


def _cell(cell: Element, order: str) -> str | None:
    """Return the text of a cell, or None if it holds something else."""
    if cell.kind != MATRIX:
        raise InputError(f"a cell is an element of type {cell.kind}")
    if len(cell.content) == 0:
        return ""
    head = _head(cell.content, order=order)
    if math.prod(head.shape) == 0:
        return ""
    rows = _rows(cell.content, head, order=order) if head.flags & 0xFF == CHAR else []
    return rows[0].strip() if len(rows) == 1 else None
