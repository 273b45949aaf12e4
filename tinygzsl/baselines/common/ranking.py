"""The base of ALE, DeViSE and SJE: a bilinear score, hinges on wrong classes, SGD by sample."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...kernels.dispatch import is_reference_only, numba_version
from ...nn import random
from ...runtime.array import Array
from .base import Baseline
from .checks import check_numbers
from .trained import Part, Values


@dataclass(kw_only=True, eq=False, repr=False)
class RankingBaseline(Baseline):
    """F(x, y) = x W a_y^T for W (d, k), trained by SGD with batches of one sample.

    A subclass has a margin and _weights(S), the weights of its violations: see ranking_loss.

    W is initialised with uniform numbers, each column scaled to length 1. Every epoch visits all
    samples in a new order at a constant learning rate, as in public code for the comparison of Xian
    et al. (github.com/mvp18/Popular-ZSL-Algorithms; Zero-Shot Learning - A Comprehensive Evaluation
    of the Good, the Bad and the Ugly, TPAMI 2019). A step uses the full gradient of its sample's
    loss.

    Parameters
    ----------
    lr : float
        Learning rate.
    epochs : int
        Passes over the samples; callback(epoch, logs) gets the mean loss of each.
    **others
        See Baseline.
    """

    trained: ClassVar[dict[str, Part]] = {"_w": Values("d", "k")}

    lr: float
    epochs: int
    margin = 1.0  # of ALE; in the other subclasses it is a parameter

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(self, whole=("epochs",), positive=("lr", "margin"))

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        w = initial_weights(d=x.shape[1], k=a.shape[1], seed=self.seed, dtype=self.dtype)
        m = np.zeros((x.shape[1], len(a)), self.dtype)  # W = w + m A
        start, gram, weights = x @ w @ a.T, a @ a.T, self._weights(len(a))
        for epoch in range(1, self.epochs + 1):
            order = random.permutation(
                np, len(x), seed=self.seed, step=epoch, purpose=random.Purpose.EPOCH_ORDER
            )
            loss = ranking_epoch(
                m, order, x, start, gram, index, lr=self.lr, margin=self.margin, weights=weights
            )
            if not np.isfinite(loss):
                raise FloatingPointError(
                    f"{self.title} diverged in epoch {epoch}: its loss is {loss}; lower lr, which "
                    f"is {self.lr:g}, or scale the features"
                )
            if self.callback:
                self.callback(epoch, {"phase": "ranking", "total": self.epochs, "loss": loss})
        self._w = w + m @ a

    def _scores(self, x: Array, a: Array) -> Array:
        return x @ self._w @ a.T

    @abstractmethod
    def _weights(self, n_classes: int) -> Array | None:
        """Return the weight of each number of violations, see ranking_loss."""


def initial_weights(*, d: int, k: int, seed: int, dtype: str) -> Array:
    """Return W (d, k): uniform numbers in [0, 1), each column divided by its length."""
    w = random.uniform(np, (d, k), seed=seed, step=0, purpose=random.Purpose.BASELINE_WEIGHTS)
    return (w / np.sqrt((w * w).sum(axis=0))).astype(dtype)


def ranking_loss(
    f: Array, index: Array, *, margin: float, weights: Array | None
) -> tuple[Array, Array]:
    """Return the losses (n,) of scores f (n, S) with class indices (n,), and the gradients (n, S).

    v_y = max(0, margin + f_y - f_label) for the S - 1 wrong classes; k of them have v_y > 0 and
    violate the margin. With weights (S,) the loss is weights[k] * sum_y v_y. Without weights it is
    max_y v_y; of equal maxima the first gets the gradient.
    """
    rows = np.arange(len(f))
    v = np.maximum(margin + f - f[rows, index][:, None], 0)
    v[rows, index] = 0
    if weights is None:
        worst = v.argmax(axis=1)
        loss, df = v[rows, worst], np.zeros_like(f)
        df[rows, worst] = loss > 0
    else:
        df = (v > 0) * weights[(v > 0).sum(axis=1)][:, None].astype(f.dtype)
        loss = (df * v).sum(axis=1)
    df[rows, index] -= df.sum(axis=1)
    return loss, df


def bilinear_loss(
    w: Array,
    x: Array,
    index: Array,
    a: Array,
    *,
    margin: float,
    weights: Array | None,
) -> tuple[float, Array]:
    """Return the mean ranking_loss of x (n, d) with prototypes a (S, k), and dw (d, k)."""
    loss, df = ranking_loss(x @ w @ a.T, index, margin=margin, weights=weights)
    return float(loss.mean()), x.T @ df @ a / len(x)


def ranking_epoch(
    m: Array,
    order: Array,
    x: Array,
    start: Array,
    gram: Array,
    index: Array,
    *,
    lr: float,
    margin: float,
    weights: Array | None,
) -> float:
    """Take a step for each sample of x (n, d) in this order, on m (d, S) in place.

    Returns the mean of the losses, each before its step. A step W -= lr x^T df A adds multiples of
    prototypes, so W = W_0 + m A always holds, and the step on m is m -= lr x^T df. The scores
    F = x W A^T are start + x m gram, with start (n, S) = x W_0 A^T and gram (S, S) = A A^T. This
    equals steps on W and costs less for S < k. The loop is compiled by Numba if possible.
    """
    if is_reference_only() or not numba_version():
        return reference_epoch(
            m, order, x, start, gram, index, lr=lr, margin=margin, weights=weights
        )
    from .ranking_compiled import compiled_epoch

    return compiled_epoch(m, order, x, start, gram, index, lr=lr, margin=margin, weights=weights)


def reference_epoch(
    m: Array,
    order: Array,
    x: Array,
    start: Array,
    gram: Array,
    index: Array,
    *,
    lr: float,
    margin: float,
    weights: Array | None,
) -> float:
    """As ranking_epoch, in NumPy."""
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # the loss is checked for NaN and inf
        for i in order:
            f = start[i] + x[i] @ m @ gram
            loss, df = ranking_loss(f[None], index[i : i + 1], margin=margin, weights=weights)
            m -= x[i][:, None] * (lr * df)
            total += float(loss[0])
    return total / len(order)
