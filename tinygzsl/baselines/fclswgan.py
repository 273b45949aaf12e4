"""f-CLSWGAN: a conditional WGAN with the classification loss of a classifier of seen classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..cwgan import CWGAN
from ..nn import losses
from ..nn.mlp import MLP
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.checks import check_numbers
from .common.synthetic import GANBaseline, Softmax, train_softmax


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class FCLSWGAN(GANBaseline):
    """Xian, Lorenz, Schiele, Akata: Feature Generating Networks for Zero-Shot Learning, CVPR 2018.

    min_G max_D L_WGAN + beta L_CLS on seen classes. L_WGAN is that of this library's CWGAN, and
    L_CLS = -E[log P(y | G(z, a_y))] for a linear softmax P that is first trained on the seen
    samples. Then a softmax over all classes is trained on real seen and synthetic unseen samples.

    Parameters
    ----------
    classification_weight : float
        beta.
    pretrained_epochs : int
        Training of P by Adam with betas (0.5, 0.999) and batches of 100, as in the published code.
    per_class : int
        1800 for AWA1 and 300 for CUB there.
    gan_lr : float
        1e-5 for AWA1 and 1e-4 for CUB there; the other gan_* are as there, with min-max features.
    gan_max_epochs : int
        About 60 for CUB there, where the epoch is the best on the test set.
    **others
        See GANBaseline, SyntheticBaseline and Baseline.
    """

    title: ClassVar[str] = "f-CLSWGAN"
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "gan_max_epochs": (10, 30),
        "per_class": (100, 300),
    }

    classification_weight: float = 0.01
    pretrained_epochs: int = 50

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(self, whole=("pretrained_epochs",), weights=("classification_weight",))

    def _train_generator(self, x: Array, index: Array, a: Array) -> MLP:
        pretrained = train_softmax(
            x,
            index,
            n_classes=len(a),
            epochs=self.pretrained_epochs,
            batch=PRETRAINED_BATCH,
            lr=self.classifier_lr,
            seed=self.seed,
            callback=self._report,
        )

        def extra(fake: Array, rows: Array) -> tuple[Array, Array]:
            return classification_loss(
                pretrained, fake, index[rows], weight=self.classification_weight
            )

        gan = CWGAN(
            np,
            d=x.shape[1],
            k=a.shape[1],
            settings=self._settings(),
            seed=self.seed,
            dtype=self.dtype,
            extra=extra,
        )
        return self._train_gan(gan, x, index, a)


PRETRAINED_BATCH = 100


def classification_loss(
    classifier: Softmax, fake: Array, y: Array, *, weight: float
) -> tuple[Array, Array]:
    """Return weight times the mean of -log P(y | x~) over x~ (n, d) with labels y (n,), and dx~."""
    (cross_entropy, _), cache = losses.softmax_loss_forward(classifier.logits(fake), y)
    n = np.asarray(len(fake), fake.dtype)
    dce = np.full(len(fake), weight / n, fake.dtype)
    dlogits = losses.softmax_loss_backward(dce, np.zeros_like(dce), cache)
    return weight * cross_entropy.mean(), dlogits @ classifier.w
