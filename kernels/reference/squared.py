"""The squared error and its gradient."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module


def squared_error(x: Array, target: Array, scale: float, weight: float) -> tuple[Array, Array]:
    """Return loss = scale * sum (x - target)^2, a 0-d array, and dx (n, d), the gradient of
    weight * loss; dtarget is -dx.
    """
    xp = array_module(x, target)
    difference = x - target
    loss = xp.asarray((difference * difference).sum() * scale, dtype=x.dtype)  # eqs. 3 and 4
    return loss, (2 * scale * weight) * difference  # eqs. 3 and 4
