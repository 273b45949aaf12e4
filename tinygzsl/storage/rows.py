"""Rows of results in a file, one per line, appended as they are measured.

A row ends with its checksum. If a crash leaves an incomplete last line, this line is dropped.
"""

from __future__ import annotations

import csv
import io
import json
import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputError
from .atomic_write import sync_folder

CHECKSUM = "crc32"
UNREADABLE = (ValueError, KeyError, TypeError, OverflowError, RecursionError, csv.Error)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RowFile:
    """A file of rows, below a head line if the format has one.

    whose and again are words of the error for a damaged line: "this sweep" and "runs again".
    """

    path: Path
    whose: str
    again: str
    head: bytes = b""

    def append(self, line: bytes) -> None:
        """Append a line and write it to the disk."""
        is_first = not self.path.exists() or not self.path.stat().st_size
        with open(self.path, "ab") as file:
            file.write(self.head + line if is_first else line)
            file.flush()
            os.fsync(file.fileno())
        if is_first:
            sync_folder(self.path.parent)

    def read(self, parse: Callable[[bytes], T]) -> list[T]:
        """Return parse(line) for every line, in order; an incomplete last line is removed.

        Raises ValueError, with the number of the line, if parse raises one of UNREADABLE.
        """
        found = []
        for number, line in enumerate(self._whole_lines(), 1):
            if number == 1 and line == self.head:
                continue
            try:
                found.append(parse(line))
            except UNREADABLE:
                raise InputError(
                    f"{self.path}, line {number} is not a row of {self.whose}; delete that line "
                    f"and repeat the command, which {self.again} what is missing"
                ) from None
        return found

    def _whole_lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        return whole.splitlines(keepends=True)


def json_line(row: dict[str, Any]) -> bytes:
    """Return a row as one line of JSON with its checksum at the end."""
    body = json.dumps(row, allow_nan=False)[:-1]
    return f'{body}, "{CHECKSUM}": "{crc32(body)}"}}\n'.encode()


def read_json_line(line: bytes) -> dict[str, Any]:
    """Return the row that json_line wrote; ValueError or RecursionError for anything else."""
    text = line.decode("utf-8")
    body, key, rest = text.rpartition(f', "{CHECKSUM}": ')
    if not key or rest.rstrip("\n") != f'"{crc32(body)}"}}':
        raise InputError("the row doesn't match its checksum")
    return json.loads(body + "}")


def csv_text(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows as a CSV table under their names; a value that a row lacks is an empty cell."""
    rows, text = list(rows), io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def csv_line(body: str) -> bytes:
    """Return the cells of a row as one line with its checksum in the last cell."""
    return f"{body},{crc32(body)}\n".encode()


def read_csv_line(line: bytes) -> str:
    """Return the cells that csv_line got; ValueError for anything else."""
    body, _, rest = line.decode("utf-8").rpartition(",")
    if rest.rstrip("\n") != crc32(body):
        raise InputError("the row doesn't match its checksum")
    return body


def crc32(text: str) -> str:
    """Return the CRC-32 of a text in UTF-8, as 8 hexadecimal digits."""
    return f"{zlib.crc32(text.encode()):08x}"
