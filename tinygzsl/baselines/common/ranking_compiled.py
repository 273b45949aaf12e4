"""The loop of ranking.py over an epoch's samples, compiled: 3 to 30 times faster than NumPy."""

from __future__ import annotations

import numpy as np

from ...runtime.array import Array
from ...runtime.compiled import compiled


def compiled_epoch(
    m: Array,
    order: Array,
    x: Array,
    start: Array,
    gram: Array,
    index: Array,
    *,
    lr: float,
    margin: float,
    weights: Array | None,
) -> float:
    """As ranking.ranking_epoch."""
    kind, worst_only = m.dtype.type, weights is None
    table = np.empty(0, kind) if weights is None else weights.astype(kind)
    index = index.astype(np.int64)
    total = _epoch(m, order, x, start, gram, index, kind(lr), kind(margin), table, worst_only)
    return total / len(order)


@compiled
def _epoch(m, order, x, start, gram, index, lr, margin, weights, worst_only):
    classes = m.shape[1]
    projected, f, df = np.empty((3, classes), m.dtype)
    total = 0.0
    for i in order:
        for j in range(classes):
            projected[j], f[j] = 0, start[i, j]
        for t in range(x.shape[1]):
            for j in range(classes):
                projected[j] += x[i, t] * m[t, j]
        for t in range(classes):
            for j in range(classes):
                f[j] += projected[t] * gram[t, j]
        loss = _loss(f, index[i], margin, weights, worst_only, df)
        total += loss
        if loss != 0:  # also true for NaN
            for t in range(x.shape[1]):
                for j in range(classes):
                    m[t, j] -= x[i, t] * (lr * df[j])
    return total


@compiled
def _loss(f, label, margin, weights, worst_only, df):
    """Return ranking.ranking_loss of one row of scores; its gradient is written to df."""
    total, count, worst = margin * 0, 0, label
    for j in range(f.size):
        v = margin + f[j] - f[label]
        df[j] = 0
        if j != label and not v <= 0:  # also true for NaN
            total += v
            count += 1
            df[j] = 1
            if worst == label or f[j] > f[worst]:
                worst = j
    if count == 0:
        return total
    if worst_only:
        for j in range(f.size):
            df[j] = j == worst
        df[label] = -1
        return margin + f[worst] - f[label]
    for j in range(f.size):
        df[j] *= weights[count]
    df[label] = -weights[count] * count
    return weights[count] * total
