"""Rows picked by index, and columns summed by index."""

from __future__ import annotations

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split

LEAST = 1 << 16  # elements a thread takes at least


def gather_rows(x, rows, out):
    """See reference.gather_rows."""

    def part(low, high):
        _gather(x, rows[low:high], out[low:high])

    split(part, rows.shape[0], LEAST // max(x.shape[1], 1))
    return out


@compiled
def _gather(x, rows, out):
    for i in range(rows.size):
        row = x[rows[i]]
        for j in range(row.size):
            out[i, j] = row[j]


def segment_sum(values, index, n_segments):
    """See reference.segment_sum."""
    out = np.zeros((values.shape[0], n_segments), values.dtype)

    def part(low, high):
        _segment_sum(values[low:high], index, out[low:high])

    split(part, values.shape[0], LEAST // max(index.shape[0], 1))
    return out


@compiled
def _segment_sum(values, index, out):
    for r in range(values.shape[0]):
        for i in range(index.size):
            out[r, index[i]] += values[r, i]
