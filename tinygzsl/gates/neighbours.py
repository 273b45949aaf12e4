"""How near a sample is to its nearest training samples: a feature of the learned gate."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..nn.whitening import Whitening, fit_whitening
from ..runtime.array import Array
from ..runtime.backend import array_module, to_host
from ..runtime.checks import check_array
from ..runtime.matmul import matmul
from ..storage.arrays_file import State

NEAREST = 5
SHRINK = 0.3  # of the covariance towards a multiple of I
ROWS = 1024  # of a block: limits the matrix of cosines


class Neighbours(NamedTuple):
    """Training samples to compare with: their whitening, and directions (r, d) of length 1."""

    whitening: Whitening
    directions: Array

    def similarity(self, x: Array) -> np.ndarray:
        """Return the mean cosine (n,) of each whitened sample of x (n, d) with its nearest ones.

        The NEAREST directions with the largest cosines count. The result is on the host.
        """
        xp, k = array_module(x), min(NEAREST, self.directions.shape[0])
        found = []
        for low in range(0, x.shape[0], ROWS):
            cosines = matmul(_directions(self.whitening, x[low : low + ROWS]), self.directions.T)
            found.append(xp.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1))
        return to_host(xp.concatenate(found))

    def state(self, name: str) -> State:
        """Return the arrays as name_directions, name_mean and name_inverse."""
        whitening = self.whitening.state(name)
        return State({}, {**whitening.arrays, f"{name}_directions": self.directions})

    @classmethod
    def from_state(cls, name: str, *, arrays: dict[str, Array]) -> Neighbours:
        """Return the neighbours with the arrays of `state`; KeyError if one is missing."""
        whitening = Whitening.from_state(name, arrays=arrays)
        return cls(whitening, arrays[f"{name}_directions"])

    def check(self, name: str, *, n: int, dtype: np.dtype[Any]) -> None:
        """ValueError unless the arrays are for n columns and finite."""
        self.whitening.check(name, n=n, dtype=dtype)
        shape = (*self.directions.shape[:1], n)
        check_array(f"{name}_directions", self.directions, shape, dtype=dtype)


def fit_neighbours(x: Array, index: Array, *, rows: slice) -> Neighbours:
    """Return the neighbours among scaled training samples x (n, d) with class indices (n,).

    All samples give the whitening; only those of `rows` are kept. Raises ValueError if the samples
    of every class are equal.
    """
    whitening = fit_whitening(x, index, shrink=SHRINK)
    return Neighbours(whitening, _directions(whitening, x[rows]))


def _directions(whitening: Whitening, x: Array) -> Array:
    """Return whitened samples (n, d) scaled to length 1; one equal to the mean stays 0."""
    white = whitening.apply(x)
    xp = array_module(white)
    norm = xp.sqrt((white * white).sum(axis=1, keepdims=True))
    return white / xp.where(norm > 0, norm, xp.asarray(1, white.dtype))
