"""One step of Adam, with a flag that records the step in which a parameter became NaN or inf."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module


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

    rate and eps include the bias corrections (tinygzsl/nn/adam.py). If p is no longer finite and
    bad (1,) int32 is 0, bad becomes the step; on a GPU the host doesn't wait for this.
    """
    xp = array_module(p, g, m, v)
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * (g * g)
    p -= rate * m / (xp.sqrt(v) + eps)
    bad[...] = xp.where((bad > 0) | xp.isfinite(p).all(), bad, step)
