"""SYNC: classifiers of unseen classes synthesised from those of phantom classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..nn.lbfgs import NotFiniteError, minimize
from ..runtime.array import Array
from ..runtime.matmul import matmul
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_power
from .common.distances import squared_distances
from .common.trained import Number, Part, Values

MAX_ITERATIONS = 1000  # as in the authors' code
# L-BFGS stops where no entry of the gradient exceeds GRADIENT, or where the objective, whose
# minimum is of the order of 0.01, falls by less than DECREASE.
GRADIENT, DECREASE = 1e-7, 1e-12


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class SYNC(Baseline):
    """Changpinyo, Chao, Gong, Sha: Synthesized Classifiers for Zero-Shot Learning, CVPR 2016.

    The version called one-versus-other, with as many phantom classes as seen ones (R = S), at their
    prototypes. A class c with prototype a_c is recognised by w_c = sum_r s_cr v_r (d,), where s_cr
    is the softmax over r of -scale |a_c - b_r|^2, b_r is a phantom's prototype and v_r its
    classifier. Minimised over the v_r is

        1 / (n S) sum_i sum_c max(0, 1 - I_ic w_c^T x_i)^2 + lambda / 2 sum_c ||w_c||^2

    with I_ic +1 for a sample's class and -1 elsewhere. For R = S the w_c of the seen classes are
    free, so this convex problem is solved for them, and v = s^-1 w (by pseudo-inverse, as in the
    authors' code). Distances are in units of the median distance of two seen prototypes; in their
    code it is that of all classes.

    regularize  log2 of lambda
    scale       log2 of scale; -10 and 0 are those of the authors' example for AWA, where validation
                goes from -24 to -9 and from -5 to 5; for features of length 1, as in their code

    Raises ValueError for a log2 out of range, FloatingPointError if training diverges.
    """

    title: ClassVar[str] = "SYNC"
    trained: ClassVar[dict[str, Part]] = {
        "_unit": Number(positive=True),
        "_v": Values("S", "d", dtype="float64"),
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "regularize": (-22.0, -18.0, -14.0),
        "scale": (-4.0, -2.0, 0.0, 2.0),
    }

    features: str = "l2"
    regularize: float = -10.0
    scale: float = 0.0

    def check(self) -> None:
        """ValueError for a setting out of its range."""
        super().check()
        for name in ("regularize", "scale"):
            check_power(self, name, base=2, most=100)

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        signs = np.where(index[:, None] == np.arange(len(a)), 1, -1).astype(x.dtype)
        weight = float(2**self.regularize)  # a NumPy number would make float32 gradients float64
        w = train_one_versus_other(x, signs, weight=weight, callback=self.callback)
        distances = np.sqrt(squared_distances(a, a))
        self._unit = float(np.median(distances[np.triu_indices(len(a), 1)])) or 1.0
        self._v = np.linalg.pinv(self.similarities(a)) @ w

    def _scores(self, x: Array, a: Array) -> Array:
        w = self.similarities(a) @ self._v  # in float64: the v are large where s is near-singular
        return matmul(x, w.astype(self.dtype).T)

    def similarities(self, a: Array) -> Array:
        """s (C, S) of scaled prototypes a (C, k) and the phantom classes; each row sums to 1."""
        z = -(2 ** float(self.scale)) * squared_distances(a, self._seen_prototypes) / self._unit**2
        s = np.exp(z - z.max(axis=1, keepdims=True))
        return s / s.sum(axis=1, keepdims=True)


def one_versus_other_loss(
    w: Array, x: Array, signs: Array, *, weight: float
) -> tuple[float, Array]:
    """The objective of SYNC for class weights w (S, d), x (n, d), signs (n, S), and dw (S, d)."""
    gap = np.maximum(0, 1 - signs * matmul(x, w.T))
    dw = matmul((gap * signs).T, x)
    dw *= -2 / gap.size
    loss = float((gap * gap).sum(dtype="float64")) / gap.size
    return loss + 0.5 * weight * float((w * w).sum(dtype="float64")), dw + weight * w


def train_one_versus_other(
    x: Array,
    signs: Array,
    *,
    weight: float,
    callback: Callable[[int, dict[str, Any]], None] | None = None,
) -> Array:
    """The class weights (S, d) in float64 that minimise the objective, by L-BFGS from zero."""
    shape = signs.shape[1], x.shape[1]

    def objective(theta: Array) -> tuple[float, Array]:
        loss, dw = one_versus_other_loss(
            theta.reshape(shape).astype(x.dtype), x, signs, weight=weight
        )
        return loss, dw.ravel()

    def report(step: int, theta: Array) -> None:
        if callback:
            callback(step, {"phase": "sync", "total": MAX_ITERATIONS})

    try:
        found = minimize(
            objective,
            np.zeros(shape[0] * shape[1]),
            max_iterations=MAX_ITERATIONS,
            gradient_tolerance=GRADIENT,
            decrease=DECREASE,
            callback=report,
        )
    except NotFiniteError as error:
        raise FloatingPointError(
            f"SYNC diverged at evaluation {error.evaluation}: its {error.what} is NaN or inf; "
            "scale the features"
        ) from None
    return found.x.reshape(shape)
