"""A warning of classes that no prototype tells apart."""

from __future__ import annotations

import warnings

import numpy as np

from ..runtime.backend import Array, to_host


def warn_if_same(labels: np.ndarray, a: Array, since: int = 0) -> None:
    """Warn where class labels[i], i >= since, has the scaled prototype a[i] of one before it.

    labels (C,), a (C, k). Equal prototypes have equal scores, and the first of them wins.
    """
    first: dict[bytes, int] = {}
    pairs = []
    for i, row in enumerate(to_host(a)):
        other = first.setdefault(row.tobytes(), i)
        if other != i and i >= since:
            pairs.append((labels[other], labels[i]))
    if pairs:
        more = f" and {len(pairs) - 1} more do" if len(pairs) > 1 else ""
        warnings.warn(
            f"classes {pairs[0][0]!s} and {pairs[0][1]!s} have the same prototype once it is "
            f"scaled{more}, so eqs. 1 and 2 can't tell them apart and the first one wins; give "
            "each class a prototype of its own, or scale otherwise",
            stacklevel=4,  # the call of fit or of route
        )
