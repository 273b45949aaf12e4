"""The critic's loss for one hidden, piecewise-linear layer, in four matrix products.

Up to rounding this equals cwgan.critic_loss (eq. 6), which works for any critic, with less work:

- s = W_x x + W_a a + b is linear in x, so s(x^) = alpha s(x) + (1 - alpha) s(x~) at x^ needs no
  product of its own, and fake and real samples share one.
- W_a a + b takes one value per class: a table with a column per prototype, and dW_a a sum over
  the samples of each class.
- phi'' = 0, so the penalty adds nothing to dL/ds, and dW_x is one product of the stacked
  [dL/ds at x~, dL/ds at x, v at x^] and [x~, x, u].

A row of s is a hidden unit and a column a sample; the products are faster in this orientation. All
large arrays are allocated once.

OneLayerCritic is for NumPy. WholeRowCritic is for CuPy and doesn't split W.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import TypeVar

from . import kernels
from .errors import InputError
from .nn import losses, ops
from .nn.mlp import MLP
from .runtime.array import Array
from .runtime.backend import array_module
from .runtime.matmul import matmul
from .runtime.threads import split

Result = TypeVar("Result")
LEAST_UNITS = 128  # minimum hidden units per thread


def is_fusable(critic: MLP) -> bool:
    """Return whether OneLayerCritic can compute the loss of this critic."""
    has_slope = ops.activation(critic.hidden).slope is not None
    return len(critic.params) == 4 and has_slope and critic.output == "linear"


class OneLayerCritic:
    """The loss of eq. 6 and its gradients, for batches of one size.

    The products of W_x with x and of W_a with the prototypes are separate, and threads share the
    hidden units. The caller writes its samples into fake and real (n, d) before it calls `loss`.
    """

    def __init__(self, critic: MLP, *, batch: int, d: int):
        self._allocate(critic, batch=batch, d=d, columns=d)

    def _allocate(self, critic: MLP, *, batch: int, d: int, columns: int) -> None:
        xp, h, dtype = array_module(*critic.params), len(critic.params[0]), critic.params[0].dtype
        self.critic, self.d = critic, d
        slope = ops.activation(critic.hidden).slope
        if slope is None:
            raise InputError(f"{critic.hidden} is curved; only is_fusable critics are fused")
        self.slope = slope
        self._x = xp.zeros((3 * batch, columns), dtype)  # x~, x and u
        self._s = xp.empty((h, 2 * batch), dtype)
        self._t = xp.empty((h, batch), dtype)
        self._delta = xp.empty((h, 3 * batch), dtype)  # [delta~, delta, v] of MATH.md's step 5
        self._grads = [xp.zeros_like(p) for p in critic.params]
        self.fake, self.real = self._x[:batch, :d], self._x[batch : 2 * batch, :d]

    def loss(
        self, prototypes: Array, y: Array, alpha: Array, *, penalty: float
    ) -> tuple[dict[str, Array], list[Array]]:
        """Return terms and gradients like cwgan.critic_loss, for the samples in fake and real.

        y (n,) indexes the rows of prototypes (S, k), the same for fake and real; alpha (n,) lies in
        [0, 1]. The gradients are in the order of the critic's params; the next call overwrites
        them.
        """
        grads = self.gradients(prototypes, y, alpha, penalty=penalty)
        return self.terms(penalty), grads

    def terms(self, penalty: float) -> dict[str, Array]:
        """Return the terms of the last gradients; most training steps don't need them."""
        n = self._norm.shape[0]
        wasserstein = self._scores[n:].mean() - self._scores[:n].mean()
        term = losses.penalty_of_norms(self._norm, penalty)
        return {"wasserstein": wasserstein, "penalty": term, "loss": term - wasserstein}  # eq. 6

    def gradients(
        self, prototypes: Array, y: Array, alpha: Array, *, penalty: float
    ) -> list[Array]:
        """Return the gradients only, see loss."""
        n = alpha.shape[0]
        w, u = self.critic.params[0], self._x[2 * n :]
        columns, index = ops.class_table(prototypes, y)

        parts = self._over_units(lambda rows: self._forward(rows, columns, index, alpha))
        self._scores = reduce(add, parts)
        matmul(self._delta[:, 2 * n :].T, w[:, : self.d], out=u)  # the input gradient g at x^
        self._norm = kernels.gradient_penalty(u, penalty)  # g becomes u = dP/dg
        self._over_units(lambda rows: self._backward(rows, columns, index))
        return self._grads

    def _forward(self, rows: slice, columns: Array, index: Array, alpha: Array) -> Array:
        """Return what the units `rows` contribute to the scores (2n,), without the output bias.

        s(x^) is left in _s, and the gradients at x~ and x, and v, in _delta.
        """
        w, b, w_out, _ = self.critic.params
        table = matmul(w[rows, self.d :], columns.T) + b[rows, None]
        x = self._x[: 2 * alpha.shape[0]]
        s = matmul(w[rows, : self.d], x.T, out=self._s[rows])
        scores, self._grads[2][0, rows] = kernels.critic_epilogue(
            s, table, index, alpha, w_out[0, rows], self.slope, self._delta[rows]
        )
        return scores

    def _backward(self, rows: slice, columns: Array, index: Array) -> None:
        """Compute the gradients of the units `rows`.

        The gradient of the output bias is 0: the bias cancels in D(x) - D(x~), and the input
        gradient doesn't depend on it.
        """
        w, (dw, db, dw_out, _) = self.critic.params[0], self._grads
        u, delta = self._x[-self._t.shape[1] :], self._delta[rows]
        t = matmul(w[rows, : self.d], u.T, out=self._t[rows])
        dw_out[0, rows] += kernels.penalty_epilogue(t, self._s[rows], self.slope)
        matmul(delta, self._x, out=dw[rows, : self.d])
        by_class = kernels.segment_sum(_pairs(delta, len(index)), index, columns.shape[0])
        matmul(by_class, columns, out=dw[rows, self.d :])
        db[rows] = by_class.sum(axis=1)

    def _over_units(self, part: Callable[[slice], Result]) -> list[Result]:
        """Return part(rows) for every worker's share of the hidden units."""
        return split(lambda low, high: part(slice(low, high)), len(self._s), least=LEAST_UNITS)


