"""The machine's limits: the peak of a matrix product and the bandwidth of a copy; its name."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from ..runtime.blas import libraries
from ..runtime.matmul import matmul
from ..runtime.threads import default_threads, split, workers
from ..version import __version__

PAUSE = 0.15  # seconds; a library's threads spin for about 0.1 s after its last call
# Variables that change the speed of a product or of compiled code.
ENVIRONMENT = re.compile("(OPENBLAS|OMP|GOMP|KMP|MKL|ATEN|XLA|NUMBA)_[A-Z0-9_]+")
PEAK_ORDER, COPY_BYTES = 2048, 1 << 28


class Machine(NamedTuple):
    """The measured limits with a number of threads.

    peak is in operations per second (a multiply-add is two), bandwidth in bytes per second, read
    and written.
    """

    peak: float
    bandwidth: float
    threads: int


@contextmanager
def blas_threads(threads: int) -> Iterator[None]:
    """Let BLAS use that many threads of its own, as NumPy does without this library's workers."""
    blas = libraries()
    before = [library.get() for library in blas]
    try:
        for library in blas:
            library.set(threads)
        yield
    finally:
        for library, count in zip(blas, before, strict=True):
            library.set(count)


def measure_machine(
    threads: int | None = None,
    *,
    repeat: int = 5,
    order: int = PEAK_ORDER,
    copy_bytes: int = COPY_BYTES,
) -> Machine:
    """Return the limits: the fastest of `repeat` square float32 products, and of `repeat` copies.

    The product is split once by this library and once by BLAS; the faster one counts.
    """
    threads = threads or default_threads()
    a = np.random.default_rng(0).random((order, order), dtype=np.float32)
    b, out = a.T.copy(), np.empty_like(a)
    source = np.ones(copy_bytes // 4, np.float32)
    target = np.zeros_like(source)

    with workers(threads):
        product = _fastest(lambda: matmul(a, b, out=out), repeat)
        copied = _fastest(
            lambda: split(lambda i, j: np.copyto(target[i:j], source[i:j]), source.size), repeat
        )
    with blas_threads(threads):
        whole = _fastest(lambda: np.matmul(a, b, out=out), repeat)
    return Machine(2 * order**3 / min(product, whole), 2 * source.nbytes / copied, threads)


def _fastest(function: Callable[[], object], repeat: int) -> float:
    """Return the least seconds of a call, after an uncounted one."""
    time.sleep(PAUSE)
    function()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def description() -> dict[str, Any]:
    """Return facts of the machine: processor, cores, system, package versions, environment.

    The environment has only variables that change the speed.
    """
    versions: dict[str, str | None] = {"tinygzsl": __version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "numba", "torch", "jax"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
        "environment": {k: v for k, v in os.environ.items() if ENVIRONMENT.fullmatch(k)},
    }


def cpu_model() -> str:
    """Return the processor's name from the system."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = [line for line in file if line.startswith("model name")]
    except OSError:
        lines = []
    name = lines[0].partition(":")[2].strip() if lines else platform.processor()
    return name or platform.machine()
