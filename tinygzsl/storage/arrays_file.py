"""Arrays and one JSON header in an NPZ file, never a pickle: what models and checkpoints lie in.

Arrays that come in are NumPy's: whoever has others copies them first. The header holds a SHA-256
over itself and all arrays: a flipped bit or a swapped array shows. numpy.savez gives all members
the same date, so the bytes of a file are a function of its content.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..text import shown
from .atomic_write import written_aside
from .npy import read_zipped

FORMAT = 2
CHECKSUM = "sha256"
# What goes wrong where the parts of a file, each of which can be read, don't fit together.
DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


class State(NamedTuple):
    """What something turns itself into and comes back from: what is JSON, and arrays by name.

    Arrays that are written or were read are NumPy's; those of a live model are its own, wherever
    they are.
    """

    header: dict[str, Any]
    arrays: dict[str, Any]


def write_npz(path: Any, state: State) -> None:
    """The arrays and the header, with its checksum, to path, written aside and renamed.

    The header has "kind" and "format", which read_npz asks for.
    """
    header, arrays = state
    text = json.dumps({**header, CHECKSUM: checksum(header, arrays)})
    with written_aside(path) as aside, open(aside, "wb") as file:
        np.savez(file, header=np.array(text), **arrays)


def read_npz(path: Any, *kinds: str) -> State:
    """What write_npz wrote, of one of these kinds ("model", "checkpoint").

    Raises FileNotFoundError if there is none and ValueError if it is something else or damaged.
    """
    path, kind = Path(path), " or ".join(kinds)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path of the {kind}")
    try:
        arrays = read_zipped(path)
        header = json.loads(str(arrays.pop("header")))
        found = header["kind"], header["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path} is no {kind} file of tinygzsl or is damaged ({_words(error, path)})"
        ) from None
    if found[0] not in kinds or found[1] != FORMAT:
        raise ValueError(
            f"{path} is a {shown(found[0], 20)} file of format {shown(found[1], 20)}, but a {kind} "
            f"of format {FORMAT} is needed; use the file and the version of tinygzsl that belong "
            "together"
        )
    if header.pop(CHECKSUM, None) != checksum(header, arrays):
        raise ValueError(
            f"{path} is damaged: its content doesn't have the checksum that was written with it; "
            "restore it from a copy, or make it again"
        )
    return State(header, arrays)


def checksum(header: dict, arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over the header and over the name, dtype, shape and bytes of every array."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _words(error: BaseException, path: Path) -> str:
    """The message on one line, without what the sentence around it says."""
    text = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
    return shown(text.removeprefix(f"{path} ").removeprefix(f"{path}: "), 300)
