"""Class Normalization: a network from prototypes to classifiers, normalised over the classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..errors import InputError
from ..nn import random
from ..nn.losses import softmax_loss_backward, softmax_loss_forward
from ..nn.mlp import MLP
from ..nn.ops import relu_backward, relu_forward
from ..nn.random import Purpose
from ..router import compatibility
from ..runtime.array import Array
from ..runtime.matmul import matmul
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_numbers
from .common.cosine import unit_rows_backward, unit_rows_forward
from .common.networks import train_networks
from .common.trained import Group, Network, Part, Values

EPS = 1e-5  # added to variances
KEPT = 0.9  # the share of the running moments that a step keeps


class Moments(NamedTuple):
    """Mean and variance (units,) over the classes."""

    mean: Array
    variance: Array


NormCache = tuple[Array, Array]  # h - mean (S, units) and 1 / (variance + EPS) (units,)
MOMENTS = Group(Moments, mean=Values("hidden"), variance=Values("hidden"))


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class ClassNormalization(Baseline):
    """Skorokhodov, Elhoseiny: Class Normalization for (Continual)? Generalized Zero-Shot Learning,
    ICLR 2021.

    A network makes a classifier p of a prototype a, which is first scaled to length sqrt(k):

        h1 = relu(W1 a + b1),  h2 = relu(N(W2 h1 + b2)),  p = relu(W3 N(h2) + b3)

    N(h) = (h - mean) / (variance + 1e-5) has no parameters; mean and unbiased variance of each unit
    are over the classes, and it divides by the variance, as in the authors' code. The score of a
    class is gamma^2 cos(x, p). The mean cross-entropy over the seen classes is minimised by Adam;
    every step has all seen prototypes. To predict, N takes running moments of training, to which a
    step adds a tenth, so classes that are scored together don't change each other's scores. As
    p >= 0, features should not be negative.

    W1, W2 and the biases begin uniform in +-1 / sqrt(inputs), W3 in +-sqrt(3 / (hidden d)), with
    which the p of a new network have the variance of 1 / d.

    Parameters
    ----------
    hidden : int
        Units of both hidden layers.
    gamma : float
        The root of the logits' scale.
    lr : float
        Adam's rate; a tenth of it after half of the epochs.
    weight_decay : float
        Times a parameter, added to its gradient.
    epochs, batch : int
        Training by Adam.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "Class Normalization"
    in_nats: ClassVar[bool] = True
    trained: ClassVar[dict[str, Part]] = {
        "_nets": Group(dict, inner=Network("k", "hidden"), outer=Network("hidden", "d")),
        "_moments": Group(dict, inner=MOMENTS, outer=MOMENTS),
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("none", "minmax"),
        "gamma": (3.0, 5.0),
    }

    features: str = "minmax"
    hidden: int = 1024
    gamma: float = 5.0
    lr: float = 5e-4
    weight_decay: float = 1e-4
    epochs: int = 30
    batch: int = 256

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(
            self,
            whole=("hidden", "epochs", "batch"),
            positive=("gamma", "lr"),
            weights=("weight_decay",),
        )

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        a = with_length_of_attributes(a)
        self._moments: dict[str, Moments] = {}
        self._nets = new_networks(
            k=a.shape[1], hidden=self.hidden, d=x.shape[1], seed=self.seed, dtype=self.dtype
        )

        def loss(rows: Array) -> tuple[dict[str, Array], list[Array]]:
            value, grads, moments = class_normalization_loss(
                self._nets, x[rows], index[rows], a, gamma=self.gamma
            )
            self._moments = {
                name: _blended(self._moments.get(name, new), new) for name, new in moments.items()
            }
            return {"loss": value}, grads

        train_networks(
            self._nets,
            loss,
            model=self,
            n=len(x),
            weight_decay=self.weight_decay,
            tenth_every=math.ceil(self.epochs / 2),
        )

    def _scores(self, x: Array, a: Array) -> Array:
        h, _ = self._nets["inner"].forward(with_length_of_attributes(a))
        h = np.maximum(_normalised(h, self._moments["inner"]), 0)
        p, _ = self._nets["outer"].forward(_normalised(h, self._moments["outer"]))
        return float(self.gamma * self.gamma) * compatibility(x, p, metric="cosine")


