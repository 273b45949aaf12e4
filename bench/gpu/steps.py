"""A training step of the CWGAN or the VSMM, softmax and Adam: ours beside PyTorch and JAX."""

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

from tinygzsl.benchmarks.compare import OURS, make_version
from tinygzsl.benchmarks.work_cwgan import OuterStep
from tinygzsl.benchmarks.work_kernels import AdamUpdate, Softmax
from tinygzsl.benchmarks.work_vsmm import VsmmStep
from tinygzsl.runtime.threads import default_threads

OURS_GPU, OURS_CPU = "ours", "ours on the CPU"
TF32_TOLERANCE = 2e-1  # of an update, whose operands are off by 2^-11; in float32 the work says it
LEAST_SECONDS, LEAST_TO_COMPILE = 8.0, 20.0  # that a part must have left for another version


@dataclass
class Bench:
    """What a part has at hand: CuPy, the sizes, where to write, what earlier parts have left."""

    cupy: ModuleType
    sizes: Sizes
    book: Notebook
    files: str = ""  # a folder for what parts leave to each other
    kept: dict = field(default_factory=dict)  # medians in seconds, by (part, version)

    def wait(self) -> None:
        """Wait for the device."""
        self.cupy.cuda.Device().synchronize()


def named(name: str, how: str) -> str:
    """The name of a version in that precision."""
    return name if how == FLOAT32 else f"{name}, {how}"


def ours(bench: Bench, work: Any, how: str) -> tuple[Any, Version]:
    """Our runner, with arrays of CuPy, and its version."""
    runner = work.ours(bench.cupy)
    settings = partial(precision.of_cupy, how)
    return runner, Version(
        name=named(OURS_GPU, how), run=runner.run, wait=bench.wait, precision=settings
    )


def torch_version(bench: Bench, work: Any, how: str, kind: str) -> tuple[Any, Version]:
    """PyTorch's; kind is eager, graph or compiled."""
    import peers_torch

    runner = peers_torch.runner(work)
    run = runner.run
    with precision.of_torch(how):
        if kind != "eager":
            run = {"graph": peers_torch.graphed, "compiled": peers_torch.compiled}[kind](runner)
    name = "PyTorch" if kind == "eager" else f"PyTorch {kind}"
    return runner, peers_torch.version(named(name, how), run, how)


def jax_version(bench: Bench, work: Any, how: str) -> tuple[Any, Version]:
    """JAX's, jitted."""
    import peers_jax

    of_kind = peers_jax.Softmax if work.kind == "softmax" else peers_jax.Training
    runner = of_kind(work)
    return runner, peers_jax.version(named("JAX", how), runner, how)


def cpu_version(work: Any) -> tuple[Any, Version]:
    """Ours on the processor, with all the threads that the library would take."""
    made = make_version(work, OURS, default_threads())
    return made.runner, Version(
        name=OURS_CPU, run=made.runner.run, wait=lambda: None, precision=made.context
    )


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which versions beside ours and PyTorch's in float32, eager and as a graph."""

    tf32: bool = True  # of all of them
    jax_float32: bool = False  # JAX's users have TF32 unless they ask for more
    cpu: bool = False  # ours, on the processor


def makers(bench: Bench, work: Any, which: Which) -> list[dict]:
    """How to make each version, by its name: first ours, so that no fault of another one loses its
    rows; then PyTorch's; then JAX's, which compiles for long.
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
    """Every version of the work, compared with float64 after its first run, then timed in turns.

    One that computes something else is not timed. The turns are repeated when a further library
    has been compiled: what is known is written before that begins.
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
        if OURS_CPU in group:  # apart from the others: its threads spin for a while
            write(versions[before:], min(sizes.rounds, 3), 0.0)
        elif len(versions) > before:
            write(versions, sizes.rounds, sizes.turn)
        if not before:
            write_host_time(bench, versions)


def write_host_time(bench: Bench, versions: list[Version]) -> None:
    """Until the host is free again, of ours."""
    for version in versions:
        if version.name == OURS_GPU:
            samples = [1e3 * s for s in host_seconds(version, bench.sizes.host_runs)]
            bench.book.row("ours, host time of a step", samples, "ms")


def release(bench: Bench) -> None:
    """Give the device's memory back, as the next part may be another library's."""
    bench.cupy.get_default_memory_pool().free_all_blocks()
    bench.book.fact("free_GB", round(bench.cupy.cuda.Device().mem_info[0] / 1e9, 2))


def cwgan(bench: Bench, batch: int) -> None:
    """An outer step of the CWGAN: five of the critic, one of the generator."""
    most_common = batch <= 64
    work = OuterStep(batch=min(batch, bench.sizes.most_in_batch), **bench.sizes.cwgan)
    compare(bench, work, Which(jax_float32=most_common, cpu=most_common))
    release(bench)


def vsmm(bench: Bench) -> None:
    """A step of the VSMM on as many samples as proxies."""
    compare(bench, VsmmStep(**bench.sizes.vsmm), Which(cpu=True))
    release(bench)


def softmax(bench: Bench) -> None:
    """Both losses of a row and their gradient."""
    compare(bench, Softmax(**bench.sizes.softmax), Which(tf32=False))
    release(bench)


def adam(bench: Bench) -> None:
    """An update of as many parameters as the critic's first layer has."""
    compare(bench, AdamUpdate(**bench.sizes.adam), Which(tf32=False))
    release(bench)


def compiled(bench: Bench) -> None:
    """The VSMM's step and the softmax by torch.compile, which needs a minute for them."""
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
