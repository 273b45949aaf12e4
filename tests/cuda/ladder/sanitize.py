"""Runs a Python script whose kernels are compiled with a sanitizer, in a process of its own.

A sanitizer has to be loaded before everything else, so the process starts with it preloaded; then
``python -m ladder.sanitize KIND SCRIPT ...`` runs the script under these flags of the emulator.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from . import emulator
from .compiler import compiler

LIBRARIES = {"thread": "libtsan.so", "address": "libasan.so"}
OPTIONS = {
    "TSAN_OPTIONS": "exitcode=66",
    "ASAN_OPTIONS": "exitcode=66:detect_leaks=0",  # Python never frees all it has
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
MARKS = ("WARNING: ThreadSanitizer", "ERROR: AddressSanitizer", ": runtime error: ")
REPORT_LINES = 20


class Result(NamedTuple):
    """Whether the sanitizer found something, the first lines of its report, and all output."""

    found: bool
    report: str
    output: str


def run(kind: str, script: str | Path, *args: str) -> Result:
    """Runs a script with "thread" or "address" sanitizer.

    Raises RuntimeError when the script fails and the sanitizer has nothing to say.
    """
    if why := why_not(kind):
        raise RuntimeError(why)
    done = _python(kind, _prefix(kind), "-m", "ladder.sanitize", kind, str(script), *args)
    lines = done.stdout.splitlines()
    marked = [i for i, line in enumerate(lines) if any(mark in line for mark in MARKS)]
    if done.returncode and not marked:
        raise RuntimeError(f"{script} failed: " + "\n".join(lines[-5:]))
    report = lines[marked[0] : marked[0] + REPORT_LINES] if marked else []
    return Result(bool(marked), "\n".join(report), done.stdout)


@cache
def why_not(kind: str) -> str | None:
    """None if this sanitizer works here, else the reason and the fix."""
    if why := emulator.why_not():
        return why
    if _library(kind) is None:
        return f"{LIBRARIES[kind]} is not installed; install the sanitizers of {compiler()[0]}"
    if _prefix(kind) is None:
        return (
            f"{LIBRARIES[kind]} does not start here, also not with fixed addresses (setarch -R); "
            "lower vm.mmap_rnd_bits to 28"
        )
    return None


@cache
def _library(kind: str) -> str | None:
    """Where the compiler keeps the sanitizer; it prints a bare name for what it does not have."""
    command = (*compiler(), f"-print-file-name={LIBRARIES[kind]}")
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return found if Path(found).is_absolute() else None


@cache
def _prefix(kind: str) -> tuple[str, ...] | None:
    """What has to stand before the command: sanitizers may need fixed addresses."""
    prefixes = [()]
    if setarch := shutil.which("setarch"):
        prefixes.append((setarch, "-R"))
    for prefix in prefixes:
        if _python(kind, prefix, "-c", "pass").returncode == 0:
            return prefix
    return None


def _python(kind: str, prefix: tuple[str, ...], *args: str) -> subprocess.CompletedProcess:
    path = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    preload = {"LD_PRELOAD": _library(kind), "PYTHONPATH": os.pathsep.join(path)}
    return subprocess.run(
        (*prefix, sys.executable, *args),
        env={**os.environ, **OPTIONS, **preload},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _main(kind: str, script: str, *args: str) -> None:
    del os.environ["LD_PRELOAD"]  # the compiler needs no sanitizer
    sys.argv = [script, *args]
    with emulator.flags(kind):
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    _main(*sys.argv[1:])