def with_length_of_attributes(a: Array) -> Array:
    """Return a (S, k) with every row scaled to length sqrt(k)."""
    return unit_rows_forward(a)[0] * np.asarray(math.sqrt(a.shape[1]), a.dtype)


def new_networks(*, k: int, hidden: int, d: int, seed: int, dtype: str) -> dict[str, MLP]:
    """Return the two parts of the network: "inner", up to the first N, and "outer", after both."""

    def draw(*shape: int, bound: float, step: int) -> Array:
        found = random.uniform(
            np, shape, seed=seed, step=step, purpose=Purpose.BASELINE_WEIGHTS, dtype=dtype
        )
        return 2 * bound * found - bound

    first, second, last = k**-0.5, hidden**-0.5, math.sqrt(3 / (hidden * d))
    inner = [
        draw(hidden, k, bound=first, step=0),
        draw(hidden, bound=first, step=1),
        draw(hidden, hidden, bound=second, step=2),
        draw(hidden, bound=second, step=3),
    ]
    outer = [draw(d, hidden, bound=last, step=4), draw(d, bound=second, step=5)]
    return {"inner": MLP(inner, hidden="relu"), "outer": MLP(outer, output="relu")}


def class_normalization_loss(
    nets: dict[str, MLP], x: Array, y: Array, a: Array, *, gamma: float
) -> tuple[Array, list[Array], dict[str, Moments]]:
    """Return the mean cross-entropy of a batch, the gradients by nets and params, and the moments.

    x is (n, d), the class indices y (n,), and a (S, k) the prototypes, already scaled.
    """
    scale, n = np.asarray(gamma * gamma, x.dtype), len(x)
    h, inner_cache = nets["inner"].forward(a)
    z, z_cache, inner = normalize_forward(h)
    h2, h2_cache = relu_forward(z)
    h3, h3_cache, outer = normalize_forward(h2)
    p, outer_cache = nets["outer"].forward(h3)
    (unit_x, _), (unit_p, p_cache) = unit_rows_forward(x), unit_rows_forward(p)
    logits = scale * matmul(unit_x, unit_p.T)
    (cross_entropy, _), softmax_cache = softmax_loss_forward(logits, y)

    dce = np.full(n, 1 / n, x.dtype)
    dlogits = softmax_loss_backward(dce, np.zeros_like(dce), softmax_cache)
    dp = unit_rows_backward(scale * matmul(dlogits.T, unit_x), p_cache)
    dh3, outer_grads = nets["outer"].backward(dp, outer_cache)
    dz = relu_backward(normalize_backward(dh3, h3_cache), h2_cache)
    dh = normalize_backward(dz, z_cache)
    _, inner_grads = nets["inner"].backward(dh, inner_cache, need_dx=False)
    moments = {"inner": inner, "outer": outer}
    return cross_entropy.sum() / n, inner_grads + outer_grads, moments


def normalize_forward(h: Array) -> tuple[Array, NormCache, Moments]:
    """N(h) = (h - mean) / (variance + EPS) (S, units) over the S rows, and the moments.

    ValueError for one row, which has no variance.
    """
    if len(h) < 2:
        raise InputError(f"h has {len(h)} rows, which have no variance; pass at least 2 classes")
    mean = h.mean(axis=0)
    centred = h - mean
    variance = (centred * centred).sum(axis=0) / (len(h) - 1)
    inverse = 1 / (variance + np.asarray(EPS, h.dtype))
    return centred * inverse, (centred, inverse), Moments(mean, variance)


def normalize_backward(dy: Array, cache: NormCache) -> Array:
    """dh (S, units): with c = h - mean and s = 1 / (variance + EPS),

    dc = s dy - 2 c s^2 sum(dy c) / (S - 1), and dh is dc minus its mean.
    """
    c, s = cache
    dc = s * dy - c * (2 * s * s * (dy * c).sum(axis=0) / (len(c) - 1))
    return dc - dc.mean(axis=0)


def _normalised(h: Array, moments: Moments) -> Array:
    return (h - moments.mean) / (moments.variance + np.asarray(EPS, h.dtype))


def _blended(old: Moments, new: Moments) -> Moments:
    """The running moments after a step; of the first step they are its own."""
    return Moments(
        mean=KEPT * old.mean + (1 - KEPT) * new.mean,
        variance=KEPT * old.variance + (1 - KEPT) * new.variance,
    )
