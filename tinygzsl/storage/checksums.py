"""Checksums of arrays and files, and text files with a checksum in them: JSON objects, and the rows
of results, one a line.

A flipped bit, a cut or a mixed-up file shows when it is read. Neither guards against forgery.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..text import quoted, shown
from .atomic_write import written_aside

FORMAT = 1
CHECKSUM, ROW_CHECKSUM = "sha256", "crc32"


def write_text(path: Path, text: str) -> None:
    """Write text to path, aside and renamed."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: dict) -> None:
    """Write one JSON object to path, with its format and its checksum."""
    value = {"format": FORMAT, **json.loads(json.dumps(value, allow_nan=False))}
    sealed = {**value, CHECKSUM: _sha256(value)}
    write_text(path, json.dumps(sealed, indent=2, allow_nan=False) + "\n")


def read_json(path: Path, again: str) -> dict[str, Any]:
    """The JSON object that write_json wrote, without format and checksum.

    Raises FileNotFoundError, or ValueError for what is damaged or of another format; `again` says
    how the file is made anew.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check its folder")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        good = isinstance(value, dict) and _sha256(_without(value)) == value.get(CHECKSUM)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({shown(error, 200)}); {again}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no JSON object; {again}")
    if value.get("format") != FORMAT:
        raise ValueError(
            f"{path} is of format {quoted(value.get('format'), 20)}, but {FORMAT!r} is needed: it "
            f"is of another version of tinygzsl or no file of its; {again}"
        )
    if not good:
        raise ValueError(
            f"{path} is damaged: its content doesn't have the checksum that was written with it; "
            f"{again}"
        )
    return {k: v for k, v in value.items() if k not in ("format", CHECKSUM)}


def _without(value):
    return {k: v for k, v in value.items() if k != CHECKSUM}


def _sha256(value):
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def json_line(row: dict[str, Any]) -> bytes:
    """A row as one line of JSON with its checksum at the end."""
    body = json.dumps(row, allow_nan=False)[:-1]
    return f'{body}, "{ROW_CHECKSUM}": "{crc32(body)}"}}\n'.encode()


def read_json_line(line: bytes) -> dict[str, Any]:
    """The row that json_line wrote. Raises ValueError, or RecursionError, for anything else."""
    text = line.decode("utf-8")
    body, key, rest = text.rpartition(f', "{ROW_CHECKSUM}": ')
    if not key or rest.rstrip("\n") != f'"{crc32(body)}"}}':
        raise ValueError("the row doesn't have its checksum")
    return json.loads(body + "}")


def csv_line(body: str) -> bytes:
    """The cells of a row, as text, as one line with its checksum in the last cell."""
    return f"{body},{crc32(body)}\n".encode()


def read_csv_line(line: bytes) -> str:
    """The cells that csv_line got. Raises ValueError for anything else."""
    body, _, rest = line.decode("utf-8").rpartition(",")
    if rest.rstrip("\n") != crc32(body):
        raise ValueError("the row doesn't have its checksum")
    return body


def crc32(text: str) -> str:
    """CRC-32 of a text in UTF-8, as 8 hexadecimal digits."""
    return f"{zlib.crc32(text.encode()):08x}"


def fingerprint(*parts: Any) -> str:
    """SHA-256 over arrays and texts, in order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            part = np.ascontiguousarray(part)
            digest.update(part.tobytes() if part.dtype.kind == "U" else part.data)
        else:
            digest.update(str(part).encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
