"""How long a fit with validation takes and how much memory, from one epoch and the shapes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..cwgan import latent_size
from ..datasets import Dataset
from ..datasets.views import single_view
from ..settings import Settings
from ..vsmm import VSMM
from .trials import FoldTrainer

GAN_UNITS = 10  # the CWGAN of a fold takes about as long as this many VSMMs
COPIES = 4  # of a network's weights: with gradients and Adam's two moments
QUEUED = 3  # copies of the folds' scores that fitting a gate needs


@dataclass(frozen=True, kw_only=True)
class Work:
    """What validation does.

    units is the number of VSMMs trained on a fold, a CWGAN counting as GAN_UNITS. scaled is the
    number of folds whose scaled samples are in memory at a time, and scores that of models whose
    scores of every fold are.
    """

    units: float
    scaled: int
    scores: int


class Expected(NamedTuple):
    """The seconds that fit takes, with the final training, and the bytes at its peak.

    Memory that the user's arrays take is not counted.
    """

    seconds: float
    bytes: int

    def logs(self) -> dict[str, Any]:
        """Return it as logs of a callback."""
        return {"expected_seconds": self.seconds, "expected_bytes": self.bytes}


def expected(
    trainer: FoldTrainer,
    folds: list[Dataset],
    settings: Settings,
    work: Work,
    *,
    has_gan: bool,
    clock: Callable[[], float] = time.perf_counter,
) -> Expected | None:
    """Return what validation on the folds and the training after it will take, roughly.

    trainer is that of the first fold. An epoch of its VSMM is timed, the second one, as the first
    may compile. has_gan says whether the proxies are a CWGAN's. None if the training diverges.
    """
    epoch = _epoch_seconds(trainer, settings, clock)
    if epoch is None:
        return None
    first = folds[0]
    share = len(first.y_train) / (len(first.y_train) + len(first.y_test))
    final = (1 + GAN_UNITS * has_gan) / share  # on all samples
    seconds = epoch * settings.vsmm_epochs * (work.units + final)
    size = np.dtype(trainer.dtype).itemsize
    total = _of_folds(folds, work, size=size) + size * _networks(first, settings, has_gan=has_gan)
    return Expected(seconds, total)


def _epoch_seconds(
    trainer: FoldTrainer, settings: Settings, clock: Callable[[], float]
) -> float | None:
    times: list[float] = []

    def look(vsmm: VSMM, epoch: int) -> None:
        times.append(clock())

    with suppress(FloatingPointError), np.errstate(all="ignore"):
        trainer.vsmm(replace(settings, vsmm_epochs=2, vsmm_weight_es=0.0), after_epoch=look)
    return next((after - before for before, after in pairwise(times)), None)


def _of_folds(folds: list[Dataset], work: Work, *, size: int) -> int:
    """Return the bytes of the folds' samples, of scaled ones, and of scores of their test samples.

    size is that of a scaled number.
    """
    samples = sum(fold.X_train.nbytes + fold.X_test.nbytes for fold in folds)
    largest = max(fold.X_train.size + fold.X_test.size for fold in folds)
    classes = len(folds[0].seen_classes) + len(folds[0].unseen_classes)
    # log p and F of all classes, F among unseen ones, and a few numbers per sample
    scores = sum(len(fold.y_test) for fold in folds) * (2 * classes + 10) * 8
    return samples + work.scaled * largest * size + (work.scores + QUEUED) * scores


def _networks(fold: Dataset, settings: Settings, *, has_gan: bool) -> int:
    """Return how many numbers the networks, their training and the proxies have."""
    d, k = fold.X_train.shape[1], single_view(fold.seen_prototypes).shape[1]
    m, hidden, s = settings.vsmm_latent, settings.vsmm_hidden, len(fold.seen_classes)
    vsmm = [d, *hidden, m], [m, *hidden[::-1], d], [k, *hidden, m], [m, s]
    if not has_gan:
        return COPIES * sum(map(_weights, vsmm))
    latent, n = latent_size(settings, k), settings.proxy_count
    gan = [
        [latent + k, *settings.gan_generator_hidden, d],
        [d + k, *settings.gan_critic_hidden, 1],
    ]
    proxies = n * (d + max(settings.gan_generator_hidden, default=0))
    return COPIES * sum(map(_weights, (*vsmm, *gan))) + proxies + fold.X_train.size


def _weights(sizes: list[int]) -> int:
    """Return the number of weights and biases of layers with these sizes."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
