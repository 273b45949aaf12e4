"""DEM (DZSL in the paper's tables): prototypes mapped to the visual space by a small network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..nn.adam import Adam
from ..nn.mlp import MLP
from ..nn.random import Purpose
from ..router import compatibility
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_numbers
from .common.trained import Network, Part

FROM_0_TO_100 = {"features": "none", "prototypes": "none", "steps": 5000}
STD, BIAS = 0.1, 0.1  # initial weights' standard deviation, and biases, as in the authors' code


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class DEM(Baseline):
    """Zhang, Xiang, Gong: Learning a Deep Embedding Model for Zero-Shot Learning, CVPR 2017.

    A network f maps prototypes to features, k -> hidden -> d, with a ReLU after both layers.
    Training minimises mean_i ||x_i - f(a_yi)||^2 / d + weight_decay / 2 ||parameters||^2, biases
    included, as in the authors' code. The score of a class is minus the distance of x and f(a): a
    sample's label is its nearest neighbour in the visual space, as in the authors' code for AWA1;
    that for CUB takes the largest cosine. Features must not be negative: f isn't.

    The samples of a class share f(a), so the objective is sum_c n_c / n ||mean_c - f(a_c)||^2 / d
    plus a constant. Each step of Adam uses its exact gradient, which costs no more than a batch in
    the authors' code (64 samples for AWA1, 100 for CUB).

    The defaults are for prototypes of length 1. They were chosen by validation on pseudo-unseen
    classes among the training samples of this library's three datasets. Those of the authors are
    for attributes from 0 to 100: `DEM(**DEM.published["AWA1"])`, or "CUB". Prototypes of length 1
    need larger weights, and so a smaller decay: with theirs f can be nearly the same for all
    classes.

    Parameters
    ----------
    hidden : int
        Units of the hidden layer: 1024 in the authors' AwA1_GBU.py, 1200 in their CUB1_GBU.py.
    lr : float
        Learning rate: 1e-4 and 1e-5 there.
    weight_decay : float
        1e-3 and 1e-2 there.
    steps : int
        Steps of Adam; the authors don't give their number, which is a guess in `published`.
    **others
        See Baseline.

    Attributes
    ----------
    published : dict
        The settings of the authors' code, by dataset.
    """

    title: ClassVar[str] = "DEM"
    trained: ClassVar[dict[str, Part]] = {"_net": Network("k", "d")}
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("none", "minmax"),
        "weight_decay": (1e-6, 1e-5, 1e-4, 1e-3),
        "hidden": (512,),  # hidden, lr and steps are one choice: smaller and faster than published
        "lr": (1e-3,),
        "steps": (1500,),
    }

    published: ClassVar[dict[str, dict[str, Any]]] = {
        "AWA1": {"hidden": 1024, "lr": 1e-4, "weight_decay": 1e-3, **FROM_0_TO_100},
        "CUB": {"hidden": 1200, "lr": 1e-5, "weight_decay": 1e-2, **FROM_0_TO_100},
    }

    features: str = "minmax"
    hidden: int = 512
    lr: float = 1e-3
    weight_decay: float = 1e-5
    steps: int = 1500

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        counts = np.bincount(index)
        means = np.stack([x[index == c].mean(axis=0) for c in range(len(a))])
        net = MLP.create(
            np,
            [a.shape[1], self.hidden, x.shape[1]],
            seed=self.seed,
            purpose=Purpose.BASELINE_WEIGHTS,
            std=STD,
            hidden="relu",
            output="relu",
            dtype=self.dtype,
        )
        for bias in net.params[1::2]:
            bias += BIAS
        adam = Adam(net.params, lr=self.lr)
        for step in range(1, self.steps + 1):
            with np.errstate(over="ignore", invalid="ignore"):  # checked below
                loss, grads = dem_loss(net, a, means, counts, weight_decay=self.weight_decay)
                adam.step(grads)
            if not math.isfinite(loss):
                raise FloatingPointError(f"DEM diverged in step {step}; lower lr, now {self.lr:g}")
            if self.callback:
                self.callback(step, {"phase": "dem", "total": self.steps, "loss": loss})
        self._net = net

    def _scores(self, x: Array, a: Array) -> Array:
        return compatibility(x, self._net.forward(a)[0], metric="euclidean")

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(self, whole=("hidden", "steps"), positive=("lr",), weights=("weight_decay",))


def dem_loss(
    net: MLP, a: Array, means: Array, counts: Array, *, weight_decay: float
) -> tuple[float, list[Array]]:
    """Return DEM's objective, without the constant, and the gradients of net.params.

    a (S, k) are prototypes; means (S, d) and counts (S,) are the mean and the number of each
    class's samples.
    """
    y, cache = net.forward(a)
    gap = y - means
    share = (counts / counts.sum() / means.shape[1]).astype(y.dtype)[:, None]
    squares = sum(float(np.vdot(p, p)) for p in net.params)
    loss = float((share * gap * gap).sum()) + 0.5 * weight_decay * squares
    _, grads = net.backward(2 * share * gap, cache, need_dx=False)
    for g, p in zip(grads, net.params, strict=True):
        g += np.asarray(weight_decay, p.dtype) * p
    return loss, grads
