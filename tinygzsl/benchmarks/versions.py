"""The same work in several versions, whose results are checked before they are timed in turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..errors import OutsideError
from ..kernels import reference_only
from ..runtime.array import Array
from ..runtime.threads import workers
from .floor import Phase
from .machine import PAUSE, blas_threads

OURS, REFERENCE = "tinygzsl", "reference"
PYTORCH, BY_HAND, JAX = "PyTorch", "PyTorch by hand", "JAX"
PEERS = (PYTORCH, BY_HAND, JAX)
SHORT_RUN = 0.3  # seconds; a shorter run is repeated within a round, after an uncounted one


class Runner(Protocol):
    """One version of the work, with its parameters and buffers."""

    def run(self) -> Any:
        """Do the work once; a training step continues from the previous one."""

    def result(self) -> list[np.ndarray]:
        """Return copies of the arrays that the work changed or returned."""


class Work(Protocol):
    """A piece of work with its inputs, the same for all versions."""

    kind: str
    tolerance: float

    def ours(self) -> Runner:
        """Return our version; inside `reference_only()`, the reference."""

    def phases(self) -> list[Phase]:
        """Return the phases of the work's floor, see floor.py."""

    def difference(self, result: list[np.ndarray], reference: list[np.ndarray]) -> float:
        """Return the error of a version after its first run; at most `tolerance` if correct."""


class Version(NamedTuple):
    """A named runner, and the context it runs in."""

    name: str
    runner: Runner
    context: Callable[[], AbstractContextManager[Any]]


def make_version(work: Work, name: str, *, threads: int) -> Version | None:
    """Return a version of the work, not yet run, or None if it doesn't exist.

    Ours runs inside `workers(threads)`; the reference uses the same number of NumPy's own threads.
    """
    if name == OURS:
        return Version(name, work.ours(), lambda: workers(threads))
    if name == REFERENCE:
        with reference_only():
            runner = work.ours()
        return Version(name, runner, lambda: _definitions(threads))
    module = _peer(name)
    if work.kind not in module.RUNNERS:
        return None
    module.use_threads(threads)
    return Version(name, module.RUNNERS[work.kind](work), ExitStack)


def _peer(name: str) -> ModuleType:
    """Return the module of a version, imported here as its package is large and may be missing."""
    if name == PYTORCH:
        from . import torch_autograd

        return torch_autograd
    if name == BY_HAND:
        from . import torch_by_hand

        return torch_by_hand
    from . import jax_jit

    return jax_jit


def _definitions(threads: int) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(reference_only())
    stack.enter_context(blas_threads(threads))
    return stack


def checked_versions(
    work: Work, names: list[str], *, threads: int
) -> tuple[list[Version], dict[str, float]]:
    """Return the versions of those names, each run once, and their errors by name.

    The errors are the differences to the reference. Raises RuntimeError if one is too large.
    """
    versions, differences, right = [], {}, None
    for name in [REFERENCE, *(n for n in names if n != REFERENCE)]:
        version = make_version(work, name, threads=threads)
        if version is None:
            continue
        with version.context():
            version.runner.run()
        result = version.runner.result()
        right = result if right is None else right
        differences[name] = work.difference(result, right)
        if not differences[name] <= work.tolerance:
            raise OutsideError(
                f"{name} differs from the reference by {differences[name]:.2g} in {work.kind}, "
                f"more than {work.tolerance:g}, so its time means nothing; report this as a bug"
            )
        if name in names:
            versions.append(version)
    return versions, differences


def time_in_turns(
    versions: list[Version], *, rounds: int, pause: float = PAUSE
) -> dict[str, list[float]]:
    """Return the seconds of a run by version, one entry per round; each round times all versions.

    So a temporary load on the machine affects all versions. A pause before each turn lets the
    threads of the previous version stop spinning.
    """
    samples: dict[str, list[float]] = {version.name: [] for version in versions}
    guess = dict.fromkeys(samples, 0.0)
    gc.collect()
    for turn in range(rounds):
        for version in versions if turn % 2 == 0 else versions[::-1]:
            time.sleep(pause)
            with version.context():
                seconds = _seconds(version.runner.run, guess[version.name])
            samples[version.name].append(seconds)
            guess[version.name] = seconds
    return samples


def _seconds(run: Callable[[], Any], guess: float) -> float:
    count = 1
    if guess < SHORT_RUN:
        run()
        count = min(max(1, int(SHORT_RUN / guess)), 2000) if guess else 1
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count


def update_difference(
    start: Sequence[Array], result: list[np.ndarray], reference: list[np.ndarray]
) -> float:
    """Return |result - reference| / |reference - start| over all parameters, as Euclidean norms.

    The first step of Adam is close to the rate times the sign of the gradient. Gradients that are 0
    up to rounding have a random sign, so single parameters can't be compared.
    """
    off = sum(_square(r - p) for r, p in zip(result, reference, strict=True))
    moved = sum(_square(p - s) for p, s in zip(reference, start, strict=True))
    return float((off / moved) ** 0.5) if moved else float("inf")


def _square(x: np.ndarray) -> float:
    return float(np.dot(x.ravel(), x.ravel()))
