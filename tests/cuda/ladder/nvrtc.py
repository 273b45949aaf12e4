"""NVRTC through ctypes alone: compiles for any architecture, without a driver and without CuPy."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

CUPY_OPTIONS = ("-ftz=true", "--device-as-default-execution-space")  # which CuPy adds
REPORT = re.compile(
    r"entry function '(\w+)' for.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
    r"(\d+) bytes spill loads.*?Used (\d+) registers(?:[^\n]*?(\d+) bytes smem)?",
    re.DOTALL,
)


class Resources(NamedTuple):
    """Registers of a thread, bytes of spills, stack and shared memory, as the assembler says."""

    registers: int
    spills: int
    stack: int
    shared: int


def why_not() -> str | None:
    """None where NVRTC is there, else the reason as a sentence."""
    if _library_path() is None:
        return (
            "NVRTC is not installed, so no kernel was compiled for a GPU; "
            "pip install 'nvidia-cuda-nvrtc-cu12>=12.8'"
        )
    return None


def _library_path() -> Path | None:
    try:
        spec = find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations] if spec else []
    return next((p for folder in folders for p in folder.glob("lib/libnvrtc.so.12")), None)


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(str(_library_path()))


def compile_text(code: str, architecture: int, options: tuple[str, ...]) -> dict[str, Resources]:
    """Machine code for sm_<architecture>; the resources of every kernel in it, by name.

    Raises RuntimeError with the compiler's log.
    """
    nvrtc, program = _library(), ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"kernels.cu", 0, None, None)
    try:
        flags = (f"--gpu-architecture=sm_{architecture}", "--ptxas-options=-v", *options)
        array = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
        failed = nvrtc.nvrtcCompileProgram(program, len(flags), array)
        log = _log(program)
        if failed:
            raise RuntimeError(log)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    found = {}
    for name, stack, stores, loads, registers, shared in REPORT.findall(log):
        spills = int(stores) + int(loads)
        found[name] = Resources(int(registers), spills, int(stack), int(shared or 0))
    return found


def _log(program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    _library().nvrtcGetProgramLogSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    _library().nvrtcGetProgramLog(program, text)
    return text.value.decode()
