"""The base class of the methods that need the unseen prototypes in training."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ...datasets.array_checks import check_finite, check_matrix
from ...datasets.labelled_rows import prototype_table, table_with_classes
from ...datasets.named_columns import check_same_names
from ...datasets.scaling import scaled
from ...errors import InputError
from ...runtime.array import Array
from ...runtime.backend import to_host
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
        seen = prototype_table("prototypes", seen_prototypes)
        given, _ = table_with_classes(unseen_prototypes, None)
        fix = "put them in the order of seen_prototypes"
        check_same_names("unseen_prototypes", given.columns, wanted=seen.columns, fix=fix)
        unseen = np.array(to_host(given.array))  # a copy is kept
        check_matrix("prototypes", seen.array)
        columns = seen.array.shape[1]
        check_matrix("unseen_prototypes", unseen, columns=columns, why="seen_prototypes")
        check_finite("unseen_prototypes", unseen)
        with whole_or_not_at_all(self):
            self._unseen_prototypes = unseen
            self._train(X, y, seen)
        return self

    def _check_unseen(self, unseen: np.ndarray) -> None:
        check_matrix("unseen_prototypes", unseen)
        if not np.array_equal(unseen, self._unseen_prototypes):
            raise InputError(
                f"{self.title} was trained with {len(self._unseen_prototypes)} unseen prototypes, "
                f"but these {len(unseen)} are different; fit it again with them"
            )

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
