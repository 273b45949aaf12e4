"""The base classes of all baselines: checks, scaling, labels from scores, calibrated stacking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ...datasets.array_checks import (
    check_dtype,
    check_finite,
    check_matrix,
    check_training_arrays,
    check_unseen,
)
from ...datasets.scaling import fit_and_scale, scaled
from ...nn.random import check_seed
from ...router import sample_rows, score_deviation
from ...runtime.array import Array
from ...runtime.backend import to_host
from ...runtime.threads import check_threads, workers
from ...sklearn_protocol import Parameters
from .checks import check_choice, check_finite_number

SCALERS = ("none", "minmax", "standard", "l2")


@dataclass(kw_only=True, eq=False, repr=False)
class Baseline(Parameters, ABC):
    """A classifier that scores samples against the prototypes of all classes.

    A subclass implements _fit(x, index, a) and _scores(x, a). Computation is in NumPy, on the CPU.

    Parameters
    ----------
    features, prototypes : {"none", "minmax", "standard", "l2"}
        The scalers, see tinygzsl.datasets.scaling.
    offset : float
        The offset of calibrated stacking, subtracted from the scores of seen classes. The unit is
        the standard deviation of the scores of training samples; 0 subtracts nothing.
    seed : int
        The seed of all random numbers.
    dtype : {"float32", "float64"}
        The dtype of the arrays.
    threads : int, optional
        Number of threads; by default as many as BLAS would use.
    callback : callable, optional
        callback(step, logs) is called during fit.

    Attributes
    ----------
    classes_ : ndarray of shape (S,)
        The seen classes, sorted.
    n_features_in_ : int
        d, the number of features.
    score_scale_ : float
        The unit of the offset.
    strict : bool
        Whether fit uses no prototypes of unseen classes.
    """

    strict: ClassVar[bool] = True
    title: ClassVar[str]  # its name in the tables
    # The values of each parameter that validation searches.
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {}

    features: str = "none"
    prototypes: str = "l2"
    offset: float = 0.0
    seed: int = 0
    dtype: str = "float32"
    threads: int | None = None
    callback: Callable[[int, dict[str, Any]], None] | None = None

    def fit(self, X: np.ndarray, y: np.ndarray, seen_prototypes: np.ndarray) -> Self:
        """Train on seen classes. If this fails, the model stays as it was before.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features.
        y : array_like of shape (n,)
            Labels.
        seen_prototypes : array_like of shape (S, k)
            Row i is the prototype of np.unique(y)[i].

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the arrays or parameters can't be trained with.
        FloatingPointError
            If training diverges.
        """
        with _whole_or_not_at_all(self):
            self._train(X, y, seen_prototypes)
        return self

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range; fit calls this first."""
        check_seed(self.seed)
        check_dtype(self.dtype)
        for name in ("features", "prototypes"):
            check_choice(self, name, choices=SCALERS)
        check_finite_number(self, "offset")

    def decision_function(self, X: np.ndarray, unseen_prototypes: np.ndarray) -> np.ndarray:
        """Return the scores of all classes, without subtracting the offset.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features.
        unseen_prototypes : array_like of shape (U, k)

        Returns
        -------
        ndarray of shape (n, S + U)
            Seen classes in the order of classes_, then the unseen ones.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it.
        """
        self._check_fitted()
        unseen = np.asarray(unseen_prototypes)
        k = self._seen_prototypes.shape[1]
        check_matrix("unseen_prototypes", unseen, columns=k, why="the model's seen prototypes")
        a = scaled("unseen_prototypes", unseen, self._prototype_scaler, xp=np, dtype=self.dtype)
        return self._score_rows(X, np.concatenate([self._seen_prototypes, a]))

    def predict(
        self,
        X: np.ndarray,
        unseen_prototypes: np.ndarray | None = None,
        unseen_classes: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the class with the largest score, after subtracting the offset.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features.
        unseen_prototypes : array_like of shape (U, k), optional
            Without them only seen classes are predicted.
        unseen_classes : array_like of shape (U,), optional
            The labels of the unseen prototypes.

        Returns
        -------
        ndarray of shape (n,)
            Labels.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it.
        """
        self._check_fitted()
        if unseen_prototypes is None:
            if unseen_classes is not None:
                raise ValueError("unseen_classes came without unseen_prototypes; pass both")
            return self.classes_[self._score_rows(X, self._seen_prototypes).argmax(axis=1)]
        unseen_prototypes, k = np.asarray(unseen_prototypes), self._seen_prototypes.shape[1]
        unseen = check_unseen(unseen_prototypes, unseen_classes, self.classes_, n_attributes=k)
        f = self.calibrated(self.decision_function(X, unseen_prototypes))
        return np.concatenate([self.classes_, unseen])[f.argmax(axis=1)]

    def calibrated(self, scores: np.ndarray) -> np.ndarray:
        """Return scores (n, S + U) with the offset subtracted from the S seen classes.

        Chao, Changpinyo, Gong, Sha: An Empirical Study and Analysis of Generalized Zero-Shot
        Learning for Object Recognition in the Wild, ECCV 2016. Raises ValueError if the offset is
        not a finite number.
        """
        check_finite_number(self, "offset")  # it may have been set after fit
        seen = np.arange(scores.shape[1]) < len(self.classes_)
        return scores - np.where(seen, self.offset * self.score_scale_, 0).astype(scores.dtype)

    def _train(self, X: np.ndarray, y: np.ndarray, seen_prototypes: np.ndarray) -> None:
        self.check()
        X, seen_prototypes = np.asarray(X), np.asarray(seen_prototypes)
        classes, index = check_training_arrays(X, y, seen_prototypes)
        with workers(check_threads(self.threads)):
            scale_x, x = fit_and_scale("X", X, self.features, xp=np, dtype=self.dtype)
            scale_a, a = fit_and_scale(
                "prototypes", seen_prototypes, self.prototypes, xp=np, dtype=self.dtype
            )
            self._feature_scaler, self._prototype_scaler = scale_x, scale_a
            self._fit(x, index, a)
            self._seen_prototypes, self.n_features_in_ = a, X.shape[1]
            self.classes_ = classes
            self.score_scale_ = score_deviation(self._scores(x[sample_rows(x)], a))
        if not np.isfinite(self.score_scale_):
            raise FloatingPointError(f"{self.title} diverged: its scores are not finite")

    def _score_rows(self, X: np.ndarray, a: Array) -> np.ndarray:
        X = np.asarray(X)
        check_matrix("X", X, columns=self.n_features_in_, why="the training data")
        with workers(self.threads):
            x = scaled("X", X, self._feature_scaler, xp=np, dtype=self.dtype)
            return to_host(self._scores(x, a))

    def _check_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise ValueError("the model is not fitted; call fit first")

    @abstractmethod
    def _fit(self, x: Array, index: Array, a: Array) -> None:
        """Train on scaled samples x (n, d), class indices (n,) and scaled prototypes a (S, k)."""

    @abstractmethod
    def _scores(self, x: Array, a: Array) -> Array:
        """Return scores (n, C) of scaled samples x (n, d) for any C scaled prototypes a (C, k)."""


@contextmanager
def _whole_or_not_at_all(model: Baseline) -> Iterator[None]:
    """Restore the model's attributes if the block fails or is interrupted."""
    before = dict(vars(model))
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        raise


@dataclass(kw_only=True, eq=False, repr=False)
class GenerativeBaseline(Baseline):
    """A baseline that needs the unseen prototypes in training, so it is not strict.

    A subclass implements _fit_all(x, index, a, a_unseen), which trains a classifier of S + U
    classes, and _logits(x), its scores (n, S + U). Other unseen classes need another fit.
    """

    strict: ClassVar[bool] = False

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
        seen, unseen = np.asarray(seen_prototypes), np.array(unseen_prototypes)  # a copy is kept
        check_matrix("prototypes", seen)
        check_matrix("unseen_prototypes", unseen, columns=seen.shape[1], why="seen_prototypes")
        check_finite("unseen_prototypes", unseen)
        with _whole_or_not_at_all(self):
            self._unseen_prototypes = unseen
            self._train(X, y, seen)
        return self

    def decision_function(self, X: np.ndarray, unseen_prototypes: np.ndarray) -> np.ndarray:
        """As Baseline.decision_function; ValueError for other prototypes than in training."""
        self._check_fitted()
        unseen_prototypes = np.asarray(unseen_prototypes)
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
