"""Whitening by the within-class covariance of training samples, shrunk towards a multiple of I.

With n samples of d features, C = 1/n sum_i (x_i - mean of i's class)(x_i - mean of i's class)^T
and L L^T = C + shrink tr(C) / d I, a sample becomes L^-1 (x - mean). Distances are then in units of
how samples of one class differ. The condition of L L^T is at most 1 + d / shrink, whatever C is, so
fewer samples than features and features that never vary are no problem, and multiplying by L^-1 is
as exact as solving with L.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..runtime.array import Array
from ..runtime.backend import array_module, to_host
from ..runtime.checks import check_array
from ..runtime.matmul import matmul
from ..runtime.threads import split
from ..storage.arrays_file import State

ROWS, COLUMNS = 1024, 256  # of a block: rows that are centred, columns that one product computes
SMALL = 64  # LAPACK inverts triangles of this size, products do the rest


class Whitening(NamedTuple):
    """Maps x to L^-1 (x - mean).

    mean is (d,); inverse is L^-1 (d, d), lower triangular.
    """

    mean: Array
    inverse: Array

    def apply(self, x: Array) -> Array:
        """Return x (n, d) whitened, in the dtype of x; computed in blocks of rows."""
        out = array_module(x, self.mean).empty_like(x)
        for rows in _slices(0, x.shape[0], step=ROWS):
            centred = x[rows] - self.mean
            for part in _slices(0, x.shape[1], step=COLUMNS):  # L^-1 is 0 right of its diagonal
                lines = self.inverse[part, : part.stop]
                matmul(centred[:, : part.stop], lines.T, out=out[rows, part])
        return out

    def state(self, name: str) -> State:
        """Return the arrays as name_mean and name_inverse."""
        return State({}, {f"{name}_mean": self.mean, f"{name}_inverse": self.inverse})

    @classmethod
    def from_state(cls, name: str, *, arrays: dict[str, Array]) -> Whitening:
        """Return the whitening with the arrays of `state`; KeyError if one is missing."""
        return cls(arrays[f"{name}_mean"], arrays[f"{name}_inverse"])

    def check(self, name: str, *, n: int, dtype: np.dtype[Any]) -> None:
        """ValueError unless the arrays are for n columns, finite and invertible."""
        check_array(f"{name}_mean", self.mean, (n,), dtype=dtype)
        check_array(f"{name}_inverse", self.inverse, (n, n), dtype=dtype)
        if not bool((to_host(self.inverse).diagonal() > 0).all()):
            raise InputError(f"{name}_inverse has a diagonal that is not positive")


def fit_whitening(x: Array, index: Array, *, shrink: float) -> Whitening:
    """Return the whitening of x (n, d) with class indices (n,), for a shrink above 0.

    Sums over blocks of rows and all that follows are computed in float64, on the host; the arrays
    have the dtype and the device of x. Raises ValueError if the samples of every class are equal.
    """
    xp, d = array_module(x), x.shape[1]
    _, index = np.unique(to_host(index), return_inverse=True)  # classes without samples don't count
    means = class_means(x, index)
    c = to_host(_within_class_covariance(x, index, means))
    rounding = 8 * np.finfo("float64").eps * to_host(xp.abs(means).max(axis=0))
    if not (c.diagonal() > rounding**2).any():
        raise InputError(
            "all samples of a class are equal, so their covariance is 0 and can't scale distances; "
            "pass samples that differ"
        )
    c[np.diag_indices(d)] += shrink * np.trace(c) / d
    inverse = inverse_of_lower(np.linalg.cholesky(c))
    mean = x.mean(axis=0, dtype="float64")
    return Whitening(mean.astype(x.dtype), xp.asarray(inverse, dtype=x.dtype))


def class_means(x: Array, index: Array) -> Array:
    """Return the mean (S, d) of each class's samples in float64; index (n,) is from 0 to S - 1."""
    xp, index = array_module(x), to_host(index)
    rows = (xp.asarray(np.flatnonzero(index == c)) for c in range(int(index.max()) + 1))
    return xp.stack([x[of_class].mean(axis=0, dtype="float64") for of_class in rows])


def inverse_of_lower(low: np.ndarray) -> np.ndarray:
    """Return the inverse of a lower triangular matrix (d, d), nearly all of it by products.

    [[A, 0], [B, D]] has the inverse [[A^-1, 0], [-D^-1 B A^-1, D^-1]].
    """
    if len(low) <= SMALL:
        return np.tril(np.linalg.inv(low))
    half = len(low) // 2
    first, last = inverse_of_lower(low[:half, :half]), inverse_of_lower(low[half:, half:])
    inverse = np.zeros_like(low)
    inverse[:half, :half], inverse[half:, half:] = first, last
    inverse[half:, :half] = -matmul(matmul(last, low[half:, :half]), first)
    return inverse


def _within_class_covariance(x: Array, index: np.ndarray, means: Array) -> Array:
    """C (d, d) in float64; its divisor is n."""
    xp = array_module(x, means)
    index_of = xp.asarray(index)

    def part(low: int, high: int) -> Array:
        total = xp.zeros((x.shape[1], x.shape[1]), "float64")
        for rows in _slices(low, high, step=ROWS):
            centred = (x[rows] - means[index_of[rows]]).astype(x.dtype)
            total += centred.T @ centred  # NumPy computes half of a matrix times its transpose
        return total

    if xp is not np:
        return part(0, x.shape[0]) / x.shape[0]
    return reduce(add, split(part, x.shape[0], least=ROWS)) / x.shape[0]


def _slices(low: int, high: int, *, step: int) -> list[slice]:
    """Slices of at most `step` that cover the range from low to high."""
    return [slice(at, min(at + step, high)) for at in range(low, high, step)]
