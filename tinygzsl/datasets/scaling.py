"""Scalers for features and prototypes, fitted on training data of the seen classes only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import chain
from operator import and_
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..nn.device_memory import empty_features, uploader, warn_if_pinned
from ..runtime.backend import Array, array_module, to_device
from ..runtime.checks import check_array
from ..runtime.threads import split
from ..storage.arrays_file import State
from .array_checks import LARGEST, check_finite, check_size, check_tells_apart

CHUNK_ROWS, CHUNK_VALUES = 1024, 1 << 21  # most rows, and most values (8 MB of float32), of a chunk
# of a chunk that map_scaled makes on a GPU: the host needs 1.6 ms to launch all that one asks for
DEVICE_ROWS, DEVICE_VALUES = 1 << 15, 1 << 26


class Scaler(NamedTuple):
    """x -> (x - shift) * scale per column; or, if unit_rows, each row to length 1: then shift is 0
    and scale 1.
    """

    shift: Array
    scale: Array
    unit_rows: bool = False

    def apply(self, x: Array) -> Array:
        """Scaled x (n, d); values outside the fitted range are not clipped."""
        xp = array_module(x, self.shift)
        x = xp.ascontiguousarray(x, dtype=xp.result_type(x, self.shift))
        out = xp.empty_like(x)
        _scale(x, self, out)
        return out

    def invert(self, x: Array) -> Array:
        """The features that `apply` maps to x; a scaler of rows can't be inverted."""
        if self.unit_rows:
            raise ValueError("rows scaled to length 1 can't be scaled back; use another scaler")
        return x / self.scale + self.shift

    def state(self, name: str) -> State:
        """Its arrays as name_shift and name_scale. The kind of scaler is the settings'."""
        return State({}, {f"{name}_shift": self.shift, f"{name}_scale": self.scale})

    @classmethod
    def from_state(cls, name: str, kind: str, arrays: dict[str, Array]) -> Scaler:
        """The scaler of that kind whose arrays are among these; KeyError if they aren't."""
        return cls(arrays[f"{name}_shift"], arrays[f"{name}_scale"], kind == "l2")

    def check(self, name: str, n: int, dtype: np.dtype) -> None:
        """ValueError unless it is one of n columns, finite and with an inverse."""
        check_array(f"{name}_shift", self.shift, (n,), dtype)
        check_array(f"{name}_scale", self.scale, (n,), dtype)
        if not bool((self.scale > 0).all()):
            raise ValueError(f"{name}_scale is not positive")


def fit_scaler(x: Array, kind: str, xp: ModuleType | None = None, dtype: Any = None) -> Scaler:
    """Scaler of kind minmax, standard, l2 or none for x (n, d); constant columns become 0.

    Its arrays belong to module xp and have that dtype (by default, those of x, and float64 for
    whole numbers). x may be a memory map: it is read in chunks.
    """
    xp, dtype = xp or array_module(x), np.dtype(dtype or np.result_type(x.dtype, np.float32))
    tiny = float(np.finfo(dtype).tiny)  # a smaller spread has no finite inverse
    shift, scale = xp.zeros(x.shape[1], dtype), xp.ones(x.shape[1], dtype)
    upload = _uploader(x, xp, dtype)

    def chunks() -> Iterator[Array]:
        return (upload(x[rows]) for rows in row_chunks(*x.shape))

    with np.errstate(all="ignore"):  # of inf, which `scaled` reports in its place
        if kind in ("minmax", "standard"):
            low = reduce(xp.minimum, (c.min(axis=0) for c in chunks()))
            spread = reduce(xp.maximum, (c.max(axis=0) for c in chunks())) - low
            shift = low
        if kind == "standard":
            shift = sum(c.sum(axis=0, dtype="float64") for c in chunks()) / x.shape[0]
            squares = sum(((c - shift) ** 2).sum(axis=0) for c in chunks())
            spread = xp.where(spread > 0, xp.sqrt(squares / x.shape[0]), 0)
        if kind in ("minmax", "standard"):
            scale = 1 / xp.where(spread > tiny, spread, xp.asarray(1, spread.dtype))
        return Scaler(shift.astype(dtype), scale.astype(dtype), kind == "l2")


def _scale(x: Array, scaler: Scaler, out: Array) -> Array:
    """Scaled x (n, d) into out; whether x is finite and out within +-LARGEST, as a 0-d array."""
    if scaler.unit_rows:
        x = _levelled(x)
    finite = kernels.scale_rows(x, scaler.shift, scaler.scale, scaler.unit_rows, out)
    with np.errstate(invalid="ignore"):  # of NaN, which the result tells
        return finite & (out.max() <= LARGEST) & (out.min() >= -LARGEST)


def _levelled(x: Array) -> Array:
    """x (n, d), each row times the power of two that brings its greatest value near 1.

    The row of length 1 is the same to the bit, and no square overflows or vanishes on the way to
    it.
    """
    xp = array_module(x)
    with np.errstate(invalid="ignore"):  # of NaN and inf, which stay what they are
        _, exponent = xp.frexp(xp.abs(x).max(axis=1, keepdims=True))
        return xp.ldexp(x, -exponent)


def row_chunks(rows: int, columns: int) -> list[slice]:
    """Slices that cover the rows in order."""
    return _slices(rows, _chunk_rows(columns))


def _slices(rows: int, step: int) -> list[slice]:
    return [slice(at, min(at + step, rows)) for at in range(0, rows, step)]


