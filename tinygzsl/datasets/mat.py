"""MATLAB files of v5 to v7 and, through h5py, of v7.3 (HDF5); the result is the same."""

import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..text import shown
from .mat5 import read_mat5
from .mat73 import PackedOtherwise, read_mat73

Reader = Callable[[Path, Iterable[str]], tuple[list[str], dict[str, np.ndarray | None]]]
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
    path: str | Path, needed: Iterable[str], *, optional: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """Read variables of a .mat file.

    Parameters
    ----------
    path : path
    needed : iterable of str
        Variables that must exist.
    optional : iterable of str
        Variables that may be missing; then the result doesn't have them.

    Returns
    -------
    dict of str to ndarray
        Numeric arrays have MATLAB's shape (features (d, N), columns (n, 1)); cell arrays of strings
        and character arrays are (n,) arrays of str.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file is damaged or is not a MATLAB file, or a variable is missing or of an
        unsupported kind.
    ImportError
        If the file is of v7.3 and h5py is not installed.
    """
    path, needed = Path(path), list(needed)
    wanted = [*needed, *(key for key in optional if key not in needed)]
    reader = _reader(path)
    try:
        there, found = reader(path, wanted)
    except PackedOtherwise as error:
        raise InputError(f"{path}: {error}") from None
    except UNREADABLE as error:
        raise InputError(
            f"{path} can't be read ({_words(error)}); it may be cut short, download it again"
        ) from None
    values = {key: _checked(found[key], path, key=key) for key in wanted if key in found}
    missing = [key for key in needed if key not in values]
    if missing:
        raise InputError(f"{path} has no variable {', '.join(missing)}; it has {_listed(there)}")
    return values


def _reader(path: Path) -> Reader:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path")
    with open(path, "rb") as file:
        start = file.read(16)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        return read_mat73
    if start.startswith(b"MATLAB 5.0"):
        return read_mat5
    raise InputError(
        f"{path} is not a MATLAB v5 to v7.3 file, as it starts with {start!r}; "
        "download it again or save it with save -v7"
    )


def _checked(value: np.ndarray | None, path: Path, *, key: str) -> np.ndarray:
    if value is None:
        raise InputError(
            f"{path}: {key} is a sparse matrix, a struct or a cell array of other things than "
            f"strings; save it as full({key})"
        )
    if value.dtype.kind not in "fiubU":
        raise InputError(f"{path}: {key} has dtype {value.dtype}; expected numbers or strings")
    return value


def _listed(names: list[str]) -> str:
    some = ", ".join(shown(name, 40) for name in names[:10])
    return f"{some} and {len(names) - 10} more" if len(names) > 10 else some or "none"


def _words(error: Exception) -> str:
    return shown(" ".join(str(error).split()), 200) or type(error).__name__
