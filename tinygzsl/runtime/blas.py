"""Control of the number of threads of OpenBLAS, the BLAS in the wheels of NumPy and SciPy."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .forks import at_fork


class Library(NamedTuple):
    """A loaded library, and the functions that get and set its number of threads."""

    name: str
    get: Callable[[], int]
    set: Callable[[int], None]


class _Holders:
    """Counts the blocks that limit BLAS to one thread; keeps the numbers of threads before them.

    There is one instance, as the number of threads belongs to the process: the first block saves
    it, the last one restores it. The blocks are counted by thread, as the child of a fork goes on
    with those of one thread.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.blocks: Counter[int] = Counter()  # by threading.get_ident()
        self.before: dict[str, tuple[Library, int]] = {}

    def restore(self) -> None:
        """Give the libraries their numbers of threads back if no block is left."""
        if not self.blocks.total():
            self.blocks.clear()
            for library, count in self.before.values():
                library.set(count)
            self.before.clear()

    def acquire(self) -> None:
        """Let no other thread change anything until `release`."""
        self.lock.acquire()

    def release(self) -> None:
        """Undo `acquire`."""
        self.lock.release()

    def forked(self) -> None:
        """Forget, in the child of a fork, the blocks of threads that it doesn't have."""
        self.lock, me = threading.RLock(), threading.get_ident()
        self.blocks = Counter({me: self.blocks[me]})
        self.restore()


_holders = _Holders()
at_fork(_holders.acquire, _holders.release, in_child=_holders.forked)


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to the calling thread; blocks may nest, and may overlap in several threads."""
    with _holders.lock:
        _holders.blocks[threading.get_ident()] += 1
        for library in libraries():
            if library.name not in _holders.before:
                _holders.before[library.name] = library, library.get()
                library.set(1)
    try:
        yield
    finally:
        with _holders.lock:
            _holders.blocks[threading.get_ident()] -= 1
            _holders.restore()


def own_threads() -> int | None:
    """Return how many threads BLAS uses outside `one_thread`, or None if it isn't OpenBLAS."""
    with _holders.lock:
        held = {name: count for name, (_, count) in _holders.before.items()}
        counts = [held.get(library.name) or library.get() for library in libraries()]
    return max(counts, default=None)


def libraries() -> list[Library]:
    """Return the loaded OpenBLAS libraries: NumPy's and, after its import, SciPy's."""
    return list(_libraries_at(len(sys.modules)))


@lru_cache(1)  # only an import can load another library
def _libraries_at(modules: int) -> tuple[Library, ...]:
    found = []
    for path in sorted(_openblas_files()):
        try:
            library = ctypes.CDLL(str(path))  # already loaded: this returns its handle
        except OSError:
            continue
        names = [f"{a}openblas_%s_num_threads{b}" for a in ("scipy_", "") for b in ("64_", "")]
        for name in names:
            if hasattr(library, name % "set"):
                getter, setter = getattr(library, name % "get"), getattr(library, name % "set")
                found.append(Library(str(path), getter, setter))
                break
    return tuple(found)


def _openblas_files() -> set[Path]:
    """Return the OpenBLAS files loaded in the process (Linux), else those in the wheels."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        packages = [np, *(sys.modules[m] for m in ("scipy",) if m in sys.modules)]
        homes = [Path(str(package.__file__)).parent for package in packages]
        patterns = [(home.parent / f"{home.name}.libs", home / ".dylibs") for home in homes]
        return {f for folders in patterns for d in folders for f in d.glob("*openblas*")}
    paths = (line.split(maxsplit=5)[-1] for line in maps.splitlines())
    return {Path(p) for p in paths if "openblas" in Path(p).name.lower()}
