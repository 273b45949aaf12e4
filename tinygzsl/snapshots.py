"""The early training regime: train the CWGAN, look at CS, keep the snapshots for the proxies."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .confidence import ConfidenceScorer
from .cwgan import CWGAN, generator_forward
from .nn import random
from .nn.mlp import MLP
from .nn.random import Purpose
from .runtime.backend import Array, array_module
from .settings import Settings

if TYPE_CHECKING:
    from .storage.checkpoints import GanCheckpoint

POOL_LIMIT = 8  # snapshots a pool keeps; evenly thinned, as each is a whole generator
LOW_REFERENCE = 2.0  # see low_reference


class Look(NamedTuple):
    """One evaluation of CS: a row of curves.csv."""

    step: int
    epoch: float
    cs: float
    relative: float
    wasserstein: float
    penalty: float


class Snapshot(NamedTuple):
    """A generator as it was at a look."""

    look: Look
    generator: MLP


class SnapshotKeeper:
    """Keeps the snapshots with cs_low < CS < cs_high, or the nearest until there is one."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.inside: list[Snapshot] = []
        self.nearest: Snapshot | None = None
        self.seen_inside = 0  # qualifying looks so far; a pool keeps every stride-th
        self.stride = 1
        self.lowest, self.highest = math.inf, -math.inf

    def value(self, look: Look) -> float:
        """The look's score in the unit of the window."""
        return look.relative if self.settings.cs_unit == "relative" else look.cs

    @property
    def passed(self) -> bool:
        """Whether CS has reached cs_high."""
        return self.highest >= self.settings.cs_high

    def add(self, look: Look, generator: MLP) -> None:
        """Keep a copy of the generator if the look's score calls for it."""
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
        """The snapshots to draw proxies from (Alg. 1).

        Where CS jumped over the window, the nearest snapshot, with a warning. Raises ValueError
        with the range of CS that was seen where it never came near.
        """
        if self.inside:
            return self.inside
        unit = "r = ln CS / ln CS_ref" if self.settings.cs_unit == "relative" else "CS"
        window = f"{self.settings.cs_low:g} < {unit} < {self.settings.cs_high:g}"
        if not self.passed:
            raise ValueError(
                f"no snapshot has {window}: it went from {self.lowest:.3g} to {self.highest:.3g} "
                "before the epoch limit; raise gan_max_epochs or gan_lr, or lower cs_low"
            )
        warnings.warn(
            f"the confidence score jumped over {window}; the nearest snapshot is at "
            f"{self.value(self.nearest.look):.3g} (a lower gan_lr makes smaller jumps)",
            stacklevel=5,  # the call of fit
        )
        return [self.nearest]


def train_with_looks(
    gan: CWGAN,
    keeper: SnapshotKeeper,
    scorer: ConfidenceScorer,
    looks: list[Look],
    x: Array,
    y: Array,
    prototypes: Array,
    callback: Callable[[int, dict], None],
    checkpoint: GanCheckpoint | None = None,
) -> None:
    """Train until CS has passed cs_high or the epoch limit is reached; appends to looks.

    Looks every max(10 steps, 1/20 epoch) until the window is passed, then once an epoch (only
    with gan_train_on, for the whole curve of figure 5). callback(step, logs) is called at every
    step, and a checkpoint is written when it is due. A run that was restored goes on at gan.step.
    Raises FloatingPointError if training diverges: on the CPU at that step, on a GPU, which would
    have to be waited for, at the next look or checkpoint.
    """
    settings, on_cpu = gan.settings, array_module(x) is np
    per_epoch = math.ceil(x.shape[0] / settings.gan_batch)
    total = settings.gan_max_epochs * per_epoch
    often = min(max(10, per_epoch // 20), total)
    while gan.step < total and (settings.gan_train_on or not keeper.passed):
        terms = gan.train_step(x, y, prototypes)
        logs = {"phase": "gan", "total": total}
        every = per_epoch if keeper.passed else often
        due = checkpoint is not None and checkpoint.due()
        if on_cpu or due:
            check_finite(gan, terms)
        if gan.step % every == 0 or gan.step == total:
            look = take_look(gan, scorer, terms, per_epoch)
            looks.append(look)
            keeper.add(look, gan.generator)
            logs.update(look._asdict())
        callback(gan.step, logs)
        if due:
            checkpoint.save(gan, keeper, looks)


def take_look(gan: CWGAN, scorer: ConfidenceScorer, terms: dict, per_epoch: int) -> Look:
    """Score the generator as it is. Raises FloatingPointError if training has diverged."""
    check_finite(gan, terms)
    cs = scorer.score(gan.generator)
    check_finite(gan, {"confidence score": cs})
    wasserstein, penalty = float(terms["wasserstein"]), float(terms["penalty"])
    return Look(gan.step, gan.step / per_epoch, cs, scorer.relative(cs), wasserstein, penalty)


LOSSES = {"wasserstein": "critic distance", "loss": "critic loss", "generator": "generator loss"}


def check_finite(gan: CWGAN, terms: dict) -> None:
    """FloatingPointError, with the step and the first quantity, if a parameter or one of these
    numbers is NaN or inf. It waits for the device.
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


def draw_proxies(
    snapshots: list[Snapshot], prototypes: Array, latent: int, count: int, seed: int, draw: int
) -> Array:
    """count proxy samples (count, d) from the snapshots in equal shares, classes uniform.

    Only seen prototypes are ever passed here. Another `draw` gives fresh samples: those trained on
    have inflated entropies, so thresholds and histograms take a draw of their own.
    """
    xp = array_module(prototypes)
    dtype = str(prototypes.dtype)
    z = random.normal(xp, seed, draw, Purpose.PROXY_NOISE, (count, latent), dtype)
    rows = random.integers(xp, seed, draw, Purpose.PROXY_CLASS, prototypes.shape[0], count)
    parts = []
    for i, snapshot in enumerate(snapshots):
        mine = slice(i, None, len(snapshots))
        parts.append(generator_forward(snapshot.generator, z[mine], prototypes[rows[mine]])[0])
    return xp.concatenate(parts)


def low_reference(n_classes: int) -> float:
    """The score below which a PTC's real samples say nothing about fakes: 2, or half of ln S where
    S is less than 4, as CS goes from 1 to S.
    """
    return min(LOW_REFERENCE, math.sqrt(n_classes))


def warn_if_reference_low(reference: float, n_classes: int) -> None:
    """Warn where the PTC can't tell real samples apart: no window of CS means anything then."""
    if reference < low_reference(n_classes):
        warnings.warn(
            f"held-out real samples have a confidence score of only {reference:.2f}, from 1 to "
            f"{n_classes}; the PTC barely tells the classes apart, so the window of CS means "
            "little: scale the features otherwise, or use more samples",
            stacklevel=5,  # the call of fit
        )
