"""The base class of the methods that need the unseen prototypes in training."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ...datasets.array_checks import check_finite, check_matrix
from ...datasets.scaling import scaled
from ...runtime.array import Array
from ...runtime.backend import as_array, to_host
from .base import Baseline, whole_or_not_at_all
from .trained import ANY, Part, Values


@dataclass(kw_only=True, eq=False, repr=False)
class GenerativeBaseline(Baseline):
    """A baseline that needs the unseen prototypes in training, so it is not strict.

    A subclass implements _fit_all(x, index, a, a_unseen), which trains a classifier of S + U
    classes, and _logits(x), its scores (n, S + U); it declares `trained`, with that of this class
    in it. Other unseen classes need another fit. Model files hold the unseen prototypes.
    """

    strict: ClassVar[bool] = False
    trained: ClassVar[dict[str, Part]] = {"_unseen_prototypes": Values("U", "k", dtype=ANY)}

    def fit(  # type: ignore[override]  # unseen prototypes have no default
        self,
        X: np.ndarray,
        y: np.ndarray,
        seen_prototypes: np.ndarray,
        *,
        unseen_prototypes: np.ndarray,
    ) -> Self:
        """Train on seen classes and the prototypes of unseen ones; see Baseline.fit.

        Parameters
        ----------
        X, y, seen_prototypes
            As for Baseline.fit.
        unseen_prototypes : array_like of shape (U, k)

        Returns
        -------
        self
        """
        seen = to_host(as_array(seen_prototypes))
        unseen = to_host(as_array(unseen_prototypes)).copy()  # it is kept
        check_matrix("prototypes", seen)
        check_matrix("unseen_prototypes", unseen, columns=seen.shape[1], why="seen_prototypes")
        check_finite("unseen_prototypes", unseen)
        with whole_or_not_at_all(self):
            self._unseen_prototypes = unseen
            self._train(X, y, seen)
        return self

    def decision_function(
        self, X: np.ndarray, unseen_prototypes: np.ndarray | None = None
    ) -> np.ndarray:
        """As Baseline.decision_function; ValueError for other prototypes than in training."""
        self._check_fitted()
        if unseen_prototypes is None:
            return super().decision_function(X)
        unseen_prototypes = to_host(as_array(unseen_prototypes))
        check_matrix("unseen_prototypes", unseen_prototypes)
        if not np.array_equal(unseen_prototypes, self._unseen_prototypes):
            raise ValueError(
                f"{self.title} was trained with {len(self._unseen_prototypes)} unseen prototypes, "
                f"but these {len(unseen_prototypes)} are different; fit it again with them"
            )
        return super().decision_function(X, unseen_prototypes)

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        a_unseen = scaled(
            "unseen_prototypes",
            self._unseen_prototypes,
            self._prototype_scaler,
            xp=np,
            dtype=self.dtype,
        )
        self._fit_all(x, index, a, a_unseen)

    def _scores(self, x: Array, a: Array) -> Array:
        return self._logits(x)[:, : len(a)]  # a has the seen classes, or all

    @abstractmethod
    def _fit_all(self, x: Array, index: Array, a: Array, a_unseen: Array) -> None:
        """As _fit, also with the scaled prototypes a_unseen (U, k) of the unseen classes."""

    @abstractmethod
    def _logits(self, x: Array) -> Array:
        """Return scores (n, S + U) of scaled samples x (n, d)."""
