"""Runs CUDA kernels on the CPU, on NumPy memory: one fiber per CUDA thread, in a chosen order.

Stricter than CUDA: what is undefined or silently wrong there raises EmulatorError here.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from .compiler import FLAGS, EmulatorError, compile_engine, compile_kernels, kernel_names, why_not

__all__ = [
    "FLAGS",
    "EmulatorError",
    "Kernel",
    "Module",
    "flags",
    "only_block",
    "schedule",
    "why_not",
]

SCHEDULES = ("forward", "backward", "random")
LARGEST_GRID = (2**31 - 1, 65535, 65535)
LARGEST_BLOCK = (1024, 1024, 64)

_schedule: ContextVar[tuple[int, int]] = ContextVar("schedule", default=(0, 1))
_flags: ContextVar[str] = ContextVar("flags", default="plain")
_only_block: ContextVar[int] = ContextVar("only_block", default=-1)
_running = threading.Lock()  # an engine runs one launch at a time


@contextmanager
def schedule(order: str | int, seed: int = 1) -> Iterator[None]:
    """Runs warps, lanes and blocks in this order: a name of SCHEDULES or its number."""
    number = SCHEDULES.index(order) if isinstance(order, str) else range(len(SCHEDULES))[order]
    with _set(_schedule, (number, seed)):
        yield


@contextmanager
def flags(name: str) -> Iterator[None]:
    """Runs kernels as compiled with this entry of FLAGS."""
    if name not in FLAGS:
        raise ValueError(f"flags is {name!r}; use one of {', '.join(FLAGS)}")
    with _set(_flags, name):
        yield


@contextmanager
def only_block(number: int) -> Iterator[None]:
    """Runs this block of each grid and no other."""
    with _set(_only_block, number):
        yield


class Module:
    """CUDA C++ text, compiled for the CPU. Stands for cupy.RawModule.

    Compiles at once, so that errors show here, and again when a kernel is called under other flags.
    """

    def __init__(self, code: str):
        self.code = code
        self.names = kernel_names(code)
        self._libraries: dict[str, _Library] = {}
        self.library()

    def library(self) -> _Library:
        """The library for the current flags."""
        name = _flags.get()
        if name not in self._libraries:
            self._libraries[name] = _Library(compile_kernels(self.code, name), compile_engine(name))
        return self._libraries[name]

    def get_function(self, name: str) -> Kernel:
        """The kernel of this name."""
        if name not in self.names:
            raise EmulatorError(f"no kernel {name}; there are {', '.join(self.names)}")
        return Kernel(self, name)


class Kernel:
    """One kernel of a module. Stands for cupy.RawKernel."""

    def __init__(self, module: Module, name: str):
        self.module, self.name = module, name

    def __call__(self, grid: tuple, block: tuple, args: tuple, shared_mem: int = 0) -> None:
        """Runs the kernel over a grid on NumPy arrays and NumPy scalars."""
        try:
            shape = _shape("block", block, LARGEST_BLOCK) + _shape("grid", grid, LARGEST_GRID)
            _check_block(shape[:3])
            _check_only_block(shape[3:])
            if shared_mem != 0:
                raise EmulatorError(f"shared_mem is {shared_mem}; kernels have static memory only")
            self.module.library().run(self.name, shape, args)
        except EmulatorError as error:
            raise EmulatorError(f"{self.name}: {error}") from None


class _Library:
    """A compiled text and the engine that runs it."""

    def __init__(self, path: Path, engine: Path):
        self.functions = ctypes.CDLL(str(path))
        self.run_launch = ctypes.CDLL(str(engine)).emulator_run
        self.run_launch.restype = ctypes.c_char_p
        self.run_launch.argtypes = (
            *[ctypes.c_void_p] * 4,
            *[ctypes.c_int, ctypes.c_uint64, ctypes.c_int64],
        )

    def run(self, name: str, shape: tuple[int, ...], args: tuple) -> None:
        memory = _check_arguments(args, self._parameters(name))
        addresses = (ctypes.c_void_p * len(memory))(*(m.ctypes.data for m in memory))
        functions = (self._address(f"call_{name}"), self._address("shared_memory"))
        sizes = (ctypes.c_uint * 6)(*shape)
        with _running:
            error = self.run_launch(
                *functions, addresses, sizes, *_schedule.get(), _only_block.get()
            )
        if error is not None:
            raise EmulatorError(error.decode())

    def _address(self, name: str) -> ctypes.c_void_p:
        return ctypes.cast(self.functions[name], ctypes.c_void_p)

    def _parameters(self, name: str) -> list[tuple[str, str]]:
        """Kind (value, pointer or const pointer) and dtype of each parameter."""
        signature = self.functions[f"signature_{name}"]
        signature.restype = ctypes.POINTER(ctypes.c_char_p)
        words, found = signature(), []
        while words[2 * len(found)] is not None:
            kind, dtype = words[2 * len(found)], words[2 * len(found) + 1]
            found.append((kind.decode(), dtype.decode()))
        return found


@contextmanager
def _set(variable: ContextVar, value: object) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def _shape(what: str, given: tuple, largest: tuple[int, ...]) -> tuple[int, int, int]:
    if not isinstance(given, tuple) or not 1 <= len(given) <= 3:
        raise EmulatorError(f"{what} is {given!r}, not a tuple of one to three numbers")
    for size, limit in zip(given, largest, strict=False):
        if not isinstance(size, int) or not 1 <= size <= limit:
            raise EmulatorError(f"{what} is {given}: {size} is not an int from 1 to {limit}")
    return (*given, *(1,) * (3 - len(given)))


def _check_block(block: tuple[int, int, int]) -> None:
    threads = block[0] * block[1] * block[2]
    if threads > 1024:
        raise EmulatorError(f"block {block} has {threads} threads; CUDA allows 1024")
    if threads % 32 != 0:
        raise EmulatorError(f"block {block} has {threads} threads; kernels need whole warps of 32")


def _check_only_block(grid: tuple[int, int, int]) -> None:
    blocks, number = grid[0] * grid[1] * grid[2], _only_block.get()
    if number >= blocks:
        raise EmulatorError(f"only_block is {number}, but grid {grid} has {blocks} blocks")


def _check_arguments(args: tuple, parameters: list[tuple[str, str]]) -> list[np.ndarray]:
    """For each argument an array that holds what the kernel gets: a number or an address."""
    if len(args) != len(parameters):
        raise EmulatorError(f"{len(args)} arguments for {len(parameters)} parameters")
    memory = []
    for i, (value, (kind, dtype)) in enumerate(zip(args, parameters, strict=True)):
        try:
            is_scalar = kind == "value"
            memory.append(_scalar(value, dtype) if is_scalar else _pointer(value, kind, dtype))
        except EmulatorError as error:
            raise EmulatorError(f"argument {i}: {error}") from None
    return memory


def _scalar(value: object, dtype: str) -> np.ndarray:
    """A scalar's own bytes. CuPy hands over what it is given, without looking at the signature."""
    if not isinstance(value, np.generic):
        kind = type(value).__name__
        raise EmulatorError(f"{kind} for a parameter of type {dtype}; pass np.{dtype}(...)")
    if value.dtype != dtype:
        raise EmulatorError(f"{value.dtype} for a parameter of type {dtype}; pass np.{dtype}(...)")
    return np.array(value)


def _pointer(value: object, kind: str, dtype: str) -> np.ndarray:
    """A parameter's memory: the address of the array."""
    if not isinstance(value, np.ndarray):
        raise EmulatorError(f"{type(value).__name__} for a {kind} to {dtype}; pass an array")
    if value.dtype != dtype and not (value.dtype == bool and dtype == "uint8"):
        raise EmulatorError(f"an array of {value.dtype} for a {kind} to {dtype}")
    if not value.flags.c_contiguous:
        raise EmulatorError(f"an array of shape {value.shape} that is not C-contiguous")
    if kind == "pointer" and not value.flags.writeable:
        raise EmulatorError("a read-only array for a pointer that is not const")
    return np.array(value.ctypes.data, np.uint64)
