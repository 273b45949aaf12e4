"""CEWGAN-OD: a CWGAN with a cosine embedding loss, and an out-of-distribution detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..cwgan import CWGAN
from ..nn import random
from ..nn.adam import Adam
from ..nn.mlp import MLP
from ..nn.random import Purpose
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.checks import check_numbers
from .common.detector import detector_entropy, train_detector
from .common.generative import GenerativeBaseline
from .common.synthetic import BETAS, GANBaseline, softmax_part, synthesize
from .common.trained import Network, Number, Part


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class CEWGANOD(GANBaseline):
    """Mandal, Narayan, Dwivedi, Gupta, Ahmed, Khan, Shao: Out-of-Distribution Detection for
    Generalized Zero-Shot Action Recognition, CVPR 2019.

    As in the authors' code: min_G max_D L_WGAN + beta L_EMB + gamma L_REC on seen classes, L_WGAN
    that of this library's CWGAN, L_EMB = E[1 - cos(x~, x)] + E[max(0, cos(x~, x'))] with x a real
    sample of x~'s class and x' one of another class, L_REC the mean squared error of a decoder
    x~ -> a, which is trained on real samples beside the critic and on x~ beside G. One softmax
    classifier is trained on seen samples, another on synthetic unseen ones. A detector with one
    output per seen class minimises E[H(p(x))] + E[-log p(y | x)] - E[H(p(x~))] over seen x and
    synthetic unseen x~. A sample is of an unseen class where its entropy H is above the mean of the
    seen training samples; offset moves that threshold. The authors' code takes about half of it:
    a running sum over half-batches, divided by the number of all training samples, in the epoch
    that is best on the test set.

    The scores of the seen, and of the unseen, classes are their log-probabilities minus the maximum
    of these; (threshold - H) is added to the seen ones. The class with the largest score is then
    the one that detector and classifiers choose.

    Parameters
    ----------
    cosine_weight, reconstruction_weight : float
        beta and gamma, as in the authors' code.
    decoder_hidden : tuple of int
        Units of the decoder's hidden layers, as in the authors' code. All hidden layers are
        LeakyReLU; there the second one of G is a ReLU.
    per_class : int
        Synthetic samples per unseen class, as in the authors' code.
    detector_hidden : tuple of int
        Units of the detector's hidden layers, as in the authors' code.
    detector_epochs, detector_batch : int
        The detector's training by Adam with rate 1e-3 and betas (0.5, 0.999). Half of a batch are
        seen samples. The authors' batch is 128.
    classifier_batch : int
        The authors' is 50.
    **others
        See GANBaseline, SyntheticBaseline and Baseline.
    """

    title: ClassVar[str] = "CEWGAN (OD)"
    trained: ClassVar[dict[str, Part]] = {
        **GenerativeBaseline.trained,
        "_seen_classifier": softmax_part("S"),
        "_unseen_classifier": softmax_part("U"),
        "_detector": Network("d", "S"),
        "_threshold": Number(),
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "gan_max_epochs": (10, 30),
        "detector_epochs": (5, 20),
    }

    gan_generator_hidden: tuple[int, ...] = (4096, 4096)
    per_class: int = 50
    cosine_weight: float = 0.1
    reconstruction_weight: float = 0.01
    decoder_hidden: tuple[int, ...] = (4096, 4096)
    detector_hidden: tuple[int, ...] = (512, 512)
    detector_epochs: int = 50
    detector_batch: int = 100

    def _fit_all(self, x: Array, index: Array, a: Array, a_unseen: Array) -> None:
        self._generator = self._train_generator(x, index, a)
        fakes, labels = synthesize(
            self._generator, a_unseen, per_class=self.per_class, seed=self.seed
        )
        self._seen_classifier = self._softmax(x, index, n_classes=len(a))
        self._unseen_classifier = self._softmax(fakes, labels, n_classes=len(a_unseen))
        self._detector = train_detector(
            x,
            index,
            fakes,
            [x.shape[1], *self.detector_hidden, len(a)],
            epochs=self.detector_epochs,
            batch=self.detector_batch,
            seed=self.seed,
            callback=self._report,
        )
        self._threshold = float(detector_entropy(self._detector, x).mean(dtype="float64"))

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        weights = "cosine_weight", "reconstruction_weight"
        whole, widths = ("detector_epochs", "detector_batch"), ("decoder_hidden", "detector_hidden")
        check_numbers(self, whole=whole, weights=weights, widths=widths)

    def _train_generator(self, x: Array, index: Array, a: Array) -> MLP:
        terms = EmbeddingTerms(
            x,
            index,
            a,
            hidden=self.decoder_hidden,
            cosine_weight=self.cosine_weight,
            reconstruction_weight=self.reconstruction_weight,
            lr=self.gan_lr,
            seed=self.seed,
        )
        gan = CWGAN(
            np,
            d=x.shape[1],
            k=a.shape[1],
            settings=self._settings(),
            seed=self.seed,
            dtype=self.dtype,
            extra=terms,
        )
        steps, batch = self.gan_critic_steps, self.gan_batch

        def train_decoder(step: int) -> None:
            for at in range(step * steps, (step + 1) * steps):  # the critic's batches
                rows = random.integers(
                    np, batch, seed=self.seed, step=at, purpose=Purpose.REAL_BATCH, high=len(x)
                )
                terms.train_decoder(rows)

        return self._train_gan(gan, x, index, a, before_step=train_decoder)

    def _logits(self, x: Array) -> Array:
        seen, _ = kernels.log_softmax_entropy(self._seen_classifier.logits(x))
        unseen, _ = kernels.log_softmax_entropy(self._unseen_classifier.logits(x))
        seen -= seen.max(axis=1, keepdims=True)
        seen += (self._threshold - detector_entropy(self._detector, x))[:, None]
        return np.concatenate([seen, unseen - unseen.max(axis=1, keepdims=True)], axis=1)


class EmbeddingTerms:
    """The terms that CEWGAN adds to the generator's loss, and their decoder."""

    def __init__(
        self,
        x: Array,
        index: Array,
        a: Array,
        *,
        hidden: tuple[int, ...],
        cosine_weight: float,
        reconstruction_weight: float,
        lr: float,
        seed: int,
    ):
        self.x, self.index, self.a = x, index, a
        self.cosine_weight, self.reconstruction_weight = cosine_weight, reconstruction_weight
        self.decoder = MLP.create(
            np,
            [x.shape[1], *hidden, a.shape[1]],
            seed=seed,
            purpose=Purpose.GENERATOR_WEIGHTS,
            step=1,  # the generator itself is step 0
            dtype=str(x.dtype),
        )
        self.adam = Adam(self.decoder.params, lr=lr, betas=BETAS)

    def train_decoder(self, rows: Array) -> None:
        """Train the decoder for one step on real samples."""
        _, _, grads = reconstruction_loss(
            self.decoder, self.x[rows], self.a[self.index[rows]], weight=1.0
        )
        self.adam.step(grads)

    def __call__(self, fake: Array, rows: Array) -> tuple[Array, Array]:
        """Return the weighted terms of x~ (n, d), made for the classes of these rows, and dx~.

        Samples of other classes come from a cyclic shift of the batch: as its samples are drawn
        independently, a permutation would be no better. The decoder takes a step too.
        """
        cosine = self.cosine_weight
        y, others = self.index[rows], np.roll(rows, 1)
        same = np.ones(len(rows), bool)
        near, dnear = cosine_embedding_loss(fake, self.x[rows], same, weight=cosine)
        far, dfar = cosine_embedding_loss(
            fake, self.x[others], y == self.index[others], weight=cosine
        )
        decoded, ddecoded, grads = reconstruction_loss(
            self.decoder, fake, self.a[y], weight=self.reconstruction_weight
        )
        self.adam.step(grads)
        return near + far + decoded, dnear + dfar + ddecoded


