"""PSR: an encoder from prototypes to features that preserves the similarities of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..errors import InputError
from ..nn.adam import Adam
from ..nn.mlp import MLP
from ..nn.random import Purpose, uniform
from ..router import compatibility
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_numbers, is_number
from .common.cosine import unit_rows_backward, unit_rows_forward
from .common.trained import Network, Part


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class PSR(Baseline):
    """Annadani, Biswas: Preserving Semantic Relations for Zero-Shot Learning, CVPR 2018.

    f (encoder) maps prototypes to features and g (decoder) maps them back, both with one hidden
    ReLU layer; s is the cosine. Two classes with delta = s(a_m, a_n) are identical if delta is 1,
    semantically similar if it is at least tau, and dissimilar otherwise. For each sample x_i, with
    the prototype a_r of its class, a sample x_j of a similar class and a sample x_k of a dissimilar
    one are drawn. The loss is the mean of O_1 + similar_weight O_2 + reconstruction_weight O_3 with
    O_1 = -s(f(a_r), x_i) + (tau - delta_kr) s(f(a_r), x_k),
    O_2 = max(0, tau - s(f(a_r), x_j)) + max(0, s(f(a_r), x_j) - delta_jr) and
    O_3 = ||a_r - g(f(a_r))||^2. The score of a class is the cosine of x and f(a).

    The formulas are taken from a reader's notes (travelleralone.github.io). The code, the settings
    and the way the paper draws its triples were not found. Decided here: x_i, the classes of x_j
    and x_k, and then x_j and x_k are drawn uniformly; a term is 0 if there is no such class; and
    all defaults.

    Parameters
    ----------
    threshold : float
        tau, between -1 and 1.
    similar_weight, reconstruction_weight : float
        The weights of O_2 and O_3 (lambda_1 and lambda_2 in the paper).
    hidden : int
        Units of the hidden layers.
    lr : float
    batch_size, steps : int
        Training by Adam.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "PSR"
    trained: ClassVar[dict[str, Part]] = {"_encoder": Network("k", "d")}
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("standard", "minmax"),
        "threshold": (0.4, 0.7),
        "similar_weight": (0.1, 1.0),
    }

    features: str = "standard"
    threshold: float = 0.6
    similar_weight: float = 1.0
    reconstruction_weight: float = 1.0
    hidden: int = 512
    lr: float = 1e-3
    batch_size: int = 128
    steps: int = 500

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        d, k = x.shape[1], a.shape[1]
        self._encoder = self._network([k, self.hidden, d], Purpose.GENERATOR_WEIGHTS)
        self._decoder = self._network([d, self.hidden, k], Purpose.CRITIC_WEIGHTS)
        adam = Adam(self._encoder.params + self._decoder.params, lr=self.lr)
        x, partners = unit_rows_forward(x)[0], Partners(index, a, threshold=self.threshold)
        for step in range(1, self.steps + 1):
            u = uniform(
                np, (self.batch_size, 5), seed=self.seed, step=step, purpose=Purpose.REAL_BATCH
            )
            loss, encoder_grads, decoder_grads = psr_loss(
                self._encoder,
                self._decoder,
                a,
                partners.draw(x, u),
                threshold=self.threshold,
                similar_weight=self.similar_weight,
                reconstruction_weight=self.reconstruction_weight,
            )
            adam.step(encoder_grads + decoder_grads)
            if not np.isfinite(loss) or adam.diverged_at:
                raise FloatingPointError(f"PSR diverged in step {step}; lower lr, now {self.lr:g}")
            if self.callback:
                self.callback(step, {"phase": "psr", "total": self.steps, "loss": loss})

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        if not is_number(self.threshold) or not -1 < self.threshold < 1:
            raise InputError(f"threshold is {self.threshold!r}; pass a cosine between -1 and 1")
        check_numbers(
            self,
            whole=("hidden", "batch_size", "steps"),
            positive=("lr",),
            weights=("similar_weight", "reconstruction_weight"),
        )

    def _network(self, sizes: list[int], purpose: Purpose) -> MLP:
        return MLP.create(
            np,
            sizes,
            seed=self.seed,
            purpose=purpose,
            std=None,
            hidden="relu",
            dtype=self.dtype,
        )

    def _scores(self, x: Array, a: Array) -> Array:
        return compatibility(x, self._encoder.forward(a)[0], metric="cosine")


