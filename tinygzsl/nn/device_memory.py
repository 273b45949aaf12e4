"""Features in the GPU's memory: allocation, copies, and the error when the memory is full.

On the CPU all of this is plain NumPy. Features that don't fit on the GPU are kept in pinned host
memory. The GPU reads it over the bus through ordinary pointers, so the kernels are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from .. import kernels
from ..errors import OutsideError
from ..runtime.array import Array, ArrayModule, CuPy, DeviceArray
from ..runtime.backend import array_module, loaded_cupy, to_device, to_host
from ..text import warn

SHARE = 0.75  # maximum share of the free memory for one array of features; networks need the rest
MEMORY_IS_OUT = (  # the names of this error in the driver, the runtime and cuBLAS
    "CUDA_ERROR_OUT_OF_MEMORY",
    "cudaErrorMemoryAllocation",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
FREE_SOME = "end other programs that use it (see nvidia-smi)"  # advice where no setting helps
BLOCK_VALUES = 1 << 26  # values of a block that is computed on at once (256 MB of float32)


def memory(cupy: CuPy) -> tuple[int, int]:
    """Return the free and the total bytes of the current device.

    Bytes that CuPy's pool holds but doesn't use count as free. If the pool has a limit (see
    CUPY_GPU_MEMORY_LIMIT), the limit counts as the device's total.
    """
    free, total = cupy.cuda.Device().mem_info
    pool = cupy.get_default_memory_pool()
    free, limit = free + pool.free_bytes(), pool.get_limit() or total
    return max(min(free, limit - pool.used_bytes()), 0), min(total, limit)


def empty_features(xp: ArrayModule, shape: tuple[int, int], dtype: DTypeLike) -> Array:
    """Return an empty array for features, on the device or in pinned host memory.

    It is on the device if it needs at most SHARE of the device's free memory. Raises MemoryError if
    the host doesn't have enough memory either.
    """
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    cupy: CuPy | None = None if xp is np else xp
    if cupy is None or nbytes <= SHARE * memory(cupy)[0]:
        return xp.empty(shape, dtype)
    try:
        pinned = cupy.cuda.PinnedMemory(nbytes)  # CuPy's pool would round up to a power of two
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise MemoryError(
            f"{gigabytes(nbytes)} of features fit neither on the GPU nor in pinned memory of the "
            f"host ({error}); use device='cpu' or fewer samples"
        ) from error
    device = cupy.cuda.Device().id
    owned = cupy.cuda.UnownedMemory(pinned.ptr, nbytes, pinned, device)
    array: Array = cupy.ndarray(shape, dtype, cupy.cuda.MemoryPointer(owned, 0))
    return array


def is_pinned(x: Array) -> bool:
    """Whether x is an array of empty_features, or a view of one, in pinned memory."""
    cupy = loaded_cupy()
    if cupy is None or not isinstance(x, cupy.ndarray):
        return False
    return isinstance(x.data.mem, cupy.cuda.UnownedMemory)


def warn_if_pinned(name: str, x: Array) -> None:
    """Warn if x (n, d) is in pinned host memory because the GPU is too small for it."""
    if is_pinned(x):
        free, _ = memory(loaded_cupy())
        warn(
            f"{name} takes {gigabytes(x.nbytes)}, more than {SHARE:.0%} of the {gigabytes(free)} "
            "that are free on the GPU, so it stays in the host's memory and batches are read over "
            "the bus, which is slower"
        )


def take_rows(x: Array, rows: np.ndarray) -> Array:
    """Return a copy of the rows (n,) of x (N, d), and warn if it is in pinned memory."""
    xp = array_module(x)
    if xp is np:
        return x[rows]
    out = empty_features(xp, (rows.size, x.shape[1]), x.dtype)
    warn_if_pinned("the part of X that trains the PTC", out)
    return kernels.gather_rows(x, xp.asarray(rows), out)


def blocks(x: Array) -> Iterator[tuple[slice, Array]]:
    """Yield slices and the rows x[slice] of x (n, d), in order, at most BLOCK_VALUES values each.

    A matrix product reads its input many times, so rows in pinned memory are first copied to the
    device.
    """
    xp, step = array_module(x), max(1, BLOCK_VALUES // x.shape[1])
    for low in range(0, x.shape[0], step):
        high = min(low + step, x.shape[0])
        rows = x[low:high]
        if is_pinned(x):
            index = xp.arange(low, high, dtype="int64")
            rows = kernels.gather_rows(x, index, xp.empty(rows.shape, x.dtype))
        yield slice(low, high), rows


class Staging:
    """Copies chunks of host arrays to the device through two pinned buffers, used in turn.

    While the device works on one chunk, the host fills the buffer of the next one. A buffer is
    filled again only after its copy has ended.
    """

    def __init__(self, cupy: CuPy, *, values: int, dtype: DTypeLike):
        self.cupy, self.dtype, self.turn = cupy, np.dtype(dtype), 0
        pinned = [cupy.cuda.alloc_pinned_memory(values * self.dtype.itemsize) for _ in range(2)]
        self.buffers = [np.frombuffer(p, self.dtype, values) for p in pinned]
        self.copied = [cupy.cuda.Event(disable_timing=True) for _ in range(2)]

    def upload(self, x: Array) -> Array:
        """x on the host, of at most `values` values, as a new array of the device."""
        self.turn = 1 - self.turn
        buffer, copied = self.buffers[self.turn][: x.size].reshape(x.shape), self.copied[self.turn]
        copied.synchronize()  # returns at once before the first copy
        with np.errstate(over="ignore"):  # check_finite reports values that the dtype can't hold
            buffer[...] = to_host(x)
        out: DeviceArray = self.cupy.empty(x.shape, self.dtype)
        out.set(buffer)
        copied.record()
        return out

    def __del__(self) -> None:
        """Wait for the last copies: CuPy's pool may reuse the pinned memory once it is freed."""
        with suppress(Exception):  # the device may have failed, or Python may be shutting down
            for copied in self.copied:
                copied.synchronize()


