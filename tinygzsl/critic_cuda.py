"""OneLayerCritic for CuPy: the same loss in four products of whole rows.

A product of CuPy copies every operand that is not contiguous, and W_x, the part of W that meets x,
is not: three copies of the largest matrix in a step. So W stays whole and meets [x, a], a being the
sample's prototype. In u the columns of a are 0, as the penalty is on the gradient with respect to x
alone; then they add nothing to any norm, to t = W u or to dW, and no sum over classes is needed.
The price is k more columns per product.
"""

from __future__ import annotations

from . import kernels
from .critic import OneLayerCritic
from .nn import ops
from .nn.mlp import MLP
from .runtime.backend import Array, array_module
from .runtime.matmul import matmul


class WholeRowCritic(OneLayerCritic):
    """The loss of eq. 6 and its gradients, for batches of one size, as OneLayerCritic."""

    def __init__(self, critic: MLP, batch: int, d: int):
        xp, (h, columns) = array_module(*critic.params), critic.params[0].shape
        dtype = critic.params[0].dtype
        self.critic, self.d = critic, d
        self.slope = ops.activation(critic.hidden).slope
        self._x = xp.zeros((3 * batch, columns), dtype)  # [x~, a], [x, a] and [u, 0]
        self._s = xp.empty((h, 2 * batch), dtype)
        self._t = xp.empty((h, batch), dtype)
        self._delta = xp.empty((h, 3 * batch), dtype)
        self._grads = [xp.zeros_like(p) for p in critic.params]
        self._column = xp.zeros(batch, "int64")  # the biases are a table of one column
        self.fake, self.real = self._x[:batch, :d], self._x[batch : 2 * batch, :d]

    def gradients(self, prototypes: Array, y: Array, alpha: Array, penalty: float) -> list[Array]:
        """The gradients in the order of the critic's params, see OneLayerCritic.loss."""
        xp, n, d = array_module(prototypes, y, alpha), alpha.shape[0], self.d
        w, b, w_out, _ = self.critic.params
        dw, db, dw_out, _ = self._grads
        x, u, delta = self._x[: 2 * n], self._x[2 * n :], self._delta
        x[:n, d:] = x[n:, d:] = prototypes[y]

        s = matmul(w, x.T, out=self._s)
        arguments = b[:, None], self._column, alpha, w_out[0], self.slope, delta
        self._scores, from_scores = kernels.critic_epilogue(s, *arguments)
        matmul(delta[:, 2 * n :].T, w, out=u)  # the input gradient at x^
        u[:, d:] = 0
        self._norm = kernels.gradient_penalty(u, penalty)  # now u = dP/dg
        t = matmul(w, u.T, out=self._t)
        xp.add(from_scores, kernels.penalty_epilogue(t, s, self.slope), out=dw_out[0])
        matmul(delta, self._x, out=dw)
        delta[:, : 2 * n].sum(axis=1, out=db)
        return self._grads
