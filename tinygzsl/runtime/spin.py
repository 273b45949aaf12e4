"""Waiting for another thread without sleeping: waking up takes longer than many kernels run."""

from __future__ import annotations

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compiled import compiled


@intrinsic
def _load(typing_context, array, index):
    """array[index] of an int64 array, always read from memory, as another thread may write it."""

    def generate(context, builder, signature, args):
        view = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = cgutils.gep_inbounds(builder, view.data, args[1])
        return builder.load_atomic(pointer, ordering="acquire", align=8)

    return types.int64(array, types.intp), generate


@compiled
def spin(counters: np.ndarray, index: int, target: int, looks: int, more: int) -> bool:
    """Poll counters[index] up to `looks` times; return whether it reached target.

    If so, `more` polls follow, which give the other thread time to release the GIL: a thread that
    requests the GIL while it is held goes to sleep.
    """
    for _ in range(looks):
        if _load(counters, index) >= target:
            for _ in range(more):
                _load(counters, index)
            return True
    return False
