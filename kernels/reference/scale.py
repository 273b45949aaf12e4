"""Features scaled by columns and rows, and checked for NaN and inf."""

from __future__ import annotations

import numpy as np

from ...runtime.array import Array
from ...runtime.backend import array_module


def scale_rows(x: Array, shift: Array, scale: Array, unit_rows: bool, out: Array) -> Array:
    """Write (x - shift) * scale, x (n, d), into out; unit_rows divides each row by its length.

    Rows of zeros stay zeros. Returns whether all of x is finite, as a 0-d array. out may be x.
    """
    xp = array_module(x, shift, scale, out)
    finite = xp.isfinite(x).all()
    with np.errstate(over="ignore", invalid="ignore"):  # the result reports it
        out[...] = (x - shift) * scale
        if unit_rows:
            norm = xp.sqrt((out * out).sum(axis=1, keepdims=True))
            out /= xp.where(norm > 0, norm, xp.asarray(1, out.dtype))
    return xp.asarray(finite)
