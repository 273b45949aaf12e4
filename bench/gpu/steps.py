"""A training step of the CWGAN or the VSMM, softmax and Adam, compared with PyTorch and JAX."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from types import ModuleType
from typing import Any

import exact
import precision
from notebook import Notebook
from precision import FLOAT32, TF32
from sizes import Sizes
from timing import Version, host_seconds, in_turns

from tinygzsl.benchmarks.versions import OURS, make_version
from tinygzsl.benchmarks.work_cwgan import OuterStep
from tinygzsl.benchmarks.work_kernels import AdamUpdate, Softmax
from tinygzsl.benchmarks.work_vsmm import VsmmStep
from tinygzsl.runtime.threads import default_threads

OURS_GPU, OURS_CPU = "ours", "ours on the CPU"
TF32_TOLERANCE = 2e-1  # of an update in TF32 (operands off by 2^-11); in float32: work.tolerance
LEAST_SECONDS, LEAST_TO_COMPILE = 8.0, 20.0  # seconds left that another version needs to start


@dataclass
class Bench:
    """The context of a part: CuPy, the sizes, the notebook, and results of earlier parts."""

    cupy: ModuleType
    sizes: Sizes
    book: Notebook
    files: str = ""  # a folder for files that later parts need
    kept: dict = field(default_factory=dict)  # medians in seconds, by (part, version)

    def wait(self) -> None:
        """Wait for the device."""
        self.cupy.cuda.Device().synchronize()


def named(name: str, how: str) -> str:
    """Return the name of a version in that precision."""
    return name if how == FLOAT32 else f"{name}, {how}"


def ours(bench: Bench, work: Any, how: str) -> tuple[Any, Version]:
    """Return our runner, with CuPy arrays, and its version."""
    runner = work.ours(bench.cupy)
    settings = partial(precision.of_cupy, how)
    return runner, Version(
        name=named(OURS_GPU, how), run=runner.run, wait=bench.wait, precision=settings
    )


def torch_version(bench: Bench, work: Any, how: str, kind: str) -> tuple[Any, Version]:
    """Return PyTorch's runner and its version; kind is eager, graph or compiled."""
    import peers_torch

    runner = peers_torch.runner(work)
    run = runner.run
    with precision.of_torch(how):
        if kind != "eager":
            run = {"graph": peers_torch.graphed, "compiled": peers_torch.compiled}[kind](runner)
    name = "PyTorch" if kind == "eager" else f"PyTorch {kind}"
    return runner, peers_torch.version(named(name, how), run, how)


def jax_version(bench: Bench, work: Any, how: str) -> tuple[Any, Version]:
    """Return JAX's jitted runner and its version."""
    import peers_jax

    of_kind = peers_jax.Softmax if work.kind == "softmax" else peers_jax.Training
    runner = of_kind(work)
    return runner, peers_jax.version(named("JAX", how), runner, how)


def cpu_version(work: Any) -> tuple[Any, Version]:
    """Return our runner on the CPU, with the library's default number of threads."""
    made = make_version(work, OURS, threads=default_threads())
    return made.runner, Version(
        name=OURS_CPU, run=made.runner.run, wait=lambda: None, precision=made.context
    )


@dataclass(frozen=True, kw_only=True)
class Which:
    """The versions to measure besides ours and PyTorch's in float32 (eager and graph)."""

    tf32: bool = True  # all of them in TF32 too
    jax_float32: bool = False  # JAX's default is TF32
    cpu: bool = False  # ours on the CPU


def makers(bench: Bench, work: Any, which: Which) -> list[dict]:
    """Return functions that make the versions, by name and in groups.

    Ours come first, so that faults of others don't lose its rows; JAX's come last, as compiling
    takes long.
    """
    hows = (FLOAT32, TF32) if which.tf32 else (FLOAT32,)
    own = {named(OURS_GPU, how): partial(ours, bench, work, how) for how in hows}
    of_torch: dict[str, Callable[[], tuple[Any, Version]]] = {}
    for kind in ("eager", "graph"):
        for how in hows:
            name = "PyTorch" if kind == "eager" else f"PyTorch {kind}"
            of_torch[named(name, how)] = partial(torch_version, bench, work, how, kind)
    jax_hows = [how for how in hows[::-1] if how == TF32 or which.jax_float32 or not which.tf32]
    of_jax = {named("JAX", how): partial(jax_version, bench, work, how) for how in jax_hows}
    return [own, of_torch, of_jax, {OURS_CPU: partial(cpu_version, work)} if which.cpu else {}]