def cosine_embedding_loss(
    fake: Array, real: Array, same: Array, *, weight: float
) -> tuple[Array, Array]:
    """Return weight times the mean loss of the rows, and its gradient dx~ (n, d).

    The loss of a row is 1 - cos(x~, x) where same (n,) is True, else max(0, cos(x~, x)); x~ and x
    are (n, d).
    """
    lengths = [np.sqrt((v * v).sum(axis=1, keepdims=True) + TINY) for v in (fake, real)]
    fake_unit, real_unit = fake / lengths[0], real / lengths[1]
    cos = (fake_unit * real_unit).sum(axis=1)
    loss = np.where(same, 1 - cos, np.maximum(cos, 0))
    scale = np.asarray(weight / len(fake), fake.dtype)
    dcos = scale * np.where(same, -1, cos > 0).astype(fake.dtype)[:, None]
    return weight * loss.mean(), dcos * (real_unit - cos[:, None] * fake_unit) / lengths[0]


TINY = 1e-12  # the least length to divide by, so that a sample of zeros has cosine 0


def reconstruction_loss(
    decoder: MLP, x: Array, a: Array, *, weight: float
) -> tuple[Array, Array, list[Array]]:
    """Return weight times the mean of (decoder(x) - a)^2, dx (n, d) and the decoder's gradients.

    The mean is over samples and attributes; the gradients are in the order of decoder.params.
    """
    decoded, cache = decoder.forward(x)
    loss, ddecoded = kernels.squared_error(decoded, a, 1 / a.size, weight)
    dx, grads = decoder.backward(ddecoded, cache)
    return weight * loss, dx, grads
