"""Compiles CUDA C++ text and the emulator's engine with g++, once per text and set of flags."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

HOST = Path(__file__).parent / "host"

FLAGS = {
    "plain": ("-O1", "-ffp-contract=off"),
    "fma": ("-O2", "-ffp-contract=fast", "-mfma"),
    "address": ("-O1", "-g", "-ffp-contract=off", "-fsanitize=address,undefined"),
    "thread": ("-O1", "-g", "-ffp-contract=off", "-fsanitize=thread"),
}
SANITIZERS = {"address": "libasan", "thread": "libtsan"}
# The engine itself is not instrumented, so that only the kernels' accesses to memory are seen.
# CuPy compiles with -ftz=true: with FMA the emulator flushes to zero as well.
ENGINE_FLAGS = {
    "fma": ("-DEMULATOR_FLUSH_TO_ZERO",),
    "address": ("-DEMULATOR_ADDRESS_SANITIZER",),
    "thread": ("-DEMULATOR_THREAD_SANITIZER",),
}
# CUDA compilers assume no strict aliasing; no function of the C library needs errno here.
COMMON = ("-std=c++20", "-fno-strict-aliasing", "-fno-math-errno")
SHARED = ("-shared", "-fPIC", "-fvisibility=hidden")

KERNEL = re.compile(
    r"__global__\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?void\s+"
    r"(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\("
)


class EmulatorError(RuntimeError):
    """A kernel that does not compile, or a launch that CUDA would refuse or that goes wrong."""


def why_not(flags: str = "plain") -> str | None:
    """None if kernels can be emulated here under these flags, else the reason and the fix."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        return f"the emulator needs Linux on x86-64, not {system} on {machine}"
    if shutil.which(compiler()[0]) is None:
        return f"{compiler()[0]} is not installed, so no kernel was emulated; install g++"
    if flags == "fma" and " fma " not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        return "this processor has no FMA instructions; run on one that has"
    return None


def compiler() -> list[str]:
    """The command of the C++ compiler: $CXX or g++."""
    return shlex.split(os.environ.get("CXX", "")) or ["g++"]


def kernel_names(code: str) -> list[str]:
    """The kernels of a text, in order."""
    return KERNEL.findall(code)


def compile_kernels(code: str, flags: str) -> Path:
    """The shared library of a text, from the cache or new."""
    if flags in SANITIZERS and SANITIZERS[flags] not in _loaded_libraries():
        raise EmulatorError(f"flags {flags!r} need a process started by sanitize.run")
    exports = "".join(f"EMULATOR_KERNEL({name})\n" for name in kernel_names(code))
    source = (
        f'#include "cuda.h"\n#line 1 "kernel.cu"\n{code}\n'
        f'#line 1 "launch"\n#include "launch.h"\n{exports}'
    )
    arguments = (*FLAGS[flags], "-w", f"-I{HOST}", "-x", "c++", "-", "-x", "none")
    return _compiled((*arguments, str(compile_engine(flags))), source)


def compile_engine(flags: str) -> Path:
    """The shared library of the engine, which all texts with these flags use."""
    files = map(str, sorted(HOST.glob("*.cpp")))
    return _compiled(("-O2", *ENGINE_FLAGS.get(flags, ()), *files))


def _compiled(arguments: tuple[str, ...], source: str = "") -> Path:
    """Compiles into the cache. Whoever finishes last replaces a file by its equal, in one step."""
    command = (*compiler(), *COMMON, *SHARED, *arguments)
    target = _cache() / f"{_key(source, *command, *_engine_text())}.so"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        command = (*command, "-o", str(made))
        done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EmulatorError("\n".join(_errors(done.stderr)))
        os.replace(made, target)
    return target


def _errors(text: str) -> list[str]:
    """The first lines that say what is wrong."""
    lines = [line for line in text.splitlines() if "error" in line or "undefined" in line]
    return (lines or text.splitlines())[:5]


def _cache() -> Path:
    """A folder that nobody else can write to: what lies there is loaded and run."""
    folder = Path(tempfile.gettempdir()) / f"tinygzsl-emulator-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise EmulatorError(f"others can write to {folder}; remove it")
    return folder


def _loaded_libraries() -> str:
    return Path("/proc/self/maps").read_text(encoding="utf-8")


@cache
def _engine_text() -> tuple[str, ...]:
    return tuple(file.read_text(encoding="utf-8") for file in sorted(HOST.iterdir()))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
