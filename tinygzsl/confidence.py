"""The confidence score (eq. 7), absolute and relative to real samples."""

from __future__ import annotations

import math

from . import kernels
from .cwgan import generator_forward
from .nn import random
from .nn.mlp import MLP
from .nn.random import Purpose
from .ptc import PTC
from .runtime.backend import Array, array_module


def confidence_score(logits: Array, weights: Array | None = None) -> Array:
    """CS = exp(E KL(p(y|x) || p(y))), from 1 to the number of classes; a 0-d array.

    logits (n, S) are the PTC's, or its log p(y|x), which differ by a constant in each row and so
    have the same softmax. weights (n,), which sum to 1, replace the plain mean over samples in both
    expectations.
    """
    xp, n = array_module(logits), logits.shape[0]
    if weights is None:
        weights = xp.full(n, 1 / n, logits.dtype)
    return kernels.confidence_score(logits, weights)


def class_balanced_weights(y: Array, n_classes: int) -> Array:
    """Weights (n,) that sum to 1 and give every class of y (n,) the same total."""
    xp = array_module(y)
    counts = (y[:, None] == xp.arange(n_classes)).sum(axis=0)
    return 1 / (counts[y] * (counts > 0).sum())


class ConfidenceScorer:
    """Scores generators on one fixed set of noise and classes, uniform over the seen classes.

    reference is the score of held-out real samples, class-balanced: what a perfect generator
    could be expected to reach (a reference, not a bound; the bound is S). Both scores are of
    log p(y|x), of which the kernel takes a softmax again: that is rounding only, and keeps the
    digits of the curves that were measured so.
    """

    def __init__(
        self,
        ptc: PTC,
        prototypes: Array,
        x_held: Array,
        y_held: Array,
        *,
        latent: int,
        per_class: int,
        seed: int,
    ):
        xp = array_module(prototypes, x_held, y_held)
        n_classes = prototypes.shape[0]
        shape = (per_class * n_classes, latent)
        dtype = str(prototypes.dtype)
        self.ptc = ptc
        self.z = random.normal(xp, seed, 0, Purpose.SCORE_NOISE, shape, dtype)
        self.a = prototypes[xp.arange(per_class * n_classes) % n_classes]
        weights = class_balanced_weights(y_held, n_classes).astype(dtype)
        self.reference = float(confidence_score(ptc.log_proba(x_held), weights))

    @property
    def tells_classes_apart(self) -> bool:
        """Whether CS_ref is above 1, without which no score is relative to it."""
        return self.reference >= 1 + 1e-6

    def score(self, generator: MLP) -> float:
        """CS of the generator's samples."""
        fake, _ = generator_forward(generator, self.z, self.a)
        return float(confidence_score(self.ptc.log_proba(fake)))

    def relative(self, cs: float) -> float:
        """r = ln CS / ln CS_ref: 0 for samples that all look alike, 1 for real ones."""
        return math.log(cs) / max(math.log(self.reference), 1e-12)
