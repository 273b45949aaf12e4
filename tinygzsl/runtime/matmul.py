"""The matrix product, split over the current workers (threads.py)."""

from __future__ import annotations

import numpy as np

from .array import Array
from .backend import array_module
from .threads import SERIAL, current, split

LEAST_MULTIPLICATIONS = 1 << 22  # minimum multiplications per thread: about 50 us


def matmul(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """Return a @ b for matrices, written into `out` if it is given."""
    xp = array_module(a, b)
    if current() is SERIAL or xp is not np:
        return xp.matmul(a, b, out=out)
    (rows, inner), columns = a.shape, b.shape[1]
    if out is None:
        out = xp.empty((rows, columns), xp.result_type(a, b))
    if rows > columns:

        def part(low: int, high: int) -> None:
            xp.matmul(a[low:high], b, out=out[low:high])

        split(part, rows, least=LEAST_MULTIPLICATIONS // max(inner * columns, 1))
    else:

        def part(low: int, high: int) -> None:
            xp.matmul(a, b[:, low:high], out=out[:, low:high])

        split(part, columns, least=LEAST_MULTIPLICATIONS // max(inner * rows, 1))
    return out
