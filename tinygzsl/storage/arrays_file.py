"""Arrays and a JSON header in an NPZ file, never pickled: the format of models and checkpoints.

The arrays are NumPy's; callers copy others to the host first. The header holds a SHA-256 over
itself and all arrays, so a flipped bit or an exchanged array is detected. numpy.savez gives all
members the same date, so the bytes of a file depend on its content alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..text import shown
from .atomic_write import written_aside
from .npy import Zipped
from .output import OutputFile

FORMAT = 2
HEADER = 4 << 20  # most bytes of the header of a packed file
CHECKSUM = "sha256"
# Raised if the parts of a file can be read but don't fit together.
DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


class State(NamedTuple):
    """The state of an object: a header that JSON can hold, and arrays by name.

    In files the arrays are NumPy's; a model in memory gives its own arrays, on any device.
    """

    header: dict[str, Any]
    arrays: dict[str, Any]


def write_npz(path: Any, state: State, *, compressed: bool = False) -> None:
    """Write the arrays and the header, with the checksum, to a temporary file and rename it to
    path.

    The header must have "kind" and "format", which read_npz checks.
    """
    with written_aside(path) as aside:
        _write(aside, state, compressed=compressed)


def write_model(path: Any, state: State) -> None:
    """As write_npz, for a path that the user names: links are followed, a pipe gets the content."""
    with OutputFile(path).written() as aside:
        _write(aside, state, compressed=False)


def _write(path: Path, state: State, *, compressed: bool) -> None:
    header, arrays = state
    text = json.dumps({**header, CHECKSUM: checksum(header, arrays)})
    with open(path, "wb") as file:
        save = np.savez_compressed if compressed else np.savez
        save(file, header=np.array(text), **arrays)


def put_together(header: dict[str, Any], **parts: State) -> State:
    """Return the state of an object that has others in it.

    The header of each part is under its name, and its arrays are NAME/ARRAY.
    """
    headers = {name: part.header for name, part in parts.items()}
    arrays = {f"{n}/{k}": v for n, part in parts.items() for k, v in part.arrays.items()}
    return State({**header, **headers}, arrays)


def part_of(state: State, name: str) -> State:
    """Return the state that `put_together` got by that name; KeyError if there is none."""
    start = f"{name}/"
    arrays = {k.removeprefix(start): v for k, v in state.arrays.items() if k.startswith(start)}
    return State(state.header[name], arrays)


def read_npz(path: Any, *kinds: str, what: str = "", packed: int | None = None) -> State:
    """Return what write_npz wrote; its kind ("model", "checkpoint") must be one of kinds.

    Errors call them `what`, by default their names. `packed` is the most bytes of arrays in a
    compressed file; without it no array may be compressed, so that memory holds no more than the
    file. Kind, format and sizes are checked before an array is read.

    Raises FileNotFoundError for a missing file and ValueError for another kind or a damaged file.
    """
    path, kind = Path(path), what or " or ".join(kinds)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path of the {kind}")
    with open(path, "rb") as raw:
        with _readable(path, kind):
            zipped = Zipped(raw, path)
            header = _header(zipped, packed)
            found = header["kind"], header["format"]
        if found[0] not in kinds or found[1] != FORMAT:
            raise InputError(
                f"{path} is a {shown(found[0], 20)} file of format {shown(found[1], 20)}, but a "
                f"{kind} of format {FORMAT} is needed; use the file and the version of tinygzsl "
                "that belong together"
            )
        with _readable(path, kind):
            names = [name for name in zipped.names if name != "header"]
            _check_sizes(zipped, names, packed)
            arrays = {name: zipped.read(name) for name in names}
    if header.pop(CHECKSUM, None) != checksum(header, arrays):
        raise InputError(
            f"{path} is damaged: its content doesn't match its checksum; restore it from a copy, "
            "or make it again"
        )
    return State(header, arrays)


def checksum(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over the header and over the name, dtype, shape and bytes of every array."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turn errors into one that says that the file at path is not of that kind, or is damaged."""
    try:
        yield
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path} is not a {kind} file of tinygzsl, or is damaged ({_words(error, path)}); "
            "check the path, or restore the file from a copy"
        ) from None


def _header(zipped: Zipped, packed: int | None) -> dict[str, Any]:
    if "header" not in zipped.names:
        raise KeyError("header")
    _check_sizes(zipped, ["header"], packed if packed is None else HEADER)
    return json.loads(str(zipped.read("header")))


def _check_sizes(zipped: Zipped, names: list[str], packed: int | None) -> None:
    """ValueError if these arrays could be larger than they should: than the file, or `packed`."""
    total = sum(header.nbytes for header in zipped.declared(names).values())
    for name in names:
        if packed is None and zipped.is_packed(name):
            raise InputError(f"{shown(name, 40)} is compressed, which tinygzsl never does here")
    if packed is not None and total > packed:
        raise InputError(f"it claims {total} bytes, but there are at most {packed}")


@contextmanager
def whole_or_damaged(path: Path, what: str, *, fix: str) -> Iterator[None]:
    """Turn an error of DAMAGED into a ValueError: the file at path is a damaged `what`; `fix`."""
    try:
        yield
    except DAMAGED as error:
        raise InputError(f"{path} is a damaged {what} ({_words(error, path)}); {fix}") from None


def _words(error: BaseException, path: Path) -> str:
    """Return the message on one line, without the path, which the sentence around it has."""
    text = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
    return shown(text.removeprefix(f"{path} ").removeprefix(f"{path}: "), 300)
