"""The number of threads of BLAS, where it is OpenBLAS (in every wheel of NumPy and SciPy)."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Library(NamedTuple):
    """A loaded library, and the functions that get and set its number of threads."""

    name: str
    get: Callable[[], int]
    set: Callable[[int], None]


class _Holders:
    """Who holds BLAS to one thread, and the numbers to go back to. There is one of it, as the
    number of threads belongs to the process: whoever comes first saves it, the last one restores.
    """

    def __init__(self):
        self.lock, self.count = threading.Lock(), 0
        self.before: dict[str, tuple[Library, int]] = {}


_holders = _Holders()


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS to the thread that calls it; blocks may nest, and overlap in several threads."""
    with _holders.lock:
        _holders.count += 1
        for library in libraries():
            if library.name not in _holders.before:
                _holders.before[library.name] = library, library.get()
                library.set(1)
    try:
        yield
    finally:
        with _holders.lock:
            _holders.count -= 1
            if not _holders.count:
                for library, count in _holders.before.values():
                    library.set(count)
                _holders.before.clear()


def own_threads() -> int | None:
    """How many threads BLAS takes when nobody holds it; None where that can't be told."""
    with _holders.lock:
        held = {name: count for name, (_, count) in _holders.before.items()}
        counts = [held.get(library.name) or library.get() for library in libraries()]
    return max(counts, default=None)


def libraries() -> list[Library]:
    """The OpenBLAS libraries that are loaded: NumPy's and, once it is imported, SciPy's."""
    return list(_libraries_at(len(sys.modules)))


@lru_cache(1)  # what is loaded changes with an import, if at all
def _libraries_at(modules: int) -> tuple[Library, ...]:
    found = []
    for path in sorted(_openblas_files()):
        try:
            library = ctypes.CDLL(str(path))  # loaded already, so this only finds it
        except OSError:
            continue
        names = [f"{a}openblas_%s_num_threads{b}" for a in ("scipy_", "") for b in ("64_", "")]
        for name in names:
            if hasattr(library, name % "set"):
                functions = getattr(library, name % "get"), getattr(library, name % "set")
                found.append(Library(str(path), *functions))
                break
    return tuple(found)


def _openblas_files() -> set[Path]:
    """Files of OpenBLAS in the process (Linux), or else where the wheels keep them."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        packages = [np, *(sys.modules[m] for m in ("scipy",) if m in sys.modules)]
        homes = [Path(package.__file__).parent for package in packages]
        patterns = [(home.parent / f"{home.name}.libs", home / ".dylibs") for home in homes]
        return {f for folders in patterns for d in folders for f in d.glob("*openblas*")}
    paths = (line.split(maxsplit=5)[-1] for line in maps.splitlines())
    return {Path(p) for p in paths if "openblas" in Path(p).name.lower()}
