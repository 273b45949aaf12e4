"""Routing a million samples: ours compared with PyTorch and JAX."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import exact
import numpy as np
import precision
from precision import FLOAT32, TF32
from steps import Bench, named, release
from timing import Version, in_turns

import tinygzsl as tz
from tinygzsl.benchmarks.work_route import Route
from tinygzsl.runtime.backend import to_host

DIFFERENT = {FLOAT32: 1e-3, TF32: 2e-2}  # share of labels that may differ from float64's
FEW_ROUNDS = 3


def route(bench: Bench) -> None:
    """Measure model.route of features on the device and of features on the host.

    The features are repetitions of the rows of the work, whose labels are compared with float64.
    """
    sizes, book, cupy = bench.sizes, bench.book, bench.cupy
    work = Route(**sizes.route)
    right = exact.result(work, cupy)
    rows = len(work.x)
    x = cupy.empty((sizes.route_rows, work.x.shape[1]), "float32")
    for at in range(0, sizes.route_rows, rows):
        x[at : at + rows] = cupy.asarray(work.x[: min(rows, sizes.route_rows - at)])
    model = on_the_device(work.model)
    differences: dict[str, float] = {}
    versions: list[Version] = []

    def keep(version: Version, result: Any, how: str) -> None:
        with version.precision():
            version.run()
            version.wait()
        label = np.asarray(result()[0])[:rows]
        differences[version.name] = difference = work.difference([label], right)
        if not difference <= DIFFERENT[how]:
            raise RuntimeError(f"{difference:.2g} of the labels are not those of float64")
        versions.append(version)

    def ours(features: Any, name: str, how: str) -> None:
        found = {}

        def run() -> None:
            unseen = work.classes[work.sizes["seen"] :]
            found["route"] = model.route(features, work.unseen_prototypes, unseen)

        settings = partial(precision.of_cupy, how)
        version = Version(name=named(name, how), run=run, wait=bench.wait, precision=settings)
        keep(version, lambda: [found["route"].label], how)

    def torch(how: str) -> None:
        import peers_torch

        runner = peers_torch.large_route(work, x)
        keep(peers_torch.version(named("PyTorch", how), runner.run, how), runner.result, how)

    def jax(how: str) -> None:
        import peers_jax

        runner = peers_jax.LargeRoute(work, x)
        keep(peers_jax.version(named("JAX", how), runner, how), runner.result, how)

    for how in (FLOAT32, TF32):
        book.attempt(named("ours", how), partial(ours, x, "ours", how))
        book.attempt(named("PyTorch", how), partial(torch, how))
        book.attempt(named("JAX", how), partial(jax, how))
    timed(bench, versions, differences)
    versions.clear()
    host = "ours, features on the host"
    if book.left() < 15:
        book.missing(host, "no time left")
    elif book.attempt(host, lambda: ours(to_host(x), host, FLOAT32)):
        timed(bench, versions, differences)
    release(bench)


def timed(bench: Bench, versions: list[Version], differences: dict[str, float]) -> None:
    """Time the versions and write a row for each."""
    rounds = min(FEW_ROUNDS, bench.sizes.rounds)
    for name, samples in in_turns(versions, rounds, 0.0).items():
        milliseconds = [1e3 * s for s in samples]
        bench.book.row(name, milliseconds, "ms", difference=differences[name])


def on_the_device(model: tz.EntropySeparationGZSL) -> tz.EntropySeparationGZSL:
    """The model with its arrays on the GPU."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        model.save(path)
        return tz.load_model(path, device="cuda")