class Triples(NamedTuple):
    """B triples: the anchors' classes r (B,), samples of length 1 (B, d), and cosines (B,).

    The samples are x_i of class r, x_j of a similar and x_k of a dissimilar class; the cosines are
    those of the latter classes to r, NaN where there is no such class.
    """

    r: Array
    x_i: Array
    x_j: Array
    x_k: Array
    delta_j: Array
    delta_k: Array


class Partners:
    """The similar and the dissimilar classes of each class; draws samples of them."""

    def __init__(self, index: Array, a: Array, *, threshold: float):
        self.index = index
        self.counts = np.bincount(index)
        self.rows = np.argsort(index, kind="stable")  # sorted by class
        unit = unit_rows_forward(a.astype("float64"))[0]
        self.delta = unit @ unit.T
        self.similar = (self.delta >= threshold) & (self.delta < 1 - 1e-6)  # 1: identical
        self.dissimilar = self.delta < threshold

    def draw(self, x: Array, u: Array) -> Triples:
        """Draw B rows of x (n, d), of length 1, and their partners, by u (B, 5) in [0, 1)."""
        i = (u[:, 0] * len(x)).astype(np.int64)
        r = self.index[i]
        j, delta_j = self._samples(self.similar, r, u[:, 1:3])
        k, delta_k = self._samples(self.dissimilar, r, u[:, 3:])
        return Triples(r, x[i], x[j], x[k], delta_j.astype(x.dtype), delta_k.astype(x.dtype))

    def _samples(self, related: Array, r: Array, u: Array) -> tuple[Any, ...]:
        """Draw a related class of each r uniformly, then one of its samples; also the cosines."""
        choices = np.argsort(~related, axis=1, kind="stable")  # a row's related classes first
        number = related.sum(axis=1)[r]
        c = choices[r, (u[:, 0] * number).astype(np.int64)]
        first = np.cumsum(self.counts) - self.counts
        rows = self.rows[first[c] + (u[:, 1] * self.counts[c]).astype(np.int64)]
        return rows, np.where(number > 0, self.delta[c, r], np.nan)


def psr_loss(
    encoder: MLP,
    decoder: MLP,
    a: Array,
    triples: Triples,
    *,
    threshold: float,
    similar_weight: float,
    reconstruction_weight: float,
) -> tuple[float, list[Array], list[Array]]:
    """Return the loss of B triples and prototypes a (S, k), and both networks' gradients."""
    mapped, cache = encoder.forward(a)
    unit, unit_cache = unit_rows_forward(mapped)
    relations, dunit = relation_loss(unit, triples, threshold=threshold, weight=similar_weight)
    back, decoder_cache = decoder.forward(mapped)
    gap = back - a
    share = (np.bincount(triples.r, minlength=len(a)) / len(triples.r)).astype(a.dtype)
    dback = (2 * reconstruction_weight) * share[:, None] * gap
    dmapped, decoder_grads = decoder.backward(dback, decoder_cache)
    dmapped = dmapped + unit_rows_backward(dunit, unit_cache)
    encoder_grads = encoder.backward(dmapped, cache, need_dx=False)[1]
    reconstruction = float(share @ (gap * gap).sum(axis=1))
    return relations + reconstruction_weight * reconstruction, encoder_grads, decoder_grads


def relation_loss(
    unit: Array, triples: Triples, *, threshold: float, weight: float
) -> tuple[float, Array]:
    """Return the mean of O_1 + weight O_2 for f(a) (S, d) of length 1, and its gradient (S, d)."""
    r, x_i, x_j, x_k, delta_j, delta_k = triples
    f = unit[r]
    s_i, s_j, s_k = ((f * x).sum(axis=1) for x in (x_i, x_j, x_k))
    push = np.nan_to_num(threshold - delta_k)
    below, above = np.maximum(threshold - s_j, 0), np.maximum(s_j - delta_j, 0)
    has_j = ~np.isnan(delta_j)
    o_1 = -s_i + push * s_k
    o_2 = np.where(has_j, below + above, 0)
    pull = weight * np.where(has_j, np.sign(above) - np.sign(below), 0)
    chosen = (r == np.arange(len(unit))[:, None]).astype(unit.dtype)
    df = (-x_i + push[:, None] * x_k + pull[:, None] * x_j).astype(unit.dtype)
    return float((o_1 + weight * o_2).mean()), chosen @ df / len(r)