def _pairs(delta: Array, n: int) -> Array:
    """Return dL/ds (units, n) of each fake sample plus that of its real sample.

    The two have the same prototype and are +w/n and -w/n times phi', so they cancel if both are on
    the same side of the kink. In this pairwise sum they cancel exactly. A long float32 sum of all
    would leave a rounding error, which Adam's first steps scale up like a gradient.
    """
    return delta[:, :n] + delta[:, n : 2 * n]


class WholeRowCritic(OneLayerCritic):
    """The same loss for CuPy, in four products of whole rows.

    CuPy's matrix product copies operands that are not contiguous. W_x, a part of W, is not, so a
    step would copy the largest matrix three times. So the products use the whole W and [x, a], with
    a the sample's prototype. The columns of a in u are set to 0, as the penalty is on the gradient
    with respect to x only; they then don't change the norms, t = W u and dW. No sum over classes is
    needed. The cost is k more columns per product.
    """

    def __init__(self, critic: MLP, *, batch: int, d: int):
        w = critic.params[0]
        self._allocate(critic, batch=batch, d=d, columns=w.shape[1])  # [x~, a], [x, a] and [u, 0]
        self._column = array_module(w).zeros(batch, "int64")  # the table has one column, the biases

    def gradients(
        self, prototypes: Array, y: Array, alpha: Array, *, penalty: float
    ) -> list[Array]:
        """Return the gradients only, see loss."""
        xp, n, d = array_module(prototypes, y, alpha), alpha.shape[0], self.d
        w, b, w_out, _ = self.critic.params
        dw, db, dw_out, _ = self._grads
        x, u, delta = self._x[: 2 * n], self._x[2 * n :], self._delta
        x[:n, d:] = x[n:, d:] = prototypes[y]

        s = matmul(w, x.T, out=self._s)
        self._scores, from_scores = kernels.critic_epilogue(
            s, b[:, None], self._column, alpha, w_out[0], self.slope, delta
        )
        matmul(delta[:, 2 * n :].T, w, out=u)  # the input gradient at x^
        u[:, d:] = 0
        self._norm = kernels.gradient_penalty(u, penalty)  # now u = dP/dg
        t = matmul(w, u.T, out=self._t)
        xp.add(from_scores, kernels.penalty_epilogue(t, s, self.slope), out=dw_out[0])
        matmul(delta, self._x, out=dw)
        pairs = _pairs(delta, n)
        dw[:, d:] = matmul(pairs, x[n:, d:])  # replaces the result of the whole product
        xp.sum(pairs, axis=1, out=db)
        return self._grads
