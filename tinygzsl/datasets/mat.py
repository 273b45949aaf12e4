"""MATLAB files: v5 to v7, and v7.3 (which is HDF5) through h5py, with the same result."""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..text import shown
from .mat5 import read_mat5
from .mat73 import read_mat73

UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    AttributeError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    struct.error,
    zlib.error,
)


def read_mat(
    path: str | Path, needed: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """Read the named variables of a .mat file; optional ones that are absent are left out.

    Numeric arrays come in MATLAB's shape (features (d, N), columns (n, 1)), cell arrays of
    strings and character arrays as a (n,) array of str.

    Raises FileNotFoundError for a missing file, ValueError for a file that is not or no longer
    a MATLAB file, a missing variable or one of an unsupported kind, ImportError for a v7.3 file
    without h5py.
    """
    path, needed = Path(path), list(needed)
    wanted = [*needed, *(key for key in optional if key not in needed)]
    reader = _reader(path)
    try:
        there, values = reader(path, wanted)
    except UNREADABLE as error:
        raise ValueError(
            f"{path} can't be read ({_words(error)}); it may be cut short, download it again"
        ) from None
    values = {key: _checked(values[key], path, key) for key in wanted if key in values}
    missing = [key for key in needed if key not in values]
    if missing:
        raise ValueError(f"{path} has no variable {', '.join(missing)}; it has {_listed(there)}")
    return values


def _reader(path):
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path")
    with open(path, "rb") as file:
        start = file.read(16)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        return read_mat73
    if start.startswith(b"MATLAB 5.0"):
        return read_mat5
    raise ValueError(
        f"{path} is not a MATLAB v5 to v7.3 file, as it starts with {start!r}; "
        "download it again or save it with save -v7"
    )


def _checked(value, path, key):
    if value is None:
        raise ValueError(
            f"{path}: {key} is a sparse matrix, a struct or a cell array of other things than "
            f"strings; save it as full({key})"
        )
    if value.dtype.kind not in "fiubU":
        raise ValueError(f"{path}: {key} has dtype {value.dtype}; expected numbers or strings")
    return value


def _listed(names):
    some = ", ".join(shown(name, 40) for name in names[:10])
    return f"{some} and {len(names) - 10} more" if len(names) > 10 else some or "none"


def _words(error):
    return shown(" ".join(str(error).split()), 200) or type(error).__name__
