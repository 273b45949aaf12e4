"""The critic's loss for one hidden, piecewise-linear layer, in four matrix products.

To rounding what cwgan.critic_loss (eq. 6) computes for any critic, with less work:

- s = W_x x + W_a a + b is linear in x, so s(x^) = alpha s(x) + (1 - alpha) s(x~) at x^ needs no
  product of its own, and fake and real samples share one.
- W_a a + b takes one value per class: a table with a column per prototype, and dW_a a sum over
  the samples of each class.
- phi'' = 0, so the penalty adds nothing to dL/ds, and dW_x is one product of the stacked
  [dL/ds at x~, dL/ds at x, v at x^] and [x~, x, u].

A row of s is a hidden unit and a column a sample: this orientation of the products is the faster
one. All large arrays are allocated once.

OneLayerCritic does so for NumPy; WholeRowCritic, for CuPy, keeps W in one piece.
"""

from __future__ import annotations

from collections.abc import Callable

from . import kernels
from .nn import losses, ops
from .nn.mlp import MLP
from .runtime.array import Array
from .runtime.backend import array_module
from .runtime.matmul import matmul
from .runtime.threads import split

LEAST_UNITS = 128  # hidden units that a thread takes at least


def is_fusable(critic: MLP) -> bool:
    """Whether OneLayerCritic can stand for the critic."""
    has_slope = ops.activation(critic.hidden).slope is not None
    return len(critic.params) == 4 and has_slope and critic.output == "linear"


class OneLayerCritic:
    """The loss of eq. 6 and its gradients, for batches of one size.

    W_x and W_a meet x and the prototypes apart, and the hidden units are shared among threads.
    fake and real (n, d) are the places where the caller puts its samples before `loss`.
    """

    def __init__(self, critic: MLP, batch: int, d: int):
        self._allocate(critic, batch, d, columns=d)

    def _allocate(self, critic: MLP, batch: int, d: int, columns: int) -> None:
        xp, h, dtype = array_module(*critic.params), len(critic.params[0]), critic.params[0].dtype
        self.critic, self.d = critic, d
        self.slope = ops.activation(critic.hidden).slope
        self._x = xp.zeros((3 * batch, columns), dtype)  # x~, x and u
        self._s = xp.empty((h, 2 * batch), dtype)
        self._t = xp.empty((h, batch), dtype)
        self._delta = xp.empty((h, 3 * batch), dtype)  # [delta~, delta, v] of MATH.md's step 5
        self._grads = [xp.zeros_like(p) for p in critic.params]
        self.fake, self.real = self._x[:batch, :d], self._x[batch : 2 * batch, :d]

    def loss(
        self, prototypes: Array, y: Array, alpha: Array, penalty: float
    ) -> tuple[dict, list[Array]]:
        """Terms and gradients like cwgan.critic_loss, for the samples in fake and real.

        y (n,) indexes the rows of prototypes (S, k), the same for fake and real, alpha (n,) lies in
        [0, 1]. The gradients, in the order of the critic's params, last until the next call.
        """
        grads = self.gradients(prototypes, y, alpha, penalty)
        return self.terms(penalty), grads

    def terms(self, penalty: float) -> dict:
        """The terms of the last gradients, which a training step seldom looks at."""
        n = self._norm.shape[0]
        wasserstein = self._scores[n:].mean() - self._scores[:n].mean()
        term = losses.penalty_of_norms(self._norm, penalty)
        return {"wasserstein": wasserstein, "penalty": term, "loss": term - wasserstein}  # eq. 6

    def gradients(self, prototypes: Array, y: Array, alpha: Array, penalty: float) -> list[Array]:
        """The gradients alone, see loss."""
        n = alpha.shape[0]
        w, u = self.critic.params[0], self._x[2 * n :]
        columns, index = ops.class_table(prototypes, y)

        parts = self._over_units(lambda rows: self._forward(rows, columns, index, alpha))
        self._scores = sum(parts)
        matmul(self._delta[:, 2 * n :].T, w[:, : self.d], out=u)  # the input gradient g at x^
        self._norm = kernels.gradient_penalty(u, penalty)  # g becomes u = dP/dg
        self._over_units(lambda rows: self._backward(rows, columns, index))
        return self._grads

    def _forward(self, rows: slice, columns: Array, index: Array, alpha: Array) -> Array:
        """Scores without the output bias (2n,), what the units `rows` add to them.

        Leaves s(x^) in _s and the gradients at x~ and x, and v, in _delta.
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
        """The gradients of the units `rows`.

        That of the output bias is 0: it cancels in D(x) - D(x~), and no input gradient depends on
        it.
        """
        w, (dw, db, dw_out, _) = self.critic.params[0], self._grads
        u, delta = self._x[-self._t.shape[1] :], self._delta[rows]
        t = matmul(w[rows, : self.d], u.T, out=self._t[rows])
        dw_out[0, rows] += kernels.penalty_epilogue(t, self._s[rows], self.slope)
        matmul(delta, self._x, out=dw[rows, : self.d])
        by_class = kernels.segment_sum(_pairs(delta, len(index)), index, columns.shape[0])
        matmul(by_class, columns, out=dw[rows, self.d :])
        db[rows] = by_class.sum(axis=1)

    def _over_units(self, part: Callable[[slice], Array]) -> list:
        """part(rows) on every worker's share of the hidden units."""
        return split(lambda low, high: part(slice(low, high)), len(self._s), LEAST_UNITS)


def _pairs(delta: Array, n: int) -> Array:
    """dL/ds (units, n) of a fake sample plus that of the real one with the same prototype.

    The two are +w/n and -w/n times phi', so where both lie on one side of the kink they cancel to
    0. Here they do exactly; in a long float32 sum of both, rounding would be left, and Adam's first
    steps make as much of rounding as of a gradient.
    """
    return delta[:, :n] + delta[:, n : 2 * n]


class WholeRowCritic(OneLayerCritic):
    """The same loss for CuPy, in four products of whole rows.

    A product of CuPy copies every operand that is not contiguous, and W_x, the part of W that meets
    x, is not: three copies of the largest matrix in a step. So W stays whole and meets [x, a], a
    being the sample's prototype. In u the columns of a are 0, as the penalty is on the gradient
    with respect to x alone; then they add nothing to any norm, to t = W u or to dW, and no sum over
    classes is needed. The price is k more columns per product.
    """

    def __init__(self, critic: MLP, batch: int, d: int):
        w = critic.params[0]
        self._allocate(critic, batch, d, columns=w.shape[1])  # [x~, a], [x, a] and [u, 0]
        self._column = array_module(w).zeros(batch, "int64")  # the biases are a table of one column

    def gradients(self, prototypes: Array, y: Array, alpha: Array, penalty: float) -> list[Array]:
        """The gradients alone, see loss."""
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
        dw[:, d:] = matmul(pairs, x[n:, d:])  # over what the whole product left there
        pairs.sum(axis=1, out=db)
        return self._grads
