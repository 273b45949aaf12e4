"""Checksums of arrays and files, and JSON files with a checksum in them.

A flipped bit, a cut or a mixed-up file shows when it is read. Neither guards against forgery.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..text import quoted, shown
from .atomic_write import written_aside

FORMAT = 1
CHECKSUM = "sha256"


def write_text(path: Path, text: str) -> None:
    """Write text to a temporary file and rename it to path."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write one JSON object, with its format and its checksum, as write_text does."""
    value = {"format": FORMAT, **json.loads(json.dumps(value, allow_nan=False))}
    sealed = {**value, CHECKSUM: _sha256(value)}
    write_text(path, json.dumps(sealed, indent=2, allow_nan=False) + "\n")


def read_json(path: Path, again: str) -> dict[str, Any]:
    """Return the JSON object that write_json wrote, without format and checksum.

    Raises FileNotFoundError for a missing file and ValueError for a damaged one or another format.
    `again` ends the error's sentence: how to make the file again.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check its folder")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        good = isinstance(value, dict) and _sha256(_without(value)) == value.get(CHECKSUM)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON ({shown(error, 200)}); {again}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} does not hold a JSON object; {again}")
    if value.get("format") != FORMAT:
        raise InputError(
            f"{path} has the format {quoted(value.get('format'), 20)}, but {FORMAT!r} is needed: "
            f"it comes from another version of tinygzsl or another program; {again}"
        )
    if not good:
        raise InputError(f"{path} is damaged: its content doesn't match its checksum; {again}")
    return {k: v for k, v in value.items() if k not in ("format", CHECKSUM)}


def _without(value: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k != CHECKSUM}


def _sha256(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(*parts: Any) -> str:
    """SHA-256 over arrays, dicts of arrays by name, and texts, in order."""
    digest = hashlib.sha256()
    for part in _with_members(parts):
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            part = np.ascontiguousarray(part)
            digest.update(part.tobytes() if part.dtype.kind == "U" else part.data)
        else:
            digest.update(str(part).encode())
    return digest.hexdigest()


def _with_members(parts: Iterable[Any]) -> Iterator[Any]:
    """Yield the parts; in place of a dict of arrays its names and arrays.

    The text of such a dict would leave out most values of its arrays.
    """
    for part in parts:
        if isinstance(part, dict) and any(isinstance(v, np.ndarray) for v in part.values()):
            for name, value in part.items():
                yield from (name, value)
        else:
            yield part


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
