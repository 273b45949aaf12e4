"""The confidence score (eq. 7), absolute and relative to real samples."""

from __future__ import annotations

import math
from typing import NamedTuple

from . import kernels
from .cwgan import generator_forward
from .nn import random
from .nn.mlp import MLP
from .nn.random import Purpose
from .ptc import PTC
from .runtime.array import Array
from .runtime.backend import array_module
from .settings import Settings


def confidence_score(logits: Array, weights: Array | None = None) -> Array:
    """CS = exp(E KL(p(y|x) || p(y))), from 1 to the number of classes; a 0-d array.

    logits (n, S) are the PTC's logits or its log p(y|x): they differ by a constant per row, so
    their softmax is the same. weights (n,), which sum to 1, replace the plain mean over samples in
    both expectations.
    """
    xp, n = array_module(logits), logits.shape[0]
    if weights is None:
        weights = xp.full(n, 1 / n, logits.dtype)
    return kernels.confidence_score(logits, weights)


def class_balanced_weights(y: Array, n_classes: int) -> Array:
    """Weights (n,) that sum to 1 and have the same sum for every class in y (n,)."""
    xp = array_module(y)
    counts = (y[:, None] == xp.arange(n_classes)).sum(axis=0)
    return 1 / (counts[y] * (counts > 0).sum())


class ConfidenceScorer:
    """Scores generators on one fixed set of noise and classes, uniform over the seen classes.

    reference is CS_ref, the class-balanced score of held-out real samples: the score expected of a
    perfect generator. It is not an upper bound; the upper bound is S. Both scores are computed from
    log p(y|x), and the kernel applies softmax again. This changes only the rounding; it is kept so
    that curves measured earlier stay the same.
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
        self.z = random.normal(
            xp, shape, seed=seed, step=0, purpose=Purpose.SCORE_NOISE, dtype=dtype
        )
        self.a = prototypes[xp.arange(per_class * n_classes) % n_classes]
        weights = class_balanced_weights(y_held, n_classes).astype(dtype)
        self.reference = float(confidence_score(ptc.log_proba(x_held), weights))

    @property
    def tells_classes_apart(self) -> bool:
        """Whether CS_ref is above 1; otherwise ln CS_ref = 0 and `relative` is undefined."""
        return self.reference >= 1 + 1e-6

    def score(self, generator: MLP) -> float:
        """CS of the generator's samples."""
        fake, _ = generator_forward(generator, self.z, self.a)
        return float(confidence_score(self.ptc.log_proba(fake)))

    def relative(self, cs: float) -> float:
        """r = ln CS / ln CS_ref: 0 if the classes can't be told apart, 1 for real samples."""
        return math.log(cs) / _log(self.reference)


class Window(NamedTuple):
    """The window of the confidence score as (low, high): of CS, and of r."""

    cs: tuple[float, float]
    relative: tuple[float, float]


def cs_window(settings: Settings, reference: float) -> Window:
    """Return s_l and s_h in both units, whichever of them was set; reference is CS_ref."""
    window, log_reference = (settings.cs_low, settings.cs_high), _log(reference)
    if settings.cs_unit == "relative":
        low, high = (math.exp(r * log_reference) for r in window)
        return Window(cs=(low, high), relative=window)
    low, high = (math.log(max(cs, 1.0)) / log_reference for cs in window)
    return Window(cs=window, relative=(low, high))


def _log(reference: float) -> float:
    return max(math.log(reference), 1e-12)  # CS_ref is 1 if the PTC can't tell classes apart
