"""The base of the generative methods: synthetic samples and softmax classifiers trained on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...cwgan import CWGAN, generator_forward
from ...errors import InputError
from ...nn import random
from ...nn.adam import Adam
from ...nn.mlp import MLP
from ...nn.ops import linear_forward
from ...nn.random import Purpose
from ...ptc import ptc_loss
from ...runtime.array import Array
from ...settings import Settings, settings_for
from ...vsmm import epoch_batches
from .checks import check_numbers
from .generative import GenerativeBaseline
from .trained import Group, Part, Values

BETAS = (0.5, 0.999)  # Adam's betas in all generative methods


class Softmax(NamedTuple):
    """A linear softmax classifier: weights w (C, d) and bias b (C,)."""

    w: Array
    b: Array

    def logits(self, x: Array) -> Array:
        """Return the logits (n, C) of x (n, d)."""
        return linear_forward(x, self.w, self.b)[0]


def softmax_part(classes: str) -> Group:
    """Return the declaration of a Softmax of that many classes."""
    return Group(Softmax, w=Values(classes, "d"), b=Values(classes))


def train_softmax(
    x: Array,
    y: Array,
    *,
    n_classes: int,
    epochs: int,
    batch: int,
    lr: float,
    seed: int,
    callback: Callable[[int, dict[str, Any]], None],
) -> Softmax:
    """Return a softmax classifier of x (n, d) and y (n,), trained by Adam from zero weights."""
    w, b = np.zeros((n_classes, x.shape[1]), x.dtype), np.zeros(n_classes, x.dtype)
    adam = Adam([w, b], lr=lr, betas=BETAS)
    total = epochs * math.ceil(len(x) / batch)
    for epoch in range(epochs):
        for rows in epoch_batches(np, len(x), batch=batch, seed=seed, epoch=epoch):
            _, dw, db = ptc_loss(w, b, x[rows], y[rows], l2=0.0)
            adam.step([dw, db])
            callback(adam.t, {"phase": "classifier", "total": total})
    if adam.diverged_at:
        raise FloatingPointError(
            f"a softmax classifier diverged at step {adam.diverged_at}; lower classifier_lr, now "
            f"{lr:g}, or scale the features"
        )
    return Softmax(w, b)


def synthesize(generator: MLP, a: Array, *, per_class: int, seed: int) -> tuple[Array, Array]:
    """Generate per_class samples for every prototype in a (C, k).

    Returns the samples (C per_class, d) and the row of a for each of them.
    """
    rows = np.repeat(np.arange(len(a)), per_class)
    shape = len(rows), generator.sizes[0] - a.shape[1]
    z = random.normal(
        np, shape, seed=seed, step=0, purpose=Purpose.SYNTHETIC_NOISE, dtype=str(a.dtype)
    )
    return generator_forward(generator, z, a[rows])[0], rows


@dataclass(kw_only=True, eq=False, repr=False)
class SyntheticBaseline(GenerativeBaseline):
    """A baseline whose generator G(z, a) makes training samples of the unseen classes.

    A linear softmax over the S + U classes is trained on the real seen samples and per_class
    synthetic samples of every unseen class; its logits are the scores. A subclass implements
    _train_generator(x, index, a), which returns G trained on seen classes only.

    Parameters
    ----------
    per_class : int
        Synthetic samples per unseen class.
    classifier_lr : float
    classifier_epochs, classifier_batch : int
        The classifier's training by Adam with betas (0.5, 0.999). The defaults are those of the
        code published with f-CLSWGAN. That code keeps the epoch that is best on the test set; here
        the last epoch is used.
    **others
        See Baseline.
    """

    trained: ClassVar[dict[str, Part]] = {
        **GenerativeBaseline.trained,
        "_classifier": softmax_part("S + U"),
    }
    in_nats: ClassVar[bool] = True

    per_class: int = 300
    classifier_lr: float = 1e-3
    classifier_epochs: int = 25
    classifier_batch: int = 300

    def _fit_all(self, x: Array, index: Array, a: Array, a_unseen: Array) -> None:
        self._generator = self._train_generator(x, index, a)
        samples, labels = self._samples(x, index, a, a_unseen)
        self._classifier = self._softmax(samples, labels, n_classes=len(a) + len(a_unseen))

    def _samples(self, x: Array, index: Array, a: Array, a_unseen: Array) -> tuple[Array, Array]:
        """Return the samples the classifier is trained on, and their labels 0 to S + U - 1."""
        fakes, labels = synthesize(
            self._generator, a_unseen, per_class=self.per_class, seed=self.seed
        )
        return np.concatenate([x, fakes]), np.concatenate([index, len(a) + labels])

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        whole = "per_class", "classifier_epochs", "classifier_batch"
        check_numbers(self, whole=whole, positive=("classifier_lr",))

    def _softmax(self, x: Array, y: Array, *, n_classes: int) -> Softmax:
        return train_softmax(
            x,
            y,
            n_classes=n_classes,
            epochs=self.classifier_epochs,
            batch=self.classifier_batch,
            lr=self.classifier_lr,
            seed=self.seed,
            callback=self._report,
        )

    def _report(self, step: int, logs: dict[str, Any]) -> None:
        if self.callback:
            self.callback(step, logs)

    def _logits(self, x: Array) -> Array:
        return self._classifier.logits(x)

    def _train_generator(self, x: Array, index: Array, a: Array) -> MLP:
        raise NotImplementedError  # not abstract, as GGM has its own _fit_all and no generator


@dataclass(kw_only=True, eq=False, repr=False)
class GANBaseline(SyntheticBaseline):
    """A SyntheticBaseline whose generator is that of a CWGAN.

    Parameters
    ----------
    gan_* :
        As in tinygzsl.settings.Settings; the defaults are f-CLSWGAN's.
    **others
        See SyntheticBaseline and Baseline.
    """

    features: str = "minmax"

    gan_generator_hidden: tuple[int, ...] = Settings.gan_generator_hidden
    gan_critic_hidden: tuple[int, ...] = Settings.gan_critic_hidden
    gan_output: str = Settings.gan_output
    gan_latent: int = Settings.gan_latent
    gan_lr: float = Settings.gan_lr
    gan_penalty: float = Settings.gan_penalty
    gan_critic_steps: int = Settings.gan_critic_steps
    gan_batch: int = Settings.gan_batch
    gan_max_epochs: int = Settings.gan_max_epochs

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(self, whole=("gan_max_epochs",))
        self._settings()

    def _settings(self) -> Settings:
        """Return the settings of the CWGAN; ValueError for one out of its range."""
        given = {k: v for k, v in self.get_params().items() if k.startswith("gan_")}
        for name, value in given.items():
            if value is None:  # settings_for would use the preset's value
                raise InputError(f"{name} is None; pass a value, like {getattr(Settings, name)!r}")
        return settings_for("paper", given)

    def _train_gan(
        self,
        gan: CWGAN,
        x: Array,
        index: Array,
        a: Array,
        *,
        before_step: Callable[[int], None] = lambda step: None,
    ) -> MLP:
        """Return the generator after gan_max_epochs; FloatingPointError if training diverges."""
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
