"""The kernels' definitions in plain array-module code; every fused version is tested on these.

All functions take NumPy or CuPy arrays and keep their dtype. Entropies are in nats.
"""

from __future__ import annotations

from ...runtime.backend import Array, array_module


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
