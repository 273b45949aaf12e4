"""A multilayer perceptron with hand-written backprop and double backprop, for any depth.

Layer l computes s_l = h_{l-1} W_l^T + b_l and h_l = phi(s_l); W_l is stored (out, in). Layers are
counted from 1 in formulas and from 0 in lists: W_l is params[2 (l - 1)], and e_l, v_l, r_l and the
caches of layer l are at place l - 1 of theirs.

- forward / backward: y and the gradients of <dy, y>.
- input_gradient / input_gradient_backward: g = d(sum_i y_i)/dx and the gradients of <u, g>, which
  is what the gradient penalty of eq. 6 needs.

Double backprop. With e_l = dy/dh_l and v_l = dy/ds_l = e_l * phi'(s_l), the input gradient runs
down the layers, e_{l-1} = v_l W_l, to g = e_0. Its own backward runs up again, from q_0 = u: t_l is
the derivative of <u, g> with respect to v_l, so t_l = q_{l-1} W_l^T and dW_l += v_l^T q_{l-1};
q_l = t_l * phi'(s_l) is the derivative with respect to e_l. If g is for the first `columns` inputs
only, t_1 = u W_1^T and dW_1 += v_1^T u are about these columns of W_1. Where phi is curved, <u, g>
also depends on s_l through phi'(s_l): r_l = t_l * e_l * phi''(s_l) enters the ordinary backward
pass at s_l. For ReLU and LeakyReLU phi'' = 0 and that pass is not run.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from ..errors import InputError
from ..runtime.array import Array, ArrayModule
from ..runtime.backend import array_module
from ..runtime.checks import check_array
from ..runtime.matmul import matmul
from ..storage.arrays_file import State
from ..text import quoted
from . import ops, random


class ForwardCache(NamedTuple):
    """Per layer: linear caches (h_{l-1}, W_l) and activation caches."""

    linear: list[ops.LinearCache]
    activation: list[Array]


class InputGradientCache(NamedTuple):
    """The forward cache and, per layer, e_l = dy/dh_l and v_l = dy/ds_l."""

    forward: ForwardCache
    e: list[Array]
    v: list[Array]


class MLP:
    """Fully connected layers: `hidden` activation between them, `output` after the last.

    params is [W_1, b_1, W_2, b_2, ...], W_l (out, in) and b_l (out,); gradients come in the same
    order. The arrays decide the device and the dtype.
    """

    def __init__(self, params: list[Array], *, hidden: str = "leaky_relu", output: str = "linear"):
        self.params = params
        self.hidden, self.output = hidden, output

    @classmethod
    def create(
        cls,
        xp: ArrayModule,
        sizes: list[int],
        *,
        seed: int,
        purpose: random.Purpose,
        step: int = 0,
        std: float | None = 0.02,
        hidden: str = "leaky_relu",
        output: str = "linear",
        dtype: str = "float32",
    ) -> MLP:
        """Return an MLP of the given layer sizes with weights N(0, std^2) and zero biases.

        With std=None a layer's standard deviation is 1 / sqrt(number of its inputs). Networks of
        one purpose need different steps: layer l draws its weights at step 64 step + l.
        """
        params = []
        for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
            w = random.normal(
                xp, (n_out, n_in), seed=seed, step=64 * step + layer, purpose=purpose, dtype=dtype
            )
            params += [w * (n_in**-0.5 if std is None else std), xp.zeros(n_out, dtype)]
        return cls(params, hidden=hidden, output=output)

    def copy(self) -> MLP:
        """The same network with its own copy of the parameters."""
        return MLP([p.copy() for p in self.params], hidden=self.hidden, output=self.output)

    def state(self, name: str) -> State:
        """Return the activations, and the parameters (not copies) as name.0, name.1, ..."""
        header = {"count": len(self.params), "hidden": self.hidden, "output": self.output}
        return State(header, {f"{name}.{i}": p for i, p in enumerate(self.params)})

    @classmethod
    def from_state(cls, name: str, *, header: dict[str, Any], arrays: dict[str, Array]) -> MLP:
        """Return the network that `state` described; it shares the arrays.

        header and arrays may hold other entries too. Raises KeyError if an entry is missing;
        whether the shapes fit is checked by `check`.
        """
        params = [arrays[f"{name}.{i}"] for i in range(header["count"])]
        return cls(params, hidden=header["hidden"], output=header["output"])

    def check(self, name: str, *, n_in: int, n_out: int, dtype: np.dtype[Any]) -> None:
        """ValueError unless the parameters are finite and map n_in inputs to n_out outputs."""
        if not self.params or len(self.params) % 2:
            raise InputError(f"{name} has {len(self.params)} parameters")
        width = n_in
        for weights, bias in zip(self.params[::2], self.params[1::2], strict=True):
            if weights.ndim != 2:
                raise InputError(f"{name} has weights of shape {weights.shape}")
            check_array(name, weights, (weights.shape[0], width), dtype=dtype)
            width = weights.shape[0]
            check_array(name, bias, (width,), dtype=dtype)
        if width != n_out:
            raise InputError(f"{name} has {width} outputs, not {n_out}")
        for activation in (self.hidden, self.output):
            if activation not in ops.ACTIVATIONS:
                raise InputError(f"{name} has the activation {quoted(activation, 20)}")

    @property
    def sizes(self) -> list[int]:
        """Layer sizes from input to output."""
        return [self.params[0].shape[1]] + [b.shape[0] for b in self.params[1::2]]

    def _activations(self) -> list[ops.Activation]:
        depth = len(self.params) // 2
        return [ops.activation(self.hidden)] * (depth - 1) + [ops.activation(self.output)]

    def forward(self, x: Array) -> tuple[Array, ForwardCache]:
        """Return y (n, out) for x (n, in), and the cache for backward and input_gradient."""
        linear, activated = [], []
        for phi, w, b in zip(self._activations(), self.params[::2], self.params[1::2], strict=True):
            x, cache, phi_cache = ops.dense_forward(x, w, b, phi)
            linear.append(cache)
            activated.append(phi_cache)
        return x, ForwardCache(linear, activated)

    @overload
    def backward(
        self,
        dy: Array,
        cache: ForwardCache,
        *,
        need_dx: Literal[True] = True,
        out: list[Array] | None = None,
    ) -> tuple[Array, list[Array]]: ...
    @overload
    def backward(
        self, dy: Array, cache: ForwardCache, *, need_dx: bool, out: list[Array] | None = None
    ) -> tuple[Array | None, list[Array]]: ...
    def backward(
        self,
        dy: Array,
        cache: ForwardCache,
        *,
        need_dx: bool = True,
        out: list[Array] | None = None,
    ) -> tuple[Array | None, list[Array]]:
        """Return dx (n, in), or None if not need_dx, and the gradients of <dy, y> by params.

        The gradients are in the order of params, and written into the arrays of `out` if given.
        """
        xp, phis, dh = array_module(dy, self.params[0]), self._activations(), dy
        grads = out or [xp.empty_like(p) for p in self.params]
        for i in reversed(range(len(phis))):
            linear, activation, dw = cache.linear[i], cache.activation[i], grads[2 * i]
            dx, db = ops.dense_backward(
                dh, linear, activation, phis[i], dw, need_dx=need_dx or i > 0
            )
            grads[2 * i + 1][...] = db
            if dx is not None:
                dh = dx
        return dx, grads

    def input_gradient(
        self, cache: ForwardCache, columns: int | None = None
    ) -> tuple[Array, InputGradientCache]:
        """Return g (n, columns) = d(sum of y)/dx for the first `columns` inputs (None: all).

        Raises ValueError unless the network has one output, and this is linear.
        """
        if self.output != "linear" or self.sizes[-1] != 1:
            raise InputError(
                f"input_gradient is for one linear output; this network has {self.sizes[-1]} "
                f"with {self.output}"
            )
        n = cache.linear[0][0].shape[0]
        vs = [array_module(self.params[0]).ones((n, 1), self.params[0].dtype)]
        es: list[Array] = []  # without the output layer's, which has no phi
        for i in reversed(range(1, len(cache.linear))):
            e = matmul(vs[0], self.params[2 * i])
            es = [e, *es]
            vs = [self._activations()[i - 1].backward(e, cache.activation[i - 1]), *vs]
        g = matmul(vs[0], self.params[0][:, :columns])
        return g, InputGradientCache(cache, es, vs)

    @overload
    def input_gradient_backward(
        self, u: Array, cache: InputGradientCache, *, need_dx: Literal[True]
    ) -> tuple[Array, list[Array]]: ...
    @overload
    def input_gradient_backward(
        self, u: Array, cache: InputGradientCache, *, need_dx: bool = False
    ) -> tuple[Array | None, list[Array]]: ...
    def input_gradient_backward(
        self, u: Array, cache: InputGradientCache, *, need_dx: bool = False
    ) -> tuple[Array | None, list[Array]]:
        """Return dx (n, in), or None if not need_dx, and the gradients of <u, g> by params.

        u has g's shape; dx is a Hessian-vector product.
        """
        xp = array_module(u, self.params[0])
        grads = [xp.zeros_like(p) for p in self.params]
        columns = u.shape[1]
        matmul(cache.v[0].T, u, out=grads[0][:, :columns])
        t = matmul(u, self.params[0][:, :columns].T)
        rs: list[Array] = []
        for i in range(len(cache.v) - 1):  # layer l = i + 1
            phi, phi_cache = self._activations()[i], cache.forward.activation[i]
            if phi.second is not None:
                rs.append(phi.second(cache.e[i], t, phi_cache))
            q = phi.backward(t, phi_cache)
            matmul(cache.v[i + 1].T, q, out=grads[2 * i + 2])
            t = matmul(q, self.params[2 * i + 2].T)
        if not rs:  # no curvature anywhere
            return xp.zeros_like(cache.forward.linear[0][0]) if need_dx else None, grads
        dx = self._add_second_order(rs, cache.forward, grads, need_dx=need_dx)
        return dx, grads

    def _add_second_order(
        self, rs: list[Array], cache: ForwardCache, grads: list[Array], *, need_dx: bool
    ) -> Array | None:
        """Run the ordinary backward pass of the r_l, from below the output; adds to grads."""
        phis = self._activations()
        dh: Array | None = None
        for i in reversed(range(len(rs))):
            ds = rs[i] if dh is None else rs[i] + phis[i].backward(dh, cache.activation[i])
            dh, dw, db = ops.linear_backward(ds, cache.linear[i], need_dx=need_dx or i > 0)
            grads[2 * i] += dw
            grads[2 * i + 1] += db
        return dh
