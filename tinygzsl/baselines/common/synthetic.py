"""What the generative methods share: synthetic samples and softmax classifiers trained on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...cwgan import CWGAN, generator_forward
from ...nn import random
from ...nn.adam import Adam
from ...nn.mlp import MLP
from ...nn.ops import linear_forward
from ...nn.random import Purpose
from ...ptc import ptc_loss
from ...settings import Settings, settings_for
from ...vsmm import epoch_batches
from .base import GenerativeBaseline
from .checks import check_numbers

BETAS = (0.5, 0.999)  # of Adam, in all methods of this kind


class Softmax(NamedTuple):
    """A linear softmax classifier: weights w (C, d) and bias b (C,)."""

    w: np.ndarray
    b: np.ndarray

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Logits (n, C)."""
        return linear_forward(x, self.w, self.b)[0]


def train_softmax(
    x: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    *,
    epochs: int,
    batch: int,
    lr: float,
    seed: int,
    callback: Callable[[int, dict], None],
) -> Softmax:
    """Minimises the cross-entropy of x (n, d) and y (n,) by Adam from zero weights."""
    w, b = np.zeros((n_classes, x.shape[1]), x.dtype), np.zeros(n_classes, x.dtype)
    adam = Adam([w, b], lr, BETAS)
    total = epochs * math.ceil(len(x) / batch)
    for epoch in range(epochs):
        for rows in epoch_batches(np, len(x), batch=batch, seed=seed, epoch=epoch):
            _, dw, db = ptc_loss(w, b, x[rows], y[rows], 0.0)
            adam.step([dw, db])
            callback(adam.t, {"phase": "classifier", "total": total})
    if adam.diverged_at:
        raise FloatingPointError(
            f"a softmax classifier diverged at step {adam.diverged_at}; lower classifier_lr, now "
            f"{lr:g}, or scale the features"
        )
    return Softmax(w, b)


def synthesize(
    generator: MLP, a: np.ndarray, per_class: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """per_class samples of every prototype a (C, k): x~ (C per_class, d) and the rows of a."""
    rows = np.repeat(np.arange(len(a)), per_class)
    shape = len(rows), generator.sizes[0] - a.shape[1]
    z = random.normal(np, seed, 0, Purpose.SYNTHETIC_NOISE, shape, str(a.dtype))
    return generator_forward(generator, z, a[rows])[0], rows


@dataclass(kw_only=True, eq=False, repr=False)
class SyntheticBaseline(GenerativeBaseline):
    """A method whose generator G(z, a) makes samples of unseen classes for an ordinary classifier.

    A linear softmax over the S + U classes, trained on the real seen samples and per_class
    synthetic ones of every unseen class, gives the scores (its logits).

    classifier_lr, _epochs, _batch   its training by Adam (0.5, 0.999); the defaults are those of
                                     the code published with f-CLSWGAN, which takes the epoch that
                                     is best on the test set where this takes the last

    A method has _train_generator(x, index, a) -> G, trained on seen classes alone.
    """

    per_class: int = 300
    classifier_lr: float = 1e-3
    classifier_epochs: int = 25
    classifier_batch: int = 300

    def _fit_all(
        self, x: np.ndarray, index: np.ndarray, a: np.ndarray, a_unseen: np.ndarray
    ) -> None:
        self._generator = self._train_generator(x, index, a)
        samples, labels = self._samples(x, index, a, a_unseen)
        self._classifier = self._softmax(samples, labels, len(a) + len(a_unseen))

    def _samples(
        self, x: np.ndarray, index: np.ndarray, a: np.ndarray, a_unseen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the classifier is trained on, and the labels from 0 to S + U - 1."""
        fakes, labels = synthesize(self._generator, a_unseen, self.per_class, self.seed)
        return np.concatenate([x, fakes]), np.concatenate([index, len(a) + labels])

    def check(self) -> None:
        """ValueError for a setting out of its range."""
        super().check()
        whole = "per_class", "classifier_epochs", "classifier_batch"
        check_numbers(self, whole=whole, positive=("classifier_lr",))

    def _softmax(self, x: np.ndarray, y: np.ndarray, n_classes: int) -> Softmax:
        return train_softmax(
            x,
            y,
            n_classes,
            epochs=self.classifier_epochs,
            batch=self.classifier_batch,
            lr=self.classifier_lr,
            seed=self.seed,
            callback=self._report,
        )

    def _report(self, step: int, logs: dict[str, Any]) -> None:
        if self.callback:
            self.callback(step, logs)

    def _logits(self, x: np.ndarray) -> np.ndarray:
        return self._classifier.logits(x)

    def _train_generator(self, x: np.ndarray, index: np.ndarray, a: np.ndarray) -> MLP:
        raise NotImplementedError  # not abstract: GGM has a _fit_all of its own and no generator


@dataclass(kw_only=True, eq=False, repr=False)
class GANBaseline(SyntheticBaseline):
    """A SyntheticBaseline whose generator is that of a CWGAN.

    The settings gan_* are those of tinygzsl.settings.Settings, whose defaults are f-CLSWGAN's.
    """

    features: str = "minmax"

    gan_generator_hidden: tuple[int, ...] = (4096,)
    gan_critic_hidden: tuple[int, ...] = (4096,)
    gan_output: str = "relu"
    gan_latent: int = 0
    gan_lr: float = 1e-4
    gan_penalty: float = 10.0
    gan_critic_steps: int = 5
    gan_batch: int = 64
    gan_max_epochs: int = 60

    def check(self) -> None:
        """ValueError for a setting out of its range."""
        super().check()
        check_numbers(self, whole=("gan_max_epochs",))
        self._settings()

    def _settings(self) -> Settings:
        """Those of the CWGAN; ValueError for one out of its range."""
        given = {k: v for k, v in self.get_params().items() if k.startswith("gan_")}
        for name, value in given.items():
            if value is None:  # which settings_for takes for the preset's value
                raise ValueError(f"{name} is None; pass a value, like {getattr(Settings, name)!r}")
        return settings_for("paper", given)

    def _train_gan(
        self,
        gan: CWGAN,
        x: np.ndarray,
        index: np.ndarray,
        a: np.ndarray,
        before_step: Callable[[int], None] = lambda step: None,
    ) -> MLP:
        """The generator after gan_max_epochs; FloatingPointError if training diverges."""
        total = self.gan_max_epochs * math.ceil(len(x) / self.gan_batch)
        while gan.step < total:
            before_step(gan.step)
            gan.train_step(x, index, a)
            if gan.diverged_at:
                raise FloatingPointError(
                    f"the CWGAN of {self.title} diverged at step {gan.diverged_at}; lower gan_lr, "
                    f"now {self.gan_lr:g}"
                )
            self._report(gan.step, {"phase": "gan", "total": total})
        return gan.generator
