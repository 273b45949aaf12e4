"""Launches the CUDA kernels: compiles the .cu files on first use, checks and packs the arguments.

CuPy compiles with NVRTC and caches the result on disk. It doesn't check arguments: a Python float,
for example, is passed as 8 bytes, and a kernel that expects 4 bytes reads wrong values. So every
array is checked against the declaration in the .cu file, and every scalar is converted to the
declared type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError, OutsideError
from ...runtime.array import CuPy

Dimensions = tuple[int, ...]  # of a grid in blocks, or of a block in threads
PRELUDES = {
    "float32": "typedef float real;\n#define REAL(name) name##f\n",
    "float64": "typedef double real;\n#define REAL(name) name\n",
}
OPTIONS = ("--std=c++17",)
WARP, LINES = 32, 8  # the usual block is (WARP, LINES)
THREADS = WARP * LINES
STRIP = 256  # rows that a block sums, column by column
UNITS = 2  # hidden units of a warp in kernels/cuda/critic.cu
CONSTANTS = {"WARP": WARP, "LINES": LINES, "STRIP": STRIP, "UNITS": UNITS}
PACK = 4  # elements that a thread processes at a time if they are aligned
BLOCKS = 2048  # maximum blocks of a kernel whose threads loop over the data: fills any device
SINGLE = np.dtype("float32")
TYPES = {"int": "int32", "long long": "int64", "unsigned int": "uint32", "signed char": "int8"}


class Parameter(NamedTuple):
    """A kernel's parameter: its name, its dtype and whether it is an array of that dtype.

    For a scalar parameter, pack(value) converts a value to the dtype; it raises ValueError for an
    integer out of range.
    """

    name: str
    dtype: np.dtype[Any]
    is_array: bool
    pack: Callable[[Any], np.generic]


class Versions(NamedTuple):
    """A kernel's parameters by dtype, with the name of `real`; their number; the positions of the
    `real` arrays among them.
    """

    by_dtype: dict[np.dtype[Any], tuple[str, list[Parameter]]]
    arguments: int
    reals: list[int]


def source(file: str, dtype: str) -> str:
    """The complete source of <file>.cu for float32 or float64; it has no #include."""
    folder = Path(__file__).parent
    parts = [PRELUDES[dtype], *(f"#define {name} {n}\n" for name, n in CONSTANTS.items())]
    for name in ("common", file):
        parts += [f'#line 1 "{name}.cu"\n', (folder / f"{name}.cu").read_text(encoding="utf-8")]
    return "".join(parts)


@cache
def signatures(file: str, dtype: str) -> dict[str, list[Parameter]]:
    """The parameters of every kernel in <file>.cu, by name, as they are declared."""
    found = re.findall(r"__global__ void\s+(\w+)\(([^)]*)\)", source(file, dtype))
    return {name: [_parameter(name, p, dtype) for p in text.split(",")] for name, text in found}


def _parameter(kernel: str, text: str, dtype: str) -> Parameter:
    *kind, name = text.replace("*", " * ").split()
    words = " ".join(word for word in kind if word not in ("const", "*", "__restrict__"))
    parameter = np.dtype(TYPES.get(words, dtype))
    return Parameter(name, parameter, "*" in kind, _packer(kernel, name, parameter))


def _packer(kernel: str, name: str, dtype: np.dtype[Any]) -> Callable[[Any], np.generic]:
    """Cached, since NumPy scalars are slow to create and most values repeat at every step."""
    low, high = -np.inf, np.inf
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)

    @lru_cache(maxsize=256)
    def pack(value: Any) -> np.generic:
        if dtype.kind in "iu" and not low <= value <= high:
            raise InputError(f"{kernel}: {name} is {value}, too large for {dtype}; pass less data")
        return dtype.type(value)

    return pack


@cache
def _versions(file: str, kernel: str) -> Versions:
    """Looked up at every launch; the key is the dtype, as a dtype's name is slow to compute."""
    by_dtype = {np.dtype(t): (t, signatures(file, t)[kernel]) for t in PRELUDES}
    single, double = (parameters for _, parameters in by_dtype.values())
    pairs = enumerate(zip(single, double, strict=True))
    reals = [at for at, (s, d) in pairs if s.is_array and s.dtype != d.dtype]
    return Versions(by_dtype, len(single), reals)


