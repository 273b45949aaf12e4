"""MATLAB files of version 7.3, which are HDF5, through h5py.

The declared shape of a dataset is checked against its stored bytes before it is read, and links to
other files are not followed.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..storage.npy import DEFLATE_RATIO

DEFLATE, FILTERS = 1, (1, 2, 3)  # of HDF5: deflate, shuffle and Fletcher's checksum
# Names of registered filters that pack. How much they may unpack to is not known here, so that a
# declared size could not be checked before it is read.
PACKERS = {
    **{4: "szip", 5: "nbit", 6: "scale-offset", 307: "bzip2", 32000: "LZF", 32001: "Blosc"},
    **{32004: "LZ4", 32008: "bitshuffle", 32013: "ZFP", 32015: "Zstandard", 32026: "Blosc2"},
}


class PackedOtherwise(InputError):
    """The dataset is sound, but packed by a filter that is not read."""


def read_mat73(path: Path, wanted: Iterable[str]) -> tuple[list[str], dict[str, np.ndarray | None]]:
    """As read_mat5; ImportError without h5py, and h5py's own errors for a damaged file."""
    try:
        import h5py
    except ImportError:
        raise ImportError(
            f"{path} is a MATLAB v7.3 file and needs h5py: pip install 'tinygzsl[mat73]'"
        ) from None
    size = path.stat().st_size
    with h5py.File(path, "r") as file:
        there = [key for key in file if not key.startswith("#")]
        found: dict[str, np.ndarray | None] = {}
        for key in wanted:
            if key in there:
                if type(file.get(key, getlink=True)) is not h5py.HardLink:
                    raise InputError(f"{key} is a link to another place, which isn't followed")
                found[key] = _value(file, file[key], size=size)
        return there, found


def _value(file: Any, node: Any, *, size: int) -> np.ndarray | None:
    """Return an array in MATLAB's shape, or None for an unsupported kind."""
    import h5py

    if not isinstance(node, h5py.Dataset):  # MATLAB stores sparse matrices and structs as groups
        return None
    _check_size(node, size)
    if node.attrs.get("MATLAB_empty", 0):  # then the values are the shape of an empty array
        return np.zeros(_empty_shape(node[()]))
    if h5py.check_ref_dtype(node.dtype) is h5py.Reference:
        return _texts(file, node[()].T.ravel(), size=size)
    if node.dtype.kind not in "fiub":
        return None
    if node.attrs.get("MATLAB_class", b"") == b"char":
        return np.array([row.strip() for row in _rows(node)], np.str_)
    return node[()].T


def _check_size(node: Any, size: int) -> None:
    if node.is_virtual or node.external:
        raise InputError(f"{node.name} is stored in another file, which isn't opened")
    needed = math.prod(node.shape or ()) * node.dtype.itemsize
    if not needed:
        return
    plist, stored = node.id.get_create_plist(), node.id.get_storage_size()
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    for number in filters:
        if number not in FILTERS:
            raise PackedOtherwise(
                f"{node.name} is packed by {PACKERS.get(number, 'a filter')} (HDF5's filter "
                f"{number}); save it with compression='gzip', or from MATLAB with save -v7"
            )
    needed = max(needed, math.prod(node.chunks or ()) * node.dtype.itemsize)
    if stored > size or needed > (DEFLATE_RATIO if DEFLATE in filters else 1) * stored:
        raise InputError(
            f"{node.name} claims the shape {node.shape} of {node.dtype} in {stored} bytes of a "
            f"file of {size}"
        )


def _empty_shape(content: np.ndarray) -> tuple[int, ...]:
    shape = tuple(int(length) for length in np.atleast_1d(content))
    if len(shape) > 32 or min(shape) < 0 or 0 not in shape:
        raise InputError(f"an empty array has the shape {str(shape)[:60]}")
    return shape


def _texts(file: Any, cells: np.ndarray, *, size: int) -> np.ndarray | None:
    """Return the texts of a cell array, or None if a cell holds something else."""
    rows: list[str] = []
    for cell in cells:
        node = file[cell]
        if not hasattr(node, "dtype") or node.dtype.kind not in "iu":
            return None
        _check_size(node, size)
        rows += _rows(node)
    return np.array([row.strip() for row in rows], np.str_)


def _rows(node: Any) -> list[str]:
    """Return the rows of a character array as str; the file holds UTF-16 codes by column."""
    if node.attrs.get("MATLAB_empty", 0):
        return [""]
    codes = np.atleast_2d(np.asarray(node[()], dtype="<u2").T)
    return [row.tobytes().decode("utf-16-le") for row in codes]
