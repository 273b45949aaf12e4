"""The GPU's memory: where features lie, how they get there, and what to say when it is full.

On the CPU all of this is plain NumPy. Features that don't fit on the GPU lie in pinned memory of
the host: the GPU reads it over the bus by the same pointers as its own, so kernels need no change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import ModuleType

import numpy as np

from .. import kernels
from ..runtime.backend import Array, array_module, loaded_cupy, to_device
from ..text import warn

SHARE = 0.75  # of the free memory, at most, for one array of features; the rest is for networks
MEMORY_IS_OUT = (  # what the driver, the runtime and cuBLAS call it
    "CUDA_ERROR_OUT_OF_MEMORY",
    "cudaErrorMemoryAllocation",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
FREE_SOME = "end other programs that use it (see nvidia-smi)"  # where no setting would help
BLOCK_VALUES = 1 << 26  # values of a block (256 MB of float32): what is computed on at once


def memory(cupy: ModuleType) -> tuple[int, int]:
    """Bytes of the current device that can be had, with what CuPy's pool keeps, and all its bytes.

    A limit of the pool counts as the device's (CUPY_GPU_MEMORY_LIMIT sets one).
    """
    free, total = cupy.cuda.Device().mem_info
    pool = cupy.get_default_memory_pool()
    free, limit = free + pool.free_bytes(), pool.get_limit() or total
    return max(min(free, limit - pool.used_bytes()), 0), min(total, limit)


def empty_features(shape: tuple[int, int], dtype: str, xp: ModuleType) -> Array:
    """An array for features: of the device where it takes at most SHARE of what is free there,
    else of pinned memory.

    Raises MemoryError if the host hasn't got that much either.
    """
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    if xp is np or nbytes <= SHARE * memory(xp)[0]:
        return xp.empty(shape, dtype)
    try:
        pinned = xp.cuda.PinnedMemory(nbytes)  # CuPy's pool would round up to a power of two
    except xp.cuda.runtime.CUDARuntimeError as error:
        raise MemoryError(
            f"{gigabytes(nbytes)} of features fit neither on the GPU nor in pinned memory of the "
            f"host ({error}); use device='cpu' or fewer samples"
        ) from error
    device = xp.cuda.Device().id
    owned = xp.cuda.UnownedMemory(pinned.ptr, nbytes, pinned, device)
    return xp.ndarray(shape, dtype, xp.cuda.MemoryPointer(owned, 0))


def is_pinned(x: Array) -> bool:
    """Whether x is an array of empty_features, or a view of one, in pinned memory."""
    xp = array_module(x)
    return xp is not np and isinstance(x.data.mem, xp.cuda.UnownedMemory)


def warn_if_pinned(name: str, x: Array) -> None:
    """Say that the GPU is too small for x (n, d), and what that costs."""
    if is_pinned(x):
        free, _ = memory(array_module(x))
        warn(
            f"{name} takes {gigabytes(x.nbytes)}, more than {SHARE:.0%} of the {gigabytes(free)} "
            "that are free on the GPU, so it stays in the host's memory and batches are read over "
            "the bus, which is slower"
        )


def take_rows(x: Array, rows: np.ndarray) -> Array:
    """A copy of the rows (n,) of x (N, d), where empty_features puts it, which it says."""
    xp = array_module(x)
    if xp is np:
        return x[rows]
    out = empty_features((rows.size, x.shape[1]), x.dtype, xp)
    warn_if_pinned("the part of X that trains the PTC", out)
    return kernels.gather_rows(x, xp.asarray(rows), out)


def blocks(x: Array) -> Iterator[tuple[slice, Array]]:
    """Slices of rows and these rows of x (n, d), in order and at most BLOCK_VALUES at once.

    A product reads its input many times, so rows in pinned memory are copied to the device.
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
    """Copies chunks of host arrays to the device by way of two pinned buffers in turn.

    While the device works on one chunk the host fills the buffer of the next one. A buffer is
    filled again only when its copy is done.
    """

    def __init__(self, cupy: ModuleType, values: int, dtype: str):
        self.cupy, self.dtype, self.turn = cupy, np.dtype(dtype), 0
        pinned = [cupy.cuda.alloc_pinned_memory(values * self.dtype.itemsize) for _ in range(2)]
        self.buffers = [np.frombuffer(p, self.dtype, values) for p in pinned]
        self.copied = [cupy.cuda.Event(disable_timing=True) for _ in range(2)]

    def upload(self, x: np.ndarray) -> Array:
        """x, of at most `values` values, as a new array of the device."""
        self.turn = 1 - self.turn
        buffer, copied = self.buffers[self.turn][: x.size].reshape(x.shape), self.copied[self.turn]
        copied.synchronize()  # returns at once before the first copy
        with np.errstate(over="ignore"):  # check_finite reports what a dtype cannot hold
            buffer[...] = x
        out = self.cupy.empty(x.shape, self.dtype)
        out.set(buffer)
        copied.record()
        return out

    def __del__(self):
        """Wait for the last copies: CuPy gives pinned memory that is free to the next who asks."""
        with suppress(Exception):  # a device that has failed, or Python at its end
            for copied in self.copied:
                copied.synchronize()


def uploader(x: Array, values: int, xp: ModuleType, dtype: str) -> Callable[[Array], Array]:
    """A function that takes chunks of x, of at most that many values, to module xp as dtype."""
    if xp is np or array_module(x) is xp:
        return partial(to_device, xp=xp, dtype=dtype)
    return Staging(xp, values, dtype).upload


@contextmanager
def device_errors(advice: str) -> Iterator[None]:
    """Turn the errors of CuPy, the driver and cuBLAS into one sentence: MemoryError, with the
    advice, where the GPU's memory has run out, else RuntimeError.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if type(error).__module__.partition(".")[0] not in ("cupy", "cupy_backends"):
            raise
        if isinstance(error, MemoryError) or any(name in str(error) for name in MEMORY_IS_OUT):
            raise MemoryError(f"{_out_of_memory(error)}; {advice}, or use device='cpu'") from error
        reason = " ".join(str(error).split())
        raise RuntimeError(
            f"CUDA failed ({reason}); start Python again, or use device='cpu'"
        ) from error


def _out_of_memory(error: Exception) -> str:
    free, total = memory(loaded_cupy())
    asked = getattr(error, "_size", None)  # the driver and cuBLAS don't tell
    wanted = f"{gigabytes(asked)} were asked for and " if asked else ""
    return f"the GPU is out of memory: {wanted}{gigabytes(free)} of {gigabytes(total)} are free"


def gigabytes(nbytes: int) -> str:
    """Bytes as 1.50 GB, 2.3 MB or 7 kB."""
    for unit, size, digits in (("GB", 1e9, 2), ("MB", 1e6, 1)):
        if nbytes >= size:
            return f"{nbytes / size:.{digits}f} {unit}"
    return f"{nbytes / 1e3:.0f} kB"
