"""The early training regime: train the CWGAN, evaluate CS, keep the snapshots for the proxies.

A look is one evaluation of CS during training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .confidence import ConfidenceScorer
from .cwgan import CWGAN
from .errors import InputError
from .nn.mlp import MLP
from .runtime.array import Array
from .runtime.backend import array_module, on_host
from .runtime.checks import check_number
from .settings import Settings
from .storage.arrays_file import State
from .storage.checkpoints import Checkpoint
from .text import warn

POOL_LIMIT = 8  # maximum snapshots of a pool, evenly spaced; each is a whole generator
LOW_REFERENCE = 2.0  # see low_reference


class Look(NamedTuple):
    """A look: one evaluation of CS during training, and a row of curves.csv."""

    step: int
    epoch: float
    cs: float
    relative: float
    wasserstein: float
    penalty: float

    def value(self, unit: str) -> float:
        """Return the score in a unit of cs_unit: r if it is "relative", else CS."""
        return self.relative if unit == "relative" else self.cs


class Snapshot(NamedTuple):
    """A copy of the generator at a look."""

    look: Look
    generator: MLP

    def state(self, name: str) -> State:
        """Return the look, and the generator's state."""
        generator = self.generator.state(name)
        return State({"look": self.look._asdict(), **generator.header}, generator.arrays)

    @classmethod
    def from_state(cls, name: str, *, header: dict[str, Any], arrays: dict[str, Array]) -> Snapshot:
        """Return the snapshot that `state` described; it shares the arrays."""
        return cls(Look(**header["look"]), MLP.from_state(name, header=header, arrays=arrays))


class NoSnapshotError(InputError):
    """The confidence score never reached its window."""


class SnapshotKeeper:
    """Keeps the snapshots with cs_low < CS < cs_high, and the nearest one as long as there are
    none.

    CS stands for r if cs_unit is "relative".
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.inside: list[Snapshot] = []
        self.nearest: Snapshot | None = None
        self.seen_inside = 0  # looks inside the window so far; a pool keeps every stride-th
        self.stride = 1
        self.lowest, self.highest = math.inf, -math.inf

    def value(self, look: Look) -> float:
        """Return the look's score in the unit of the window."""
        return look.value(self.settings.cs_unit)

    @property
    def passed(self) -> bool:
        """Whether CS has reached cs_high."""
        return self.highest >= self.settings.cs_high

    @property
    def done(self) -> bool:
        """Whether later looks can't change the kept snapshots, if CS keeps increasing."""
        return self.passed or (self.settings.proxy_from == "single" and bool(self.inside))

    def add(self, look: Look, generator: MLP) -> None:
        """Keep a copy of the generator if the look's score is in the window or nearest to it."""
        value, low, high = self.value(look), self.settings.cs_low, self.settings.cs_high
        if low < value < high:
            self._add_inside(look, generator)
        elif not self.inside and self._is_nearest(value):
            self.nearest = Snapshot(look, generator.copy())
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)

    def _is_nearest(self, value: float) -> bool:
        if self.nearest is None:
            return True
        return self._distance(value) < self._distance(self.value(self.nearest.look))

    def _distance(self, value: float) -> float:
        return max(self.settings.cs_low - value, value - self.settings.cs_high)

    def _add_inside(self, look: Look, generator: MLP) -> None:
        if self.settings.proxy_from == "single":
            keep = not self.inside
        else:
            keep = self.seen_inside % self.stride == 0
            if keep and len(self.inside) == POOL_LIMIT:
                self.inside, self.stride = self.inside[::2], 2 * self.stride
                keep = self.seen_inside % self.stride == 0
        if keep:
            self.inside.append(Snapshot(look, generator.copy()))
        self.seen_inside += 1

    def chosen(self) -> list[Snapshot]:
        """Return the snapshots to draw proxies from (Alg. 1).

        If CS jumped over the window, this is the nearest snapshot, and a warning is issued. Raises
        NoSnapshotError, with the range of CS, if CS never reached the window.
        """
        if self.inside:
            return self.inside
        unit = "r = ln CS / ln CS_ref" if self.settings.cs_unit == "relative" else "CS"
        window = f"{self.settings.cs_low:g} < {unit} < {self.settings.cs_high:g}"
        if not self.passed or self.nearest is None:
            raise NoSnapshotError(
                f"no snapshot has {window}: it went from {self.lowest:.3g} to {self.highest:.3g} "
                "before the epoch limit; raise gan_max_epochs or gan_lr, or lower cs_low"
            )
        warn(
            f"the confidence score jumped over {window}; the nearest snapshot is at "
            f"{self.value(self.nearest.look):.3g} (a lower gan_lr makes smaller jumps)"
        )
        return [self.nearest]

    @property
    def kept(self) -> list[Snapshot]:
        """All snapshots in memory: those inside the window, and the nearest if there is one."""
        return [*self.inside, *([self.nearest] if self.nearest else [])]


