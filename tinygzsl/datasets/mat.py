"""MATLAB files: v5 to v7 through scipy, v7.3 (which is HDF5) through h5py, the same result."""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
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
    there, values = _reader(path)(path, wanted)
    missing = [key for key in needed if key not in values]
    if missing:
        raise ValueError(
            f"{path} has no variable {', '.join(missing)}; it has {', '.join(there) or 'none'}"
        )
    return values


def _reader(path):
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path")
    with open(path, "rb") as file:
        start = file.read(16)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        return _read_v73
    if start.startswith(b"MATLAB 5.0"):
        return _read_v5
    raise ValueError(
        f"{path} is not a MATLAB v5 to v7.3 file, as it starts with {start!r}; "
        "download it again or save it with save -v7"
    )


def _read_v5(path, wanted):
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    try:
        there = [name for name, _, _ in whosmat(path)]
        found = loadmat(path, variable_names=wanted)
    except (*_UNREADABLE, MatReadError) as error:
        raise _broken(path, error) from None
    return there, {key: _v5_value(found[key], path, key) for key in wanted if key in found}


def _v5_value(value, path, key):
    if not isinstance(value, np.ndarray):  # scipy returns sparse matrices as its own type
        value = None
    elif value.dtype == object:
        return np.array([_cell_text(cell, path, key) for cell in value.ravel()], dtype=np.str_)
    elif value.dtype.kind == "U":
        return np.char.strip(value.ravel())
    return _checked(value, path, key)


def _cell_text(cell, path, key):
    text = np.asarray(cell)
    if text.size == 0:
        return ""
    if text.dtype.kind != "U" or text.size > 1:
        raise ValueError(
            f"{path}: {key} has a cell of {text.dtype} with shape {text.shape}; "
            "expected a cell array of strings"
        )
    return text.item().strip()


def _read_v73(path, wanted):
    try:
        import h5py
    except ImportError:
        raise ImportError(
            f"{path} is a MATLAB v7.3 file and needs h5py: pip install 'tinygzsl[mat73]'"
        ) from None
    try:
        with h5py.File(path, "r") as file:
            there = [key for key in file if not key.startswith("#")]
            found = {key: _v73_value(file, key) for key in wanted if key in there}
    except _UNREADABLE as error:
        raise _broken(path, error) from None
    return there, {key: _checked(value, path, key) for key, value in found.items()}


def _v73_value(file, key):
    """An array in MATLAB's shape, or None for a kind that is not supported."""
    node = file[key]
    if not hasattr(node, "dtype"):  # a group: MATLAB keeps sparse matrices and structs so
        return None
    content = node[()]
    if node.attrs.get("MATLAB_empty", 0):  # then the dataset holds the shape
        return np.zeros(tuple(int(size) for size in content))
    if content.dtype == object:
        rows = [row for cell in content.T.ravel() for row in _characters(file[cell])]
        return np.array([row.strip() for row in rows], dtype=np.str_)
    if node.attrs.get("MATLAB_class", b"") == b"char":
        return np.array([row.strip() for row in _characters(node)], dtype=np.str_)
    return content.T


def _characters(node):
    """The rows of a character array as str; HDF5 holds UTF-16 codes, column by column."""
    if node.attrs.get("MATLAB_empty", 0):
        return [""]
    codes = np.atleast_2d(np.asarray(node[()], dtype="<u2").T)
    return [row.tobytes().decode("utf-16-le") for row in codes]


def _checked(value, path, key):
    if value is None:
        raise ValueError(f"{path}: {key} is a sparse matrix or a struct; save it as full({key})")
    if value.dtype.kind not in "fiubU":
        raise ValueError(f"{path}: {key} has dtype {value.dtype}; expected numbers or strings")
    return value


def _broken(path, error):
    detail = " ".join(str(error).split()) or type(error).__name__
    return ValueError(f"{path} can't be read ({detail}); it may be cut short, download it again")
