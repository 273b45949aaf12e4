"""The kernels' definitions in plain array-module code; every fused version is tested on these.

All functions take NumPy or CuPy arrays and keep their dtype. Entropies are in nats.
"""

from __future__ import annotations

import numpy as np

from ..backend import Array, array_module
from .reference_random import (
    normal_from,
    philox4x32,
    philox_integers,
    philox_normal,
    philox_uniform,
    philox_words,
    uniform_from,
)
from .reference_softmax import (
    confidence_score,
    log_softmax_entropy,
    route_codes,
    route_rows,
    soft_route_rows,
    softmax_loss,
    softmax_loss_backward,
    softmax_loss_forward,
)

__all__ = [
    "activation_gradient",
    "adam_update",
    "bias_activation",
    "centered_rows",
    "confidence_score",
    "critic_epilogue",
    "entropy_hinge",
    "gather_rows",
    "gradient_penalty",
    "log_softmax_entropy",
    "negative_distances",
    "normal_from",
    "penalty_epilogue",
    "philox4x32",
    "philox_integers",
    "philox_normal",
    "philox_uniform",
    "philox_words",
    "route_codes",
    "route_rows",
    "scale_rows",
    "segment_sum",
    "soft_route_rows",
    "softmax_loss",
    "softmax_loss_backward",
    "softmax_loss_forward",
    "squared_error",
    "uniform_from",
]


def adam_update(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    bad: Array,
    step: int,
) -> None:
    """One Adam update of p from its gradient g, in place on p and the moments m and v.

    rate and eps have the bias corrections folded in (optim.py). bad (1,) int32 gets the step, if
    it is 0 and p is no longer finite: a flag that is set without anybody waiting for it.
    """
    xp = array_module(p, g, m, v)
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * (g * g)
    p -= rate * m / (xp.sqrt(v) + eps)
    bad[...] = xp.where((bad > 0) | xp.isfinite(p).all(), bad, step)


def bias_activation(s: Array, b: Array, slope: float) -> Array:
    """phi(s + b) in place of s (n, units), phi(s) = s where s > 0, else slope * s."""
    s += b
    s *= _slopes(s, slope)
    return s


def activation_gradient(dy: Array, y: Array, slope: float) -> tuple[Array, Array]:
    """ds (n, units) and db (units,) for dy (n, units) and y = phi(s + b).

    slope >= 0, so y has the sign of s + b.
    """
    ds = dy * _slopes(y, slope)
    return ds, ds.sum(axis=0)


def _slopes(s: Array, slope: float) -> Array:
    """phi'(s): 1 where s > 0, else slope."""
    xp = array_module(s)
    return xp.where(s > 0, xp.asarray(1, s.dtype), xp.asarray(slope, s.dtype))


def critic_epilogue(
    s: Array, table: Array, index: Array, alpha: Array, w_out: Array, slope: float, delta: Array
) -> tuple[Array, Array]:
    """From a hidden layer's products to its gradients, for eq. 6 and one hidden layer.

    s (units, 2n) holds W_x x for n fake samples and n real ones, table (units, c) W_a a + b for c
    prototypes, index (n,) the sample's column of it, alpha (n,) the shares of the real samples and
    w_out (units,) the output weights, w in MATH.md. Since the layer before phi is linear, x^ needs
    no product of its own: s(x^) = alpha s(x) + (1 - alpha) s(x~).

    Writes dL/ds of fake and real and v = dD/ds at x^ into delta (units, 3n), and s(x^) over the
    first half of s. s(x) goes over the other half, which no step reads: the three versions of this
    kernel are compared by it. Returns the scores D - b' (2n,), fake and real, and dw_out (units,)
    without the penalty's part.
    """
    xp, n = array_module(s, table, index, alpha, w_out, delta), alpha.shape[0]
    offset = table[:, index]
    fake, real = s[:, :n] + offset, s[:, n:] + offset
    mixed = alpha * real + (1 - alpha) * fake
    up = w_out[:, None]
    delta[:, :n] = up * _slopes(fake, slope) / n  # eq. 6
    delta[:, n : 2 * n] = -up * _slopes(real, slope) / n  # eq. 6
    delta[:, 2 * n :] = up * _slopes(mixed, slope)  # eq. 6
    s[:, :n], s[:, n:] = mixed, real
    h_fake, h_real = fake * _slopes(fake, slope), real * _slopes(real, slope)
    return xp.concatenate([w_out @ h_fake, w_out @ h_real]), (h_fake - h_real).sum(axis=1) / n