class GanTraining:
    """A CWGAN in training, its scorer, the looks so far, and a keeper per window of CS."""

    def __init__(self, gan: CWGAN, scorer: ConfidenceScorer, keepers: list[SnapshotKeeper]):
        self.gan, self.scorer, self.keepers = gan, scorer, keepers
        self.looks: list[Look] = []

    @property
    def step(self) -> int:
        """The number of outer steps so far."""
        return self.gan.step

    @property
    def passed(self) -> bool:
        """Whether CS has passed every window."""
        return all(keeper.passed for keeper in self.keepers)

    @property
    def done(self) -> bool:
        """Whether every keeper has its snapshots."""
        return all(keeper.done for keeper in self.keepers)

    def look(self, terms: dict[str, Any], per_epoch: int) -> Look:
        """Score the generator, and pass the look to the keepers.

        Without gan_train_on, keepers that are done don't get it, so that each ends with the same
        snapshots as in a training of its own. Raises FloatingPointError if training has diverged.
        """
        gan = self.gan
        check_finite(gan, terms)
        cs = self.scorer.score(gan.generator)
        check_finite(gan, {"confidence score": cs})
        look = Look(
            step=gan.step,
            epoch=gan.step / per_epoch,
            cs=cs,
            relative=self.scorer.relative(cs),
            wasserstein=float(terms["wasserstein"]),
            penalty=float(terms["penalty"]),
        )
        self.looks.append(look)
        for keeper in self.keepers:
            if gan.settings.gan_train_on or not keeper.done:
                keeper.add(look, gan.generator)
        return look

    def state(self) -> State:
        """Return everything needed to resume, on the host; there must be one keeper."""
        (keeper,) = self.keepers
        arrays = self.gan.state()
        packed = [s.state(f"inside{i}") for i, s in enumerate(keeper.inside)]
        nearest = keeper.nearest and keeper.nearest.state("nearest")
        for part in [*([nearest] if nearest else []), *packed]:
            arrays |= part.arrays
        header = {
            "looks": [look._asdict() for look in self.looks],
            "inside": [part.header for part in packed],
            "nearest": nearest and nearest.header,
            "seen_inside": keeper.seen_inside,
            "stride": keeper.stride,
        }
        return State(header, on_host(arrays))

    def restore(self, state: State) -> None:
        """Set the state to one that `state` returned.

        Raises ValueError, KeyError or TypeError if it doesn't fit.
        """
        (keeper,), header, generator = self.keepers, state.header, self.gan.generator
        self.gan.restore(state.arrays)
        xp = array_module(*generator.params)
        arrays = {name: xp.asarray(array) for name, array in state.arrays.items()}
        self.looks = [Look(**look) for look in header["looks"]]
        keeper.inside = [
            Snapshot.from_state(f"inside{i}", header=packed, arrays=arrays)
            for i, packed in enumerate(header["inside"])
        ]
        packed = header["nearest"]
        keeper.nearest = packed and Snapshot.from_state("nearest", header=packed, arrays=arrays)
        keeper.seen_inside, keeper.stride = header["seen_inside"], header["stride"]
        dtype = generator.params[0].dtype
        for snapshot in keeper.kept:
            snapshot.generator.check(
                "a generator", n_in=generator.sizes[0], n_out=generator.sizes[-1], dtype=dtype
            )
            if snapshot.look not in self.looks:
                raise InputError("a snapshot doesn't belong to one of the looks")
        for name in ("seen_inside", "stride"):
            check_number(name, header[name])
        for number in (number for look in self.looks for number in look):
            check_number("a look", number)
        values = [keeper.value(look) for look in self.looks]
        keeper.lowest = min(values, default=math.inf)
        keeper.highest = max(values, default=-math.inf)