def compare(bench: Bench, work: Any, which: Which) -> None:
    """Time all versions of the work in turns, after comparing their first run with float64.

    A version with a wrong result is not timed. The turns are repeated after another library has
    been compiled; earlier results are written before that starts.
    """
    book, sizes = bench.book, bench.sizes
    right = exact.result(work, bench.cupy)
    versions: list[Version] = []
    differences: dict[str, float] = {}

    def make(name: str, maker: Callable[[], tuple[Any, Version]]) -> None:
        runner, version = maker()
        with version.precision():
            version.run()
            version.wait()
        differences[name] = difference = float(work.difference(runner.result(), right))
        tolerance = TF32_TOLERANCE if TF32 in name else work.tolerance
        if not difference <= tolerance:
            raise RuntimeError(f"off by {difference:.2g} from float64, more than {tolerance:g}")
        versions.append(version)

    def write(of: list[Version], rounds: int, turn: float) -> None:
        for name, samples in in_turns(of, rounds, turn).items():
            bench.kept[book.part, name] = median(samples)
            book.row(name, [1e3 * s for s in samples], "ms", difference=differences[name])

    for group in makers(bench, work, which):
        before = len(versions)
        for name, maker in group.items():
            least = LEAST_TO_COMPILE if name.startswith("JAX") else LEAST_SECONDS
            if versions and book.left() < least:
                book.missing(name, "no time left")
            else:
                book.attempt(name, partial(make, name, maker))
        if OURS_CPU in group:  # timed separately, as its threads spin for a while
            write(versions[before:], min(sizes.rounds, 3), 0.0)
        elif len(versions) > before:
            write(versions, sizes.rounds, sizes.turn)
        if not before:
            write_host_time(bench, versions)


def write_host_time(bench: Bench, versions: list[Version]) -> None:
    """Write the time until run() returns, for our version."""
    for version in versions:
        if version.name == OURS_GPU:
            samples = [1e3 * s for s in host_seconds(version, bench.sizes.host_runs)]
            bench.book.row("ours, host time of a step", samples, "ms")


def release(bench: Bench) -> None:
    """Free the device's memory, which another library may need next."""
    bench.cupy.get_default_memory_pool().free_all_blocks()
    bench.book.fact("free_GB", round(bench.cupy.cuda.Device().mem_info[0] / 1e9, 2))


def cwgan(bench: Bench, batch: int) -> None:
    """Measure an outer step of the CWGAN: five steps of the critic, one of the generator."""
    most_common = batch <= 64
    work = OuterStep(batch=min(batch, bench.sizes.most_in_batch), **bench.sizes.cwgan)
    compare(bench, work, Which(jax_float32=most_common, cpu=most_common))
    release(bench)


def vsmm(bench: Bench) -> None:
    """Measure a step of the VSMM on as many samples as proxies."""
    compare(bench, VsmmStep(**bench.sizes.vsmm), Which(cpu=True))
    release(bench)


def softmax(bench: Bench) -> None:
    """Both losses of a row and their gradient."""
    compare(bench, Softmax(**bench.sizes.softmax), Which(tf32=False))
    release(bench)


def adam(bench: Bench) -> None:
    """Measure an update of as many parameters as the critic's first layer has."""
    compare(bench, AdamUpdate(**bench.sizes.adam), Which(tf32=False))
    release(bench)


def compiled(bench: Bench) -> None:
    """Measure the VSMM's step and the softmax with torch.compile, which takes a minute."""
    sizes, book = bench.sizes, bench.book
    for what, work in (
        ("VSMM step", lambda: VsmmStep(**sizes.vsmm)),
        ("softmax", lambda: Softmax(**sizes.softmax)),
    ):
        book.attempt(what, partial(_compiled, bench, what, work))
    release(bench)


def _compiled(bench: Bench, what: str, make_work: Callable[[], Any]) -> None:
    work, sizes = make_work(), bench.sizes
    right = exact.result(work, bench.cupy)
    versions: list[Version] = []
    differences: dict[str, float] = {}
    for runner, version in (
        ours(bench, work, FLOAT32),
        torch_version(bench, work, FLOAT32, "compiled"),
    ):
        with version.precision():
            version.run()
            version.wait()
        differences[version.name] = difference = float(work.difference(runner.result(), right))
        if not difference <= work.tolerance:
            raise RuntimeError(f"{version.name} is off by {difference:.2g} from float64")
        versions.append(version)
    for name, samples in in_turns(versions, sizes.rounds, sizes.turn).items():
        milliseconds = [1e3 * s for s in samples]
        bench.book.row(f"{what}, {name}", milliseconds, "ms", difference=differences[name])