def uploader(
    x: Array, *, values: int, xp: ArrayModule, dtype: DTypeLike
) -> Callable[[Array], Array]:
    """Return a function that copies chunks of x, of at most `values` values, to xp as dtype."""
    if xp is np or array_module(x) is xp:
        return partial(to_device, xp=xp, dtype=dtype)
    return Staging(xp, values=values, dtype=dtype).upload


@contextmanager
def device_errors(advice: str) -> Iterator[None]:
    """Turn errors of CuPy, the driver and cuBLAS into errors of one sentence.

    If the GPU is out of memory this is a MemoryError with the advice, else an OutsideError.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if type(error).__module__.partition(".")[0] not in ("cupy", "cupy_backends"):
            raise
        if isinstance(error, MemoryError) or any(name in str(error) for name in MEMORY_IS_OUT):
            raise MemoryError(f"{_out_of_memory(error)}; {advice}, or use device='cpu'") from error
        reason = " ".join(str(error).split())
        raise OutsideError(
            f"CUDA failed ({reason}); restart Python, or use device='cpu'"
        ) from error


def _out_of_memory(error: Exception) -> str:
    free, total = memory(loaded_cupy())
    asked = getattr(error, "_size", None)  # unknown if the driver or cuBLAS raised it
    wanted = f"{gigabytes(asked)} were asked for and " if asked else ""
    return f"the GPU is out of memory: {wanted}{gigabytes(free)} of {gigabytes(total)} are free"


def gigabytes(nbytes: int) -> str:
    """Return a number of bytes as text: 1.50 GB, 2.3 MB or 7 kB."""
    for unit, size, digits in (("GB", 1e9, 2), ("MB", 1e6, 1)):
        if nbytes >= size:
            return f"{nbytes / size:.{digits}f} {unit}"
    return f"{nbytes / 1e3:.0f} kB"
