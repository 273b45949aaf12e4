"""Layers as pairs: X_forward(...) -> y, cache and X_backward(dy, cache) -> gradients.

dy is dL/dy, and a gradient has the shape of its variable. Weights are stored (out, in).

A smooth activation has a third function, X_second(e, t, cache) = e * t * phi''(s), the
second-order term of the double backprop in mlp.py. A piecewise-linear activation, phi(s) = s where
s > 0, else slope * s, has phi'' = 0 and a slope instead. Networks run its layers by dense_forward
and dense_backward, whose kernels also add the bias and sum its gradient. Its X_forward is the
definition that the gradient checks use. Its X_backward is used in the double backprop, which has no
bias, so the kernel's db is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, overload

from .. import kernels
from ..errors import InputError
from ..runtime.array import Array
from ..runtime.backend import array_module
from ..runtime.matmul import matmul

LinearCache = tuple[Array, Array]  # x and w
LEAK = 0.2  # the negative slope that f-CLSWGAN uses


def linear_forward(x: Array, w: Array, b: Array) -> tuple[Array, LinearCache]:
    """y = x w^T + b for x (n, in), w (out, in) and b (out,)."""
    return matmul(x, w.T) + b, (x, w)


@overload
def linear_backward(
    dy: Array, cache: LinearCache, *, need_dx: Literal[True] = True
) -> tuple[Array, Array, Array]: ...
@overload
def linear_backward(
    dy: Array, cache: LinearCache, *, need_dx: bool
) -> tuple[Array | None, Array, Array]: ...
def linear_backward(
    dy: Array, cache: LinearCache, *, need_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """dx (n, in) or None if not need_dx, dw (out, in) and db (out,)."""
    x, w = cache
    return matmul(dy, w) if need_dx else None, matmul(dy.T, x), dy.sum(axis=0)


def dense_forward(
    x: Array, w: Array, b: Array, phi: Activation
) -> tuple[Array, LinearCache, Array]:
    """y = phi(x w^T + b) with the caches of the linear layer and of phi."""
    if phi.slope is None:
        s, cache = linear_forward(x, w, b)
        y, phi_cache = phi.forward(s)
        return y, cache, phi_cache
    y = kernels.bias_activation(matmul(x, w.T), b, phi.slope)
    return y, (x, w), y


def dense_backward(
    dy: Array,
    cache: LinearCache,
    phi_cache: Array,
    phi: Activation,
    dw: Array,
    *,
    need_dx: bool = True,
) -> tuple[Array | None, Array]:
    """dx (n, in) or None and db (out,); dw (out, in) is written in place."""
    x, w = cache
    if phi.slope is None or phi.slope == 1:  # slope 1 is the identity: ds is dy, without a copy
        ds = phi.backward(dy, phi_cache)
        db = ds.sum(axis=0)
    else:
        ds, db = kernels.activation_gradient(dy, phi_cache, phi.slope)
    matmul(ds.T, x, out=dw)
    return matmul(ds, w) if need_dx else None, db


def identity_forward(s: Array) -> tuple[Array, Array]:
    """phi(s) = s."""
    return s, s


def identity_backward(dy: Array, y: Array) -> Array:
    """phi'(s) = 1."""
    return dy


def relu_forward(s: Array) -> tuple[Array, Array]:
    """phi(s) = max(0, s)."""
    y = array_module(s).maximum(s, 0)
    return y, y


def relu_backward(dy: Array, y: Array) -> Array:
    """phi'(s) = [s > 0], and 0 at the kink."""
    return kernels.activation_gradient(dy, y, 0.0)[0]


def leaky_relu_forward(s: Array) -> tuple[Array, Array]:
    """phi(s) = s where s > 0, else 0.2 s."""
    xp = array_module(s)
    y = xp.where(s > 0, s, xp.asarray(LEAK, s.dtype) * s)
    return y, y


def leaky_relu_backward(dy: Array, y: Array) -> Array:
    """phi'(s) = 1 where s > 0, else 0.2."""
    return kernels.activation_gradient(dy, y, LEAK)[0]


def sigmoid_forward(s: Array) -> tuple[Array, Array]:
    """phi(s) = 1 / (1 + e^-s), by tanh, which never overflows."""
    y = 0.5 * (1 + array_module(s).tanh(0.5 * s))
    return y, y


def sigmoid_backward(dy: Array, y: Array) -> Array:
    """phi' = y (1 - y)."""
    return dy * (y * (1 - y))


def sigmoid_second(e: Array, t: Array, y: Array) -> Array:
    """phi'' = y (1 - y) (1 - 2 y)."""
    return e * t * (y * (1 - y) * (1 - 2 * y))


def tanh_forward(s: Array) -> tuple[Array, Array]:
    """phi(s) = tanh(s)."""
    y = array_module(s).tanh(s)
    return y, y


def tanh_backward(dy: Array, y: Array) -> Array:
    """phi' = 1 - y^2."""
    return dy * (1 - y * y)


def tanh_second(e: Array, t: Array, y: Array) -> Array:
    """phi'' = -2 y (1 - y^2)."""
    return e * t * (-2 * y * (1 - y * y))


def softplus_forward(s: Array) -> tuple[Array, Array]:
    """phi(s) = log(1 + e^s)."""
    return array_module(s).logaddexp(s, 0), sigmoid_forward(s)[0]


def softplus_backward(dy: Array, sigmoid: Array) -> Array:
    """phi' = sigmoid(s)."""
    return dy * sigmoid


def softplus_second(e: Array, t: Array, sigmoid: Array) -> Array:
    """phi'' = sigmoid(s) (1 - sigmoid(s))."""
    return e * t * (sigmoid * (1 - sigmoid))


class Activation(NamedTuple):
    """An elementwise function and its derivative, with its second derivative or its slope."""

    forward: Callable[[Array], tuple[Array, Array]]
    backward: Callable[[Array, Array], Array]
    second: Callable[[Array, Array, Array], Array] | None = None
    slope: float | None = None


ACTIVATIONS = {
    "linear": Activation(identity_forward, identity_backward, slope=1.0),
    "relu": Activation(relu_forward, relu_backward, slope=0.0),
    "leaky_relu": Activation(leaky_relu_forward, leaky_relu_backward, slope=LEAK),
    "sigmoid": Activation(sigmoid_forward, sigmoid_backward, sigmoid_second),
    "tanh": Activation(tanh_forward, tanh_backward, tanh_second),
    "softplus": Activation(softplus_forward, softplus_backward, softplus_second),
}


def activation(name: str) -> Activation:
    """Return the activation of that name; the ValueError for other names lists the known ones."""
    if name not in ACTIVATIONS:
        raise InputError(f"activation is {name!r}; pass one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def class_table(prototypes: Array, y: Array) -> tuple[Array, Array]:
    """Return the prototypes (c, k) for a batch of classes y (n,), and each sample's row in them.

    Values that depend on the class alone can then be computed once per row. If there are more
    classes than samples, the rows are the samples' own prototypes, else all (S, k). To find the
    distinct classes of the batch would take longer, and the host would have to wait for a GPU.
    """
    if prototypes.shape[0] <= y.shape[0]:
        return prototypes, y
    return prototypes[y], array_module(y).arange(y.shape[0])
