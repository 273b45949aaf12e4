"""A layer's bias and piecewise-linear activation, and their gradient."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module


def bias_activation(s: Array, b: Array, slope: float) -> Array:
    """phi(s + b) in place of s (n, units), phi(s) = s where s > 0, else slope * s."""
    s += b
    s *= slopes(s, slope)
    return s


def activation_gradient(dy: Array, y: Array, slope: float) -> tuple[Array, Array]:
    """ds (n, units) and db (units,) for dy (n, units) and y = phi(s + b).

    slope >= 0, so y has the sign of s + b.
    """
    ds = dy * slopes(y, slope)
    return ds, ds.sum(axis=0)


def slopes(s: Array, slope: float) -> Array:
    """phi'(s): 1 where s > 0, else slope."""
    xp = array_module(s)
    return xp.where(s > 0, xp.asarray(1, s.dtype), xp.asarray(slope, s.dtype))
