"""The element-wise work between the matrix products of a critic's step, see tinygzsl/critic.py."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module
from .activation import slopes


def critic_epilogue(
    s: Array, table: Array, index: Array, alpha: Array, w_out: Array, slope: float, delta: Array
) -> tuple[Array, Array]:
    """From a hidden layer's products to its gradients, for eq. 6 and one hidden layer.

    s (units, 2n) holds W_x x for n fake samples and n real ones, table (units, c) W_a a + b for c
    prototypes, index (n,) the sample's column of it, alpha (n,) the shares of the real samples and
    w_out (units,) the output weights, w in MATH.md. Since the layer before phi is linear, x^ needs
    no product of its own: s(x^) = alpha s(x) + (1 - alpha) s(x~).

    Writes dL/ds of fake and real and v = dD/ds at x^ into delta (units, 3n), s(x^) into the first
    half of s and s(x) into the second half; only the tests that compare the three versions read
    that half. Returns the scores D - b' (2n,), fake and real, and dw_out (units,) without the
    penalty's part.
    """
    xp, n = array_module(s, table, index, alpha, w_out, delta), alpha.shape[0]
    offset = table[:, index]
    fake, real = s[:, :n] + offset, s[:, n:] + offset
    mixed = alpha * real + (1 - alpha) * fake
    up = w_out[:, None]
    delta[:, :n] = up * slopes(fake, slope) / n  # eq. 6
    delta[:, n : 2 * n] = -up * slopes(real, slope) / n  # eq. 6
    delta[:, 2 * n :] = up * slopes(mixed, slope)  # eq. 6
    s[:, :n], s[:, n:] = mixed, real
    h_fake, h_real = fake * slopes(fake, slope), real * slopes(real, slope)
    return xp.concatenate([w_out @ h_fake, w_out @ h_real]), (h_fake - h_real).sum(axis=1) / n


def penalty_epilogue(t: Array, s: Array, slope: float) -> Array:
    """The penalty's part of dw_out (units,): sum_i t_i phi'(s_i(x^)).

    t is (units, n), and the first n columns of s are s(x^).
    """
    return (t * slopes(s[:, : t.shape[1]], slope)).sum(axis=1)


def gradient_penalty(g: Array, weight: float | Array) -> Array:
    """Return the norms |g_i| (n,) of the rows of g (n, d); replace g_i by its gradient u_i.

    u_i = (2 weight / n) (1 - 1 / |g_i|) g_i is the gradient of weight * mean_i (|g_i| - 1)^2; it is
    0 where |g_i| = 0.
    """
    xp = array_module(g)
    norm = xp.sqrt((g * g).sum(axis=1))
    inverse = 1 / xp.where(norm > 0, norm, xp.asarray(1, norm.dtype))
    g *= (2 * weight / max(g.shape[0], 1)) * (1 - inverse)[:, None]  # eq. 6
    return norm
