"""Rows picked by index, and columns summed by index."""

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split

LEAST = 1 << 16  # minimum elements per thread


def gather_rows(x, rows, out):
    """x (N, d), rows (n,) -> out (n, d): copied row by row, threads share the rows of out."""

    def part(low, high):
        _gather(x, rows[low:high], out[low:high])

    split(part, rows.shape[0], least=LEAST // max(x.shape[1], 1))
    return out


@compiled
def _gather(x, rows, out):
    for i in range(rows.size):
        row = x[rows[i]]
        for j in range(row.size):
            out[i, j] = row[j]


def segment_sum(values, index, n_segments):
    """values (r, m), index (c,) -> sums (r, n_segments): each number is added to its segment,
    without the reference's matrix of 0 and 1; threads share the r rows.
    """
    out = np.zeros((values.shape[0], n_segments), values.dtype)

    def part(low, high):
        _segment_sum(values[low:high], index, out[low:high])

    split(part, values.shape[0], least=LEAST // max(index.shape[0], 1))
    return out


@compiled
def _segment_sum(values, index, out):
    for r in range(values.shape[0]):
        for i in range(index.size):
            out[r, index[i]] += values[r, i]