def penalty_epilogue(t: Array, s: Array, slope: float) -> Array:
    """The penalty's part of dw_out (units,): sum_i t_i phi'(s_i(x^)).

    t is (units, n), and the first n columns of s are s(x^).
    """
    return (t * _slopes(s[:, : t.shape[1]], slope)).sum(axis=1)


def gradient_penalty(g: Array, weight: float) -> Array:
    """Norms |g_i| (n,) of the rows of g (n, d), and u = (2 weight / n) (1 - 1 / |g_i|) g_i over g.

    u is the gradient of weight * mean_i (|g_i| - 1)^2; it is 0 where |g_i| = 0.
    """
    xp = array_module(g)
    norm = xp.sqrt((g * g).sum(axis=1))
    inverse = 1 / xp.where(norm > 0, norm, xp.asarray(1, norm.dtype))
    g *= (2 * weight / max(g.shape[0], 1)) * (1 - inverse)[:, None]  # eq. 6
    return norm


def entropy_hinge(entropy: Array, n_seen: int, gamma: float, weight: float) -> tuple[Array, Array]:
    """max(0, H_S - H_P + gamma), a 0-d array, and the gradient (n,) of weight times that.

    H_S is the mean of the first n_seen entropies (n,), H_P that of the rest, the proxies.
    """
    xp, n_proxies = array_module(entropy), entropy.shape[0] - n_seen
    gap = entropy[:n_seen].mean() - entropy[n_seen:].mean() + gamma
    slope = weight * (gap > 0)  # eq. 8
    dentropy = xp.empty_like(entropy)
    dentropy[:n_seen], dentropy[n_seen:] = slope / n_seen, -slope / n_proxies
    return xp.asarray(xp.maximum(gap, 0), dtype=entropy.dtype), dentropy  # eq. 8


def squared_error(x: Array, target: Array, scale: float, weight: float) -> tuple[Array, Array]:
    """scale * sum (x - target)^2, a 0-d array, and dx (n, d) of weight times it; dtarget is -dx."""
    xp = array_module(x, target)
    difference = x - target
    loss = xp.asarray((difference * difference).sum() * scale, dtype=x.dtype)  # eqs. 3 and 4
    return loss, (2 * scale * weight) * difference  # eqs. 3 and 4


def gather_rows(x: Array, rows: Array, out: Array) -> Array:
    """Rows `rows` (n,) int64 of x (N, d) into out (n, d), which is returned."""
    out[...] = x[rows]
    return out


def segment_sum(values: Array, index: Array, n_segments: int) -> Array:
    """Sums (r, n_segments) of the first c columns of values (r, m) by index (c,) int64, c <= m.

    Column i is added to segment index[i]; a segment without columns is 0.
    """
    xp = array_module(values, index)
    chosen = (index[:, None] == xp.arange(n_segments)).astype(values.dtype)
    return values[:, : index.shape[0]] @ chosen


def scale_rows(x: Array, shift: Array, scale: Array, unit_rows: bool, out: Array) -> Array:
    """(x - shift) * scale into out, for x (n, d), each row divided by its length if unit_rows.

    Rows of zeros stay. Returns whether all of x is finite, as a 0-d array. out may be x.
    """
    xp = array_module(x, shift, scale, out)
    finite = xp.isfinite(x).all()
    with np.errstate(over="ignore", invalid="ignore"):  # it is said by the result
        out[...] = (x - shift) * scale
        if unit_rows:
            norm = xp.sqrt((out * out).sum(axis=1, keepdims=True))
            out /= xp.where(norm > 0, norm, xp.asarray(1, out.dtype))
    return xp.asarray(finite)


def centered_rows(x: Array, center: Array) -> tuple[Array, Array]:
    """u = x - center (n, m) for x (n, m) and center (m,), and the squared lengths (n,) of u."""
    u = x - center
    return u, (u * u).sum(axis=1)


def negative_distances(products: Array, u_squared: Array, v_squared: Array) -> Array:
    """-|u_i - v_j| over the inner products <u_i, v_j> (n, c), from squared lengths (n,) and (c,).

    Where rounding makes a square negative, the distance is 0.
    """
    xp = array_module(products, u_squared, v_squared)
    squares = u_squared[:, None] + v_squared - 2 * products
    products[...] = -xp.sqrt(xp.maximum(squares, 0))  # eqs. 1 and 2
    return products