def launch(file: str, kernel: str, grid: Dimensions, block: Dimensions, *args: Any) -> None:
    """Run a kernel of <file>.cu on the current stream.

    The first array of the kernel's `real` type decides between float32 and float64. If the arrays
    are empty, the grid has no blocks and nothing runs. Raises TypeError for an argument that
    doesn't match the declaration and RuntimeError if the kernel can't be compiled.
    """
    import cupy

    versions = _versions(file, kernel)
    if len(args) != versions.arguments:
        raise TypeError(f"{kernel} takes {versions.arguments} arguments but got {len(args)}")
    chosen = SINGLE
    for at in versions.reals:
        given = getattr(args[at], "dtype", None)
        if given in versions.by_dtype:
            chosen = given
            break
    dtype, parameters = versions.by_dtype[chosen]
    device, ndarray, packed = cupy.cuda.runtime.getDevice(), cupy.ndarray, []
    for p, a in zip(parameters, args, strict=True):
        if not p.is_array:
            packed.append(p.pack(a) if a else p.dtype.type(a))  # -0.0 == 0.0: zeros aren't cached
        elif (
            isinstance(a, ndarray)
            and a.dtype is p.dtype
            and a.flags.c_contiguous
            and a.data.device_id == device
        ):
            packed.append(a)
        else:
            packed.append(_checked(kernel, p, a, cupy, device))
    if 0 not in grid:
        _compiled(cupy, file, kernel, dtype)(grid, block, tuple(packed))


def _checked(kernel: str, p: Parameter, a: Any, cupy: CuPy, device: int) -> Any:
    if not isinstance(a, cupy.ndarray):
        raise TypeError(f"{kernel}: {p.name} is a {type(a).__name__}; move it with to_device")
    if a.dtype != p.dtype:
        raise TypeError(f"{kernel}: {p.name} is {a.dtype} but {p.dtype} was expected; convert it")
    if not a.flags.c_contiguous:
        raise TypeError(f"{kernel}: {p.name} is not C-contiguous; pass ascontiguousarray of it")
    if a.data.device_id != device:
        raise TypeError(
            f"{kernel}: {p.name} lies on device {a.data.device_id} but the current one is "
            f"{device}; keep all arrays on one device"
        )
    return a


@cache
def _compiled(
    cupy: CuPy, file: str, kernel: str, dtype: str
) -> Callable[[Dimensions, Dimensions, tuple[Any, ...]], None]:
    try:
        return _module(cupy, file, dtype).get_function(kernel)
    except MemoryError:
        raise
    except Exception as error:  # an exception type of the compiler or of the driver
        if "OUT_OF_MEMORY" in str(error):
            raise
        first = next((line for line in str(error).splitlines() if "error" in line), str(error))
        raise OutsideError(
            f"kernel {kernel} of kernels/cuda/{file}.cu can't be compiled for this device "
            f"({' '.join(first.split())}); see `tinygzsl info`, or pass device='cpu'"
        ) from error


@cache
def _module(cupy: CuPy, file: str, dtype: str) -> Any:
    return cupy.RawModule(code=source(file, dtype), options=OPTIONS)


def ceil_div(count: int, by: int) -> int:
    """count / by, rounded up."""
    return -(-count // by)


def warps(rows: int) -> tuple[Dimensions, Dimensions]:
    """Grid and block with a warp for each row."""
    return (ceil_div(rows, LINES),), (WARP, LINES)


def tiles(rows: int, columns: int, each: int = 1) -> tuple[Dimensions, Dimensions]:
    """Grid and block for a matrix, `each` columns per thread; a thread may loop over rows."""
    across = ceil_div(columns, WARP * each)
    down = min(ceil_div(rows, LINES), max(BLOCKS // max(across, 1), 1))
    return (across, down), (WARP, LINES)


def strips(rows: int, columns: int) -> tuple[Dimensions, Dimensions]:
    """Grid and block with one block per STRIP rows and 32 columns; at least one block of rows."""
    return (max(ceil_div(rows, STRIP), 1), ceil_div(columns, WARP)), (WARP, LINES)


def flat(count: int) -> tuple[Dimensions, Dimensions]:
    """Grid and block for count elements, PACK at a time per thread; a thread may loop."""
    return (min(ceil_div(count, THREADS * PACK), BLOCKS),), (THREADS,)