def _chunk_rows(columns: int) -> int:
    return max(1, min(CHUNK_ROWS, CHUNK_VALUES // columns))


def scaled(
    name: str, x: Array, scaler: Scaler, xp: ModuleType, dtype: str, out: Array | None = None
) -> Array:
    """x (n, d) on the device xp, as dtype and scaled, into `out` if it is given.

    Raises ValueError for NaN and inf, in x or after its conversion (1e39 is no float32), and for
    values beyond +-LARGEST.
    """
    converted = to_device(x, xp, dtype)
    out = xp.empty_like(converted) if out is None else out
    with np.errstate(all="ignore"):  # of NaN and inf, reported below
        usable = bool(_scale(converted, scaler, out))
    if not usable:
        check_finite(name, x)
        check_size(name, x, converted, out)
    return out


def fit_and_scale(
    name: str, x: Array, kind: str, xp: ModuleType, dtype: str
) -> tuple[Scaler, Array]:
    """The scaler of x (n, d), see fit_scaler, and all of x scaled, on the device xp.

    Beside the result only chunks are in memory. To the GPU x goes once: it is looked at and scaled
    where it then lies, in pinned memory with a warning if it doesn't fit there. Raises ValueError
    for NaN and inf, for values beyond +-LARGEST and where all rows are the same.
    """
    if xp is np:
        scaler, out = fit_scaler(x, kind, xp, dtype), np.empty(x.shape, dtype)

        def share(chunks: list[slice]) -> list:
            return [scaled(_place(name, r), x[r], scaler, xp, dtype, out[r]) for r in chunks]

        _over_workers(share, x)
        check_tells_apart(name, x, out, scaler.scale, kind)
        return scaler, out
    out, upload = empty_features(x.shape, dtype, xp), _uploader(x, xp, dtype)
    warn_if_pinned(name, out)
    chunks = row_chunks(*x.shape)
    for rows in chunks:
        out[rows] = upload(x[rows])
    scaler = fit_scaler(out, kind)
    usable = [_scale(out[rows], scaler, out[rows]) for rows in chunks]
    _check_chunks(name, x, usable, chunks, scaler, xp, dtype)
    check_tells_apart(name, x, out, scaler.scale, kind)
    return scaler, out


def map_scaled(
    function: Callable[[Array], Any],
    name: str,
    x: Array,
    scaler: Scaler,
    xp: ModuleType,
    dtype: str,
    width: int = 1,
) -> list:
    """function(scaled rows) for every chunk of x (n, d), in order; it must not keep the rows.

    The chunks are shared among the workers and are the same for any number of them. On a GPU they
    are larger, and smaller where function makes more values of a row, `width`, than it has.
    """

    def share(chunks: list[slice]) -> list:
        buffer = xp.empty((chunks[0].stop - chunks[0].start, x.shape[1]), dtype)
        outs = [buffer[: rows.stop - rows.start] for rows in chunks]
        return [function(o) for o in _scaled_chunks(name, x, scaler, xp, dtype, chunks, outs)]

    if xp is not np:
        step = max(1, min(DEVICE_ROWS, DEVICE_VALUES // max(x.shape[1], width)))
        return share(_slices(x.shape[0], step))
    return list(chain.from_iterable(_over_workers(share, x)))


def _scaled_chunks(
    name: str,
    x: Array,
    scaler: Scaler,
    xp: ModuleType,
    dtype: str,
    chunks: list[slice],
    outs: list[Array],
) -> Iterator[Array]:
    """Each of outs, filled with its chunk of x (n, d), scaled."""
    if xp is np:
        for rows, out in zip(chunks, outs, strict=True):
            yield scaled(_place(name, rows), x[rows], scaler, xp, dtype, out)
        return
    upload, usable = _uploader(x, xp, dtype), []
    for rows, out in zip(chunks, outs, strict=True):
        usable.append(_scale(_uploaded(x[rows], upload, out), scaler, out))
        yield out
    _check_chunks(name, x, usable, chunks, scaler, xp, dtype)


def _uploaded(x: Array, upload: Callable[[Array], Array], out: Array) -> Array:
    """x (n, d) on the device: from the host, by way of small buffers, into out."""
    if array_module(x) is not np:
        return upload(x)
    for rows in row_chunks(*x.shape):
        out[rows] = upload(x[rows])
    return out


def _check_chunks(
    name: str,
    x: Array,
    usable: list[Array],
    chunks: list[slice],
    scaler: Scaler,
    xp: ModuleType,
    dtype: str,
) -> None:
    """ValueError if a chunk wasn't usable; asked after all, so that the host waits once."""
    if not bool(reduce(and_, usable)):
        for rows in chunks:
            scaled(_place(name, rows), x[rows], scaler, xp, dtype)  # raises ValueError


def _over_workers(share: Callable[[list[slice]], list], x: Array) -> list[list]:
    """share(chunks) for every worker's part of the chunks of x."""
    step, chunks = _chunk_rows(x.shape[1]), row_chunks(*x.shape)

    def part(low: int, high: int) -> list:
        return share(chunks[low // step : -(-high // step)])

    return split(part, x.shape[0], unit=step)


def _uploader(x: Array, xp: ModuleType, dtype: Any) -> Callable[[Array], Array]:
    return uploader(x, _chunk_rows(x.shape[1]) * x.shape[1], xp, dtype)


def _place(name: str, rows: slice) -> str:
    return f"{name}[{rows.start}:]" if rows.start else name