def train_with_looks(
    training: GanTraining,
    x: Array,
    y: Array,
    prototypes: Array,
    *,
    callback: Callable[[int, dict[str, Any]], None],
    checkpoint: Checkpoint | None = None,
    on_look: Callable[[Snapshot, int], None] | None = None,
    enough: Callable[[], bool] | None = None,
) -> None:
    """Train until every keeper has its snapshots or the epoch limit is reached.

    A single snapshot is complete with the first look inside the window, a pool when CS has passed
    the window. With gan_train_on, training continues to the limit, for the whole curve of figure 5.
    A look is taken every max(10 steps, 1/20 epoch) until CS has passed all windows, then once per
    epoch.

    Parameters
    ----------
    training : GanTraining
        Continues at its step if it has already started.
    x : array of shape (n, d)
    y : array of shape (n,)
        Rows of prototypes.
    prototypes : array of shape (S, k)
    callback : callable
        callback(step, logs) is called at every step.
    checkpoint : Checkpoint, optional
        Written when it is due.
    on_look : callable, optional
        on_look(snapshot, last step) is called at every look. The snapshot has the live generator,
        which must be copied to be kept.
    enough : callable, optional
        Replaces the condition on the keepers and gan_train_on: training ends, and looks become
        rarer, when it returns true. The epoch limit still holds.

    Raises
    ------
    FloatingPointError
        If training diverges. On the CPU this is found at the same step; on a GPU, where every check
        waits for the device, at the next look or checkpoint.
    """
    gan, on_cpu = training.gan, array_module(x) is np
    settings = gan.settings
    done = enough or (lambda: training.done and not settings.gan_train_on)
    passed = enough or (lambda: training.passed)
    per_epoch = math.ceil(x.shape[0] / settings.gan_batch)
    total = settings.gan_max_epochs * per_epoch
    often = min(max(10, per_epoch // 20), total)
    while gan.step < total and not done():
        terms = gan.train_step(x, y, prototypes)
        logs = {"phase": "gan", "total": total}
        every = per_epoch if passed() else often
        due = checkpoint is not None and checkpoint.due()
        if on_cpu or due:
            check_finite(gan, terms)
        if gan.step % every == 0 or gan.step == total:
            look = training.look(terms, per_epoch)
            logs.update(look._asdict())
            if on_look:
                on_look(Snapshot(look, gan.generator), total)
        callback(gan.step, logs)
        if checkpoint is not None and due:
            checkpoint.save(training)


LOSSES = {"wasserstein": "critic distance", "loss": "critic loss", "generator": "generator loss"}


def check_finite(gan: CWGAN, terms: dict[str, Any]) -> None:
    """FloatingPointError if a parameter or one of these terms is NaN or inf.

    The message has the step and the first such quantity. This waits for the device.
    """
    values = {LOSSES.get(name, name): float(term) for name, term in terms.items()}
    found = gan.first_bad()
    if found:
        step, what = found[0], f"{found[1]} or its gradient"
    elif all(map(math.isfinite, values.values())):
        return
    else:
        step, what = gan.step, next(n for n, value in values.items() if not math.isfinite(value))
    numbers = ", ".join(f"{name} {value:.6g}" for name, value in values.items())
    raise FloatingPointError(
        f"the CWGAN diverged at step {step}: {what} is NaN or inf ({numbers}); lower gan_lr, now "
        f"{gan.settings.gan_lr:g}"
    )


def low_reference(n_classes: int) -> float:
    """Return the least CS_ref with which scores of generated samples are meaningful.

    It is 2, or sqrt(S) for fewer than 4 classes, as CS goes from 1 to S.
    """
    return min(LOW_REFERENCE, math.sqrt(n_classes))


def warn_if_reference_low(reference: float, n_classes: int) -> None:
    """Warn if the PTC can't tell the classes of real samples apart; CS then means little."""
    if reference < low_reference(n_classes):
        warn(
            f"held-out real samples have a confidence score of only {reference:.2f}, from 1 to "
            f"{n_classes}; the PTC barely tells the classes apart, so the window of CS means "
            "little: scale the features otherwise, or use more samples"
        )
