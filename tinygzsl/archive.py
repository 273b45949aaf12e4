"""Arrays and one JSON header in an NPZ file, never a pickle: what models and checkpoints lie in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .aside import written_aside
from .backend import to_host

FORMAT = 1


def write_npz(path: Any, header: dict, arrays: dict[str, Any]) -> None:
    """Arrays and a JSON header to path, written aside and renamed."""
    host = {name: to_host(array) for name, array in arrays.items()}
    with written_aside(path) as aside, open(aside, "wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **host)


def read_npz(path: Any, kind: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of a file of that kind ("model", "checkpoint").

    Raises FileNotFoundError if there is none and ValueError if it is something else or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path of the {kind}")
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        found = header["kind"], header["format"]
    except (ValueError, KeyError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no {kind} file of tinygzsl or is damaged ({error})") from None
    if found != (kind, FORMAT):
        raise ValueError(
            f"{path} is a {found[0]} file of format {found[1]}, but a {kind} of format {FORMAT} "
            "is needed; use the file and the version of tinygzsl that belong together"
        )
    return header, arrays
