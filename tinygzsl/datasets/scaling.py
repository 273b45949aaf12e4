"""Scalers for features and prototypes, fitted on training data of the seen classes only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import chain
from operator import add, and_
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from .. import kernels
from ..errors import InputError
from ..nn.device_memory import empty_features, uploader, warn_if_pinned
from ..runtime.array import Array, ArrayModule
from ..runtime.backend import array_module, to_device
from ..runtime.checks import check_array
from ..runtime.threads import split
from ..storage.arrays_file import State
from .array_checks import LARGEST, check_finite, check_size, check_tells_apart

Result = TypeVar("Result")
CHUNK_ROWS, CHUNK_VALUES = 1024, 1 << 21  # maximum rows and values (8 MB of float32) of a chunk
# The same for map_scaled on a GPU, where the host needs 1.6 ms to launch the kernels of a chunk
DEVICE_ROWS, DEVICE_VALUES = 1 << 15, 1 << 26


class Scaler(NamedTuple):
    """Scales x to (x - shift) * scale per column, or each row to length 1.

    shift and scale are (d,). If unit_rows, rows are scaled; then shift is 0 and scale 1.
    """

    shift: Array
    scale: Array
    unit_rows: bool = False

    def apply(self, x: Array) -> Array:
        """Return x (n, d) scaled; values outside the fitted range are not clipped."""
        xp = array_module(x, self.shift)
        x = xp.ascontiguousarray(x, dtype=xp.result_type(x, self.shift))
        out = xp.empty_like(x)
        _scale(x, self, out)
        return out

    def invert(self, x: Array) -> Array:
        """Return the features (n, d) that `apply` maps to x; ValueError for a scaler of rows."""
        if self.unit_rows:
            raise InputError("rows scaled to length 1 can't be scaled back; use another scaler")
        return x / self.scale + self.shift

    def state(self, name: str) -> State:
        """Return the arrays as name_shift and name_scale; the kind is saved with the settings."""
        return State({}, {f"{name}_shift": self.shift, f"{name}_scale": self.scale})

    @classmethod
    def from_state(cls, name: str, *, kind: str, arrays: dict[str, Array]) -> Scaler:
        """Return the scaler of that kind with the arrays of `state`; KeyError if one is missing."""
        return cls(arrays[f"{name}_shift"], arrays[f"{name}_scale"], kind == "l2")

    def check(self, name: str, *, n: int, dtype: np.dtype[Any]) -> None:
        """ValueError unless the scaler has n columns, is finite and can be inverted."""
        check_array(f"{name}_shift", self.shift, (n,), dtype=dtype)
        check_array(f"{name}_scale", self.scale, (n,), dtype=dtype)
        if not bool((self.scale > 0).all()):
            raise InputError(f"{name}_scale is not positive")


def fit_scaler(
    x: Array, kind: str, *, xp: ArrayModule | None = None, dtype: DTypeLike | None = None
) -> Scaler:
    """Return a scaler of kind minmax, standard, l2 or none for x (n, d).

    minmax and standard make constant columns 0. The scaler's arrays belong to module xp and have
    that dtype; by default both are those of x, with float64 for integers. x may be a memory map, as
    it is read in chunks.
    """
    xp = array_module(x) if xp is None else xp
    dtype = np.dtype(dtype or np.result_type(x.dtype, np.float32))
    tiny = float(np.finfo(dtype).tiny)  # the inverse of a smaller range isn't finite
    shift, scale = xp.zeros(x.shape[1], dtype), xp.ones(x.shape[1], dtype)
    upload = _uploader(x, xp, dtype)

    def chunks() -> Iterator[Array]:
        return (upload(x[rows]) for rows in row_chunks(x))

    with np.errstate(all="ignore"):  # `scaled` reports inf
        if kind in ("minmax", "standard"):
            low = reduce(xp.minimum, (c.min(axis=0) for c in chunks()))
            spread = reduce(xp.maximum, (c.max(axis=0) for c in chunks())) - low
            shift = low
        if kind == "standard":
            shift = reduce(add, (c.sum(axis=0, dtype="float64") for c in chunks())) / x.shape[0]
            squares = reduce(add, (((c - shift) ** 2).sum(axis=0) for c in chunks()))
            spread = xp.where(spread > 0, xp.sqrt(squares / x.shape[0]), 0)
        if kind in ("minmax", "standard"):
            scale = 1 / xp.where(spread > tiny, spread, xp.asarray(1, spread.dtype))
        return Scaler(shift.astype(dtype), scale.astype(dtype), kind == "l2")


def _scale(x: Array, scaler: Scaler, out: Array) -> Array:
    """Write x (n, d) scaled into out; return whether the values are usable, as a 0-d array.

    x must be finite and out within +-LARGEST.
    """
    if scaler.unit_rows:
        x = _levelled(x)
    finite = kernels.scale_rows(x, scaler.shift, scaler.scale, scaler.unit_rows, out)
    with np.errstate(invalid="ignore"):  # the result reports NaN
        return finite & (out.max() <= LARGEST) & (out.min() >= -LARGEST)


def _levelled(x: Array) -> Array:
    """x (n, d), each row times the power of two that brings its largest value near 1.

    Scaling the row to length 1 then gives the same bits, but no square overflows or underflows.
    """
    xp = array_module(x)
    with np.errstate(invalid="ignore"):  # NaN and inf stay unchanged
        _, exponent = xp.frexp(xp.abs(x).max(axis=1, keepdims=True))
        return xp.ldexp(x, -exponent)


def row_chunks(x: Array) -> list[slice]:
    """Slices that cover the rows in order."""
    return _slices(x.shape[0], _chunk_rows(x.shape[1]))


def _slices(rows: int, step: int) -> list[slice]:
    return [slice(at, min(at + step, rows)) for at in range(0, rows, step)]


def _chunk_rows(columns: int) -> int:
    return max(1, min(CHUNK_ROWS, CHUNK_VALUES // columns))


def scaled(
    name: str, x: Array, scaler: Scaler, *, xp: ArrayModule, dtype: str, out: Array | None = None
) -> Array:
    """Return x (n, d) on the device of xp, as dtype and scaled, written into `out` if given.

    Raises ValueError for NaN and inf in x, for values too large for dtype (1e39 in float32), and
    for scaled values beyond +-LARGEST.
    """
    converted = to_device(x, xp, dtype=dtype)
    out = xp.empty_like(converted) if out is None else out
    with np.errstate(all="ignore"):  # NaN and inf are reported below
        usable = bool(_scale(converted, scaler, out))
    if not usable:
        check_finite(name, x)
        check_size(name, x, converted, out)
    return out


def fit_and_scale(
    name: str, x: Array, kind: str, *, xp: ArrayModule, dtype: str
) -> tuple[Scaler, Array]:
    """Return the scaler of x (n, d), see fit_scaler, and x scaled, on the device of xp.

    Apart from the result, only chunks are in memory. x is copied to the GPU once, and checked and
    scaled there; if it doesn't fit, it is kept in pinned host memory, with a warning. Raises
    ValueError for NaN and inf, for values beyond +-LARGEST and if all rows are equal.
    """
    if xp is np:
        scaler, out = fit_scaler(x, kind, xp=xp, dtype=dtype), xp.empty(x.shape, dtype)

        def share(chunks: list[slice]) -> list[Array]:
            return [
                scaled(_place(name, r), x[r], scaler, xp=xp, dtype=dtype, out=out[r])
                for r in chunks
            ]

        _over_workers(share, x)
        check_tells_apart(name, x, out, scaler.scale, kind=kind)
        return scaler, out
    out, upload = empty_features(xp, (x.shape[0], x.shape[1]), dtype), _uploader(x, xp, dtype)
    warn_if_pinned(name, out)
    chunks = row_chunks(x)
    for rows in chunks:
        out[rows] = upload(x[rows])
    scaler = fit_scaler(out, kind)
    usable = [_scale(out[rows], scaler, out[rows]) for rows in chunks]
    _check_chunks(name, x, scaler, usable=usable, chunks=chunks, xp=xp, dtype=dtype)
    check_tells_apart(name, x, out, scaler.scale, kind=kind)
    return scaler, out


def map_scaled(
    function: Callable[[Array], Result],
    name: str,
    x: Array,
    scaler: Scaler,
    *,
    xp: ArrayModule,
    dtype: str,
    width: int = 1,
) -> list[Result]:
    """Return function(scaled rows) for every chunk of x (n, d), in order.

    The function must not keep the rows. The chunks are shared among the workers; they are the same
    for any number of workers. Chunks on a GPU have more rows. `width` is the number of values that
    the function computes per row; if it exceeds d, the chunks have fewer rows.
    """

    def share(chunks: list[slice]) -> list[Result]:
        buffer = xp.empty((chunks[0].stop - chunks[0].start, x.shape[1]), dtype)
        outs = [buffer[: rows.stop - rows.start] for rows in chunks]
        return [
            function(o)
            for o in _scaled_chunks(name, x, scaler, xp=xp, dtype=dtype, chunks=chunks, outs=outs)
        ]

    if xp is not np:
        step = max(1, min(DEVICE_ROWS, DEVICE_VALUES // max(x.shape[1], width)))
        return share(_slices(x.shape[0], step))
    return list(chain.from_iterable(_over_workers(share, x)))


def _scaled_chunks(
    name: str,
    x: Array,
    scaler: Scaler,
    *,
    xp: ArrayModule,
    dtype: str,
    chunks: list[slice],
    outs: list[Array],
) -> Iterator[Array]:
    """Yield each array of outs, filled with its scaled chunk of x (n, d)."""
    if xp is np:
        for rows, out in zip(chunks, outs, strict=True):
            yield scaled(_place(name, rows), x[rows], scaler, xp=xp, dtype=dtype, out=out)
        return
    upload, usable = _uploader(x, xp, dtype), []
    for rows, out in zip(chunks, outs, strict=True):
        usable.append(_scale(_uploaded(x[rows], upload, out), scaler, out))
        yield out
    _check_chunks(name, x, scaler, usable=usable, chunks=chunks, xp=xp, dtype=dtype)


def _uploaded(x: Array, upload: Callable[[Array], Array], out: Array) -> Array:
    """Return x (n, d) on the device; from the host it is copied through small buffers into out."""
    if array_module(x) is not np:
        return upload(x)
    for rows in row_chunks(x):
        out[rows] = upload(x[rows])
    return out


def _check_chunks(
    name: str,
    x: Array,
    scaler: Scaler,
    *,
    usable: list[Array],
    chunks: list[slice],
    xp: ArrayModule,
    dtype: str,
) -> None:
    """ValueError if a chunk was not usable; called once, so that the host waits only once."""
    if not bool(reduce(and_, usable)):
        for rows in chunks:
            scaled(_place(name, rows), x[rows], scaler, xp=xp, dtype=dtype)  # raises ValueError


def _over_workers(share: Callable[[list[slice]], list[Result]], x: Array) -> list[list[Result]]:
    """Return share(chunks) for every worker's part of the chunks of x."""
    step, chunks = _chunk_rows(x.shape[1]), row_chunks(x)

    def part(low: int, high: int) -> list[Result]:
        return share(chunks[low // step : -(-high // step)])

    return split(part, x.shape[0], unit=step)


def _uploader(x: Array, xp: ArrayModule, dtype: DTypeLike) -> Callable[[Array], Array]:
    return uploader(x, values=_chunk_rows(x.shape[1]) * x.shape[1], xp=xp, dtype=dtype)


def _place(name: str, rows: slice) -> str:
    return f"{name}[{rows.start}:]" if rows.start else name
