"""The similarity of samples to training samples, for a scaling of the features."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np

from ..datasets.scaling import Scaler, fit_and_scale, scaled
from ..gates.neighbours import Neighbours, fit_neighbours
from ..router import sample_rows
from ..storage.arrays_file import State


class Similarity(NamedTuple):
    """Training samples to compare with, and the scaler that comes before."""

    scaler: Scaler
    neighbours: Neighbours

    def of(self, X: np.ndarray) -> np.ndarray:
        """Return the similarity (n,) of features X (n, d)."""
        dtype = str(self.scaler.shift.dtype)
        return self.neighbours.similarity(scaled("X", X, self.scaler, xp=np, dtype=dtype))

    def state(self) -> State:
        """Return the arrays and the kind of scaler."""
        arrays = self.scaler.state("feature").arrays | self.neighbours.state("neighbours").arrays
        return State({"unit_rows": self.scaler.unit_rows}, arrays)

    @classmethod
    def from_state(cls, state: State, *, d: int, dtype: np.dtype[Any]) -> Self:
        """Return what `state` described, for d features; one of DAMAGED if it doesn't fit."""
        kind = "l2" if state.header["unit_rows"] else ""
        scaler = Scaler.from_state("feature", kind=kind, arrays=state.arrays)
        neighbours = Neighbours.from_state("neighbours", arrays=state.arrays)
        scaler.check("feature", n=d, dtype=dtype)
        neighbours.check("neighbours", n=d, dtype=dtype)
        return cls(scaler, neighbours)


def fit_similarity(X: np.ndarray, index: np.ndarray, *, scaling: str, dtype: str) -> Similarity:
    """Return the similarity to at most router.SAMPLE_ROWS of the training samples X (n, d).

    index (n,) are their class indices. Raises ValueError if the samples of every class are equal.
    """
    scaler, x = fit_and_scale("X", X, scaling, xp=np, dtype=dtype)
    return Similarity(scaler, fit_neighbours(x, index, rows=sample_rows(x)))
