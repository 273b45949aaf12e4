"""SADLE: two autoencoders with an aligned, discriminative latent space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..nn import losses
from ..nn.mlp import MLP
from ..router import compatibility
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_numbers
from .common.cosine import unit_rows_backward, unit_rows_forward
from .common.networks import create_networks, train_networks
from .common.trained import Group, Network, Part


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class SADLE(Baseline):
    """Gune, Banerjee, Chaudhuri: Structure Aligning Discriminative Latent Embedding for Zero-Shot
    Learning, BMVC 2018.

    After the description in its title and in the abstract of its successor (Gune, Pal, Mukherjee,
    Banerjee, Chaudhuri: Generative Model-driven Structure Aligning Discriminative Embeddings for
    Transductive Zero-shot Learning, 2020): a shallow network that aligns visual and semantic data
    in a latent space and makes the embeddings discriminative. No code or full objective was found.

    Decided here: f_v, g_v encode and decode features, f_s, g_s prototypes, each by one linear
    layer, and C is a linear softmax over the seen classes. With v = f_v(x) and s = f_s(a_y),
    minimises the sum of

        rec        mean (x - g_v(v))^2 + mean (a_y - g_s(s))^2
        align      align_weight * mean (v - s)^2
        structure  structure_weight * mean over pairs of a batch of
                   (cos(v_i, v_j) - cos(s_i, s_j))^2
        class      class_weight * (E[-ln p(y | v)] + E[-ln p(y | s)]) by C

    by Adam with betas (0.9, 0.999); means are over samples and dimensions. The score of a class is
    minus the Euclidean distance of f_v(x) and f_s(a). The defaults are those of this library's
    VSMM.

    Parameters
    ----------
    latent : int
        Dimensions of the latent space.
    align_weight, structure_weight, class_weight : float
        Weights of the terms.
    lr : float
    epochs, batch : int
        Training by Adam.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "SADLE"
    trained: ClassVar[dict[str, Part]] = {
        "_nets": Group(dict, f_v=Network("d", "latent"), f_s=Network("k", "latent"))
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("minmax", "standard"),
        "structure_weight": (0.1, 1.0),
        "class_weight": (0.1, 1.0),
    }

    features: str = "minmax"
    latent: int = 256
    align_weight: float = 1.0
    structure_weight: float = 1.0
    class_weight: float = 1.0
    lr: float = 1e-3
    epochs: int = 30
    batch: int = 128

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        weights = "align_weight", "structure_weight", "class_weight"
        check_numbers(self, whole=("latent", "epochs", "batch"), positive=("lr",), weights=weights)

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        nets = sadle_networks(
            d=x.shape[1],
            k=a.shape[1],
            n_seen=len(a),
            latent=self.latent,
            seed=self.seed,
            dtype=self.dtype,
        )

        def loss(rows: Array) -> tuple[dict[str, Array], list[Array]]:
            return sadle_loss(
                nets,
                x[rows],
                index[rows],
                a[index[rows]],
                align_weight=self.align_weight,
                structure_weight=self.structure_weight,
                class_weight=self.class_weight,
            )

        train_networks(nets, loss, n=len(x), model=self)
        self._nets = nets

    def _scores(self, x: Array, a: Array) -> Array:
        v, s = self._nets["f_v"].forward(x)[0], self._nets["f_s"].forward(a)[0]
        return compatibility(v, s, metric="euclidean")


def sadle_networks(
    *, d: int, k: int, n_seen: int, latent: int, seed: int, dtype: str
) -> dict[str, MLP]:
    """Return f_v, g_v, f_s, g_s and C by name."""
    shapes = {"f_v": [d, latent], "g_v": [latent, d], "f_s": [k, latent], "g_s": [latent, k]}
    return create_networks({**shapes, "c": [latent, n_seen]}, seed=seed, dtype=dtype)


def sadle_loss(
    nets: dict[str, MLP],
    x: Array,
    y: Array,
    a: Array,
    *,
    align_weight: float,
    structure_weight: float,
    class_weight: float,
) -> tuple[dict[str, Array], list[Array]]:
    """Return the terms of SADLE's objective on a batch, and the gradients by nets and params.

    x is (n, d), the class indices y (n,), and a (n, k) holds each sample's prototype. The terms are
    "rec", "align", "structure" and "class", unweighted, and "loss".
    """
    n = len(x)
    (v, f_v_cache), (s, f_s_cache) = nets["f_v"].forward(x), nets["f_s"].forward(a)
    (x_again, g_v_cache), (a_again, g_s_cache) = nets["g_v"].forward(v), nets["g_s"].forward(s)
    logits, c_cache = nets["c"].forward(np.concatenate([v, s]))

    rec_v, dx_again = kernels.squared_error(x_again, x, 1 / x.size, 1.0)
    rec_s, da_again = kernels.squared_error(a_again, a, 1 / a.size, 1.0)
    align, from_align = kernels.squared_error(v, s, 1 / v.size, align_weight)
    structure, dv, ds = structure_loss(v, s, weight=structure_weight)
    (cross_entropy, _), softmax_cache = losses.softmax_loss_forward(logits, np.tile(y, 2))
    dce = np.full(2 * n, class_weight / n, x.dtype)
    dlogits = losses.softmax_loss_backward(dce, np.zeros_like(dce), softmax_cache)

    dboth, c_grads = nets["c"].backward(dlogits, c_cache)
    from_g_v, g_v_grads = nets["g_v"].backward(dx_again, g_v_cache)
    from_g_s, g_s_grads = nets["g_s"].backward(da_again, g_s_cache)
    dv, ds = dv + from_align + dboth[:n] + from_g_v, ds - from_align + dboth[n:] + from_g_s
    _, f_v_grads = nets["f_v"].backward(dv, f_v_cache, need_dx=False)
    _, f_s_grads = nets["f_s"].backward(ds, f_s_cache, need_dx=False)

    terms = {"rec": rec_v + rec_s, "align": align, "structure": structure}
    terms["class"] = cross_entropy.sum() / n
    weights = 1.0, align_weight, structure_weight, class_weight
    terms["loss"] = reduce(add, (w * t for w, t in zip(weights, terms.values(), strict=True)))
    return terms, f_v_grads + g_v_grads + f_s_grads + g_s_grads + c_grads


def structure_loss(v: Array, s: Array, *, weight: float) -> tuple[Array, Array, Array]:
    """Return the mean over pairs of (cos(v_i, v_j) - cos(s_i, s_j))^2 for v and s (n, m).

    Also returns dv and ds of weight times this.
    """
    (unit_v, v_cache), (unit_s, s_cache) = unit_rows_forward(v), unit_rows_forward(s)
    difference = unit_v @ unit_v.T - unit_s @ unit_s.T
    dcos = difference * np.asarray(4 * weight / difference.size, v.dtype)  # each pair counts twice
    dv = unit_rows_backward(dcos @ unit_v, v_cache)
    return (difference * difference).mean(), dv, unit_rows_backward(-(dcos @ unit_s), s_cache)
