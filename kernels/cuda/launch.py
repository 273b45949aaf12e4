"""Launches the CUDA kernels: compiles the .cu files when first needed, checks and packs arguments.

CuPy compiles with NVRTC and caches the result on disk. It checks no argument: a Python float, for
one, is passed as 8 bytes, and a kernel that expects 4 computes garbage. So every array is checked
against the declaration in the .cu file, and every scalar is packed by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

PRELUDES = {
    "float32": "typedef float real;\n#define REAL(name) name##f\n",
    "float64": "typedef double real;\n#define REAL(name) name\n",
}
OPTIONS = ("--std=c++17",)
WARP, LINES = 32, 8  # the usual block is (WARP, LINES)
THREADS = WARP * LINES
STRIP = 256  # rows whose columns a block sums
UNITS = 2  # hidden units of a warp in kernels/cuda/critic.cu
CONSTANTS = {"WARP": WARP, "LINES": LINES, "STRIP": STRIP, "UNITS": UNITS}
PACK = 4  # elements that a thread takes at a time, where it can
BLOCKS = 2048  # most blocks of a kernel whose threads walk through the data: fills any device
TYPES = {"int": "int32", "long long": "int64", "unsigned int": "uint32", "signed char": "int8"}


class Parameter(NamedTuple):
    """A kernel's parameter: its name, its dtype and whether it is an array of that."""

    name: str
    dtype: np.dtype
    is_array: bool


def source(file: str, dtype: str) -> str:
    """All the text of <file>.cu for float32 or float64: it includes nothing."""
    folder = Path(__file__).parent
    parts = [PRELUDES[dtype], *(f"#define {name} {n}\n" for name, n in CONSTANTS.items())]
    for name in ("common", file):
        parts += [f'#line 1 "{name}.cu"\n', (folder / f"{name}.cu").read_text(encoding="utf-8")]
    return "".join(parts)


@cache
def signatures(file: str, dtype: str) -> dict[str, list[Parameter]]:
    """The parameters of every kernel in <file>.cu, by name, as they are declared."""
    found = re.findall(r"__global__ void\s+(\w+)\(([^)]*)\)", source(file, dtype))
    return {name: [_parameter(p, dtype) for p in text.split(",")] for name, text in found}


def _parameter(text: str, dtype: str) -> Parameter:
    *kind, name = text.replace("*", " * ").split()
    words = " ".join(word for word in kind if word not in ("const", "*", "__restrict__"))
    return Parameter(name, np.dtype(TYPES.get(words, dtype)), "*" in kind)


def launch(file: str, kernel: str, grid: tuple, block: tuple, *args: Any) -> None:
    """Run a kernel of <file>.cu on the current stream.

    The first array of the kernel's `real` type decides between float32 and float64. A grid without
    blocks, for arrays without elements, runs nothing. Raises TypeError for an argument that doesn't
    suit the declaration and RuntimeError if the kernel can't be compiled.
    """
    import cupy

    dtype = next((str(a.dtype) for a in args if getattr(a, "ndim", 0) and a.dtype.kind == "f"), "")
    dtype = dtype if dtype in PRELUDES else "float32"
    parameters = signatures(file, dtype)[kernel]
    if len(args) != len(parameters):
        raise TypeError(f"{kernel} takes {len(parameters)} arguments but got {len(args)}")
    device = cupy.cuda.runtime.getDevice()
    packed = [
        _checked(kernel, p, a, cupy, device) if p.is_array else _packed(kernel, p, a)
        for p, a in zip(parameters, args, strict=True)
    ]
    if 0 not in grid:
        _compiled(cupy, file, kernel, dtype)(grid, block, tuple(packed))


def _checked(kernel: str, p: Parameter, a: Any, cupy: ModuleType, device: int) -> Any:
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


def _packed(kernel: str, p: Parameter, value: Any) -> np.generic:
    if p.dtype.kind in "iu" and not np.iinfo(p.dtype).min <= value <= np.iinfo(p.dtype).max:
        raise ValueError(f"{kernel}: {p.name} is {value}, too large for {p.dtype}; pass less data")
    return p.dtype.type(value)


@cache
def _compiled(cupy: ModuleType, file: str, kernel: str, dtype: str) -> Callable:
    try:
        return _module(cupy, file, dtype).get_function(kernel)
    except MemoryError:
        raise
    except Exception as error:  # the compiler's own type, or the driver's
        if "OUT_OF_MEMORY" in str(error):
            raise
        first = next((line for line in str(error).splitlines() if "error" in line), str(error))
        raise RuntimeError(
            f"kernel {kernel} of kernels/cuda/{file}.cu can't be compiled for this device "
            f"({' '.join(first.split())}); see `tinygzsl info`, or pass device='cpu'"
        ) from error


@cache
def _module(cupy: ModuleType, file: str, dtype: str) -> Any:
    return cupy.RawModule(code=source(file, dtype), options=OPTIONS)


def ceil_div(count: int, by: int) -> int:
    """How many groups of `by` hold count things."""
    return -(-count // by)


def warps(rows: int) -> tuple[tuple, tuple]:
    """Grid and block with a warp for each row."""
    return (ceil_div(rows, LINES),), (WARP, LINES)


def tiles(rows: int, columns: int, each: int = 1) -> tuple[tuple, tuple]:
    """Grid and block for a matrix, `each` columns a thread; threads may walk down the rows."""
    across = ceil_div(columns, WARP * each)
    down = min(ceil_div(rows, LINES), max(BLOCKS // max(across, 1), 1))
    return (across, down), (WARP, LINES)


def strips(rows: int, columns: int) -> tuple[tuple, tuple]:
    """Grid and block with a block for each STRIP rows, at least one, and 32 columns."""
    return (max(ceil_div(rows, STRIP), 1), ceil_div(columns, WARP)), (WARP, LINES)


def flat(count: int) -> tuple[tuple, tuple]:
    """Grid and block for count elements, PACK a thread at a time; threads may walk on."""
    return (min(ceil_div(count, THREADS * PACK), BLOCKS),), (THREADS,)
