"""What a training step asks of a GPU: launches, bytes and operations, counted on the stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from tinygzsl.cwgan import CWGAN
from tinygzsl.kernels.cuda import launch
from tinygzsl.settings import settings_for
from tinygzsl.vsmm import train_vsmm

from . import emulator, standin

IN_PLACE = {"adam_update": "pmv", "bias_activation": "s", "critic_epilogue": "s"} | {
    "gradient_penalty": "g",
    "negative_distances": "products",
}
GATHERED = "gather_rows"  # reads the rows that it writes, not all of x


class Work(NamedTuple):
    """Launches, bytes moved, operations, and the copies and waits of the host in a step."""

    launches: list
    bytes: int
    flops: int
    host_copies: int
    waits: list

    def seconds(self, bandwidth: float, peak: float) -> float:
        """The roofline: each launch takes the longer of its bytes and its operations."""
        return sum(max(b / bandwidth, f / peak) for _, b, f in self.launches)


@contextmanager
def only_random_kernels() -> Iterator[None]:
    """Emulate the kernels that draw numbers alone: how much there is to do depends on no other."""
    whole = emulator.Kernel.__call__

    def run(self, grid, block, args, shared_mem=0):
        if self.name.startswith("philox"):
            whole(self, grid, block, args, shared_mem)

    emulator.Kernel.__call__ = run
    try:
        yield
    finally:
        emulator.Kernel.__call__ = whole


def cwgan_step(cupy: ModuleType, d: int, h: int, k: int, classes: int, batch: int) -> Work:
    """An outer step of the CWGAN in float32: five of the critic, one of the generator."""
    x, y, prototypes = _data(cupy, 2 * batch, d, k, classes)
    hidden = {"gan_generator_hidden": (h,), "gan_critic_hidden": (h,), "gan_batch": batch}
    gan = CWGAN(cupy, d=d, k=k, settings=settings_for("paper", hidden), seed=0, dtype="float32")
    return _counted(cupy, lambda: gan.train_step(x, y, prototypes))


def vsmm_step(cupy: ModuleType, d: int, m: int, k: int, classes: int, batch: int) -> Work:
    """A step of the VSMM in float32, half of its samples proxies: the second of two in an epoch."""
    x, y, prototypes = _data(cupy, 2 * batch, d, k, classes)
    settings = settings_for("paper", {"vsmm_latent": m, "vsmm_batch": batch, "vsmm_epochs": 1})
    marks: list[tuple] = []
    with standin.recorded(cupy) as log, suppress(FloatingPointError):  # kernels may not have run

        def mark(*step: object) -> None:
            marks.append(_sizes(log))

        train_vsmm(x, y, prototypes, x, settings, seed=0, callback=mark)
    return _between(log, *marks)


def _data(cupy: ModuleType, n: int, d: int, k: int, classes: int) -> tuple:
    rng = np.random.default_rng(0)
    x, prototypes = (rng.random(shape, dtype=np.float32) for shape in ((n, d), (classes, k)))
    return cupy.asarray(x), cupy.asarray(rng.integers(0, classes, n)), cupy.asarray(prototypes)


def _counted(cupy: ModuleType, step: Callable) -> Work:
    step()  # the first one compiles
    with standin.recorded(cupy) as log:
        start = _sizes(log)
        step()
        return _between(log, start, _sizes(log))


def _sizes(log: standin.Log) -> tuple[int, int, int]:
    return len(log.launches), len(log.to_device) + len(log.to_host), len(log.syncs)


def _between(log: standin.Log, start: tuple, end: tuple) -> Work:
    launches = [(e.name, *_bytes_and_flops(e)) for e in log.launches[start[0] : end[0]]]
    moved, flops = (sum(entry[i] for entry in launches) for i in (1, 2))
    return Work(launches, moved, flops, end[1] - start[1], log.syncs[start[2] : end[2]])


def _bytes_and_flops(entry: standin.Launch) -> tuple[int, int]:
    if not entry.arrays:
        return entry.bytes_read + entry.bytes_written, entry.flops
    sizes = dict(zip(_array_names()[entry.name], entry.arrays, strict=True))
    if entry.name == GATHERED:
        sizes["x"] = sizes["out"]
    return sum(sizes.values()) + sum(sizes[name] for name in IN_PLACE.get(entry.name, ())), 0


def _array_names() -> dict[str, list[str]]:
    names = {}
    for path in Path(launch.__file__).parent.glob("*.cu"):
        for kernel, parameters in launch.signatures(path.stem, "float32").items():
            names[kernel] = [p.name for p in parameters if p.is_array]
    return names
