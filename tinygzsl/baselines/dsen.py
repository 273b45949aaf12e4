"""DSEN: prototypes embedded among features by one network for seen and one for unseen classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..datasets.scaling import scaled
from ..router import compatibility
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.checks import check_numbers
from .common.generative import GenerativeBaseline
from .common.networks import train_networks
from .common.synthetic import BETAS
from .common.trained import Group, Network, Part
from .dsen_loss import dsen_loss, dsen_networks

TENTH_EVERY = 30  # epochs


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class DSEN(GenerativeBaseline):
    """Min, Yao, Xie, Zha, Zhang: Domain-Specific Embedding Network for Zero-Shot Recognition, ACM
    Multimedia 2019.

    Objective, sizes and training as in the published code (github.com/mboboGO/DSEN-for-GZSL), on
    given features. v = P(x) embeds a sample; e_s(a) = E(a) + E_s(a) and e_u(a) = E(a) + E_u(a)
    embed a prototype as one of a seen and of an unseen class; R decodes both, C is a linear softmax
    over all S + U classes. Minimises the sum of

        rank      E[1 - cos(v, e_s(a_y))] + E[1 - cos(v, e_u(a_y))]
        class     E[-ln p(y | v)]
        division  division_weight * mean of -log10 sum of p(c | e_u(a)) over unseen c, a any class's
        rec       reconstruction_weight * (mean of (R(e_s(a)) - a)^2 over the prototypes of seen
                  classes and their attributes + that of R(e_u(a)) over unseen ones)

    so training needs the prototypes of the unseen classes. If C's largest probability of a seen
    class is at least `threshold`, that class is the label, else the unseen class whose e_u(a) has
    the largest cosine with v. The scores are the probabilities for seen classes and
    threshold + cos - max cos for unseen ones, so the offset of calibrated stacking moves the
    threshold.

    Differences from the code: P is a linear layer with ReLU on pooled features, without the batch
    normalisation of the code's convolution, and the layers below are not fine-tuned. LeakyReLU has
    slope 0.2 instead of 0.01. The threshold is a parameter; the code chooses it on the test set. If
    C's most probable class is an unseen one, the code takes it; here the cosine decides.

    Parameters
    ----------
    latent, hidden : int
        Units.
    division_weight : float
        The code has 0.01, and 0.001 when it fine-tunes.
    reconstruction_weight : float
    threshold : float
        The least probability of a seen class, see above.
    lr, weight_decay : float
    epochs, batch : int
        Training by Adam with betas (0.5, 0.999); lr is divided by 10 every 30 epochs.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "DSEN"
    trained: ClassVar[dict[str, Part]] = {
        **GenerativeBaseline.trained,
        "_nets": Group(
            dict,
            projection=Network("d", "latent"),
            shared=Network("k", "latent"),
            unseen=Network("k", "latent"),
            classifier=Network("latent", "S + U"),
        ),
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("minmax", "standard"),
        "division_weight": (0.001, 0.01),
        "lr": (3e-4, 1e-3),
        "latent": (512,),  # latent, hidden and epochs are smaller than in the code, for CPUs
        "hidden": (256,),
        "epochs": (15,),
    }

    latent: int = 2048
    hidden: int = 1024
    division_weight: float = 0.01
    reconstruction_weight: float = 5.0
    threshold: float = 0.5
    lr: float = 1e-3
    weight_decay: float = 5e-5
    epochs: int = 90
    batch: int = 128

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        whole = "latent", "hidden", "epochs", "batch"
        weights = "weight_decay", "threshold", "division_weight", "reconstruction_weight"
        check_numbers(self, whole=whole, positive=("lr",), weights=weights)

    def _fit_all(self, x: Array, index: Array, a: Array, a_unseen: Array) -> None:
        both = np.concatenate([a, a_unseen])
        nets = dsen_networks(
            d=x.shape[1],
            k=a.shape[1],
            n_classes=len(both),
            latent=self.latent,
            hidden=self.hidden,
            seed=self.seed,
            dtype=self.dtype,
        )

        def loss(rows: Array) -> tuple[dict[str, Array], list[Array]]:
            return dsen_loss(
                nets,
                x[rows],
                index[rows],
                both,
                n_seen=len(a),
                division_weight=self.division_weight,
                reconstruction_weight=self.reconstruction_weight,
            )

        train_networks(
            nets,
            loss,
            n=len(x),
            model=self,
            betas=BETAS,
            weight_decay=self.weight_decay,
            tenth_every=TENTH_EVERY,
        )
        self._nets = nets

    def _logits(self, x: Array) -> Array:
        unseen = self._unseen_prototypes
        a = scaled("unseen_prototypes", unseen, self._prototype_scaler, xp=np, dtype=self.dtype)
        embedded = self._nets["shared"].forward(a)[0] + self._nets["unseen"].forward(a)[0]
        v = self._nets["projection"].forward(x)[0]
        log_p = kernels.log_softmax_entropy(self._nets["classifier"].forward(v)[0])[0]
        cos = compatibility(v, embedded, metric="cosine")
        nearest = cos - cos.max(axis=1, keepdims=True) + np.asarray(self.threshold, cos.dtype)
        return np.concatenate([np.exp(log_p[:, : -len(a)]), nearest], axis=1)
