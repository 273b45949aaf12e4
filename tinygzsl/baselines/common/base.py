"""The base class of all baselines: checks, scaling, labels from scores, calibrated stacking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ...datasets.array_checks import (
    check_dtype,
    check_matrix,
    check_training_arrays,
    check_unseen,
)
from ...datasets.labelled_rows import in_order_of_y, prototype_table, table_with_classes
from ...datasets.named_columns import Names, as_table
from ...datasets.scaling import fit_and_scale, scaled
from ...datasets.views import ONE
from ...errors import InputError
from ...nn.random import check_seed
from ...router import sample_rows, score_deviation
from ...runtime.array import Array
from ...runtime.backend import to_host
from ...runtime.checks import check_said
from ...runtime.labels import check_labels
from ...runtime.threads import check_threads, workers
from .checks import check_choice, check_finite_number
from .saving import Saved

SCALERS = ("none", "minmax", "standard", "l2")


@dataclass(kw_only=True, eq=False, repr=False)
class Baseline(Saved, ABC):
    """A classifier that scores samples against the prototypes of all classes.

    A subclass implements _fit(x, index, a) and _scores(x, a), and declares

    - `title`, its name in tables, and `grid`, the values that validation searches;
    - `trained`, the attributes that _scores needs beside the parameters and _seen_prototypes, the
      scaled prototypes a (S, k): {"_w": Values("d", "k")}, see tinygzsl.baselines.common.trained.
      Files hold these and no other attributes;
    - `in_nats = True` if its scores are logits or other logarithms of probabilities.

    Computation is in NumPy, on the CPU.

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
    feature_names_in_, attribute_names_in_ : ndarray of shape (d,), and of shape (k,)
        The names of the columns of X and of the prototypes, if fit got data frames with names.
    score_scale_ : float
        The unit of the offset.
    strict : bool
        Whether fit uses no prototypes of unseen classes.
    """

    strict: ClassVar[bool] = True
    title: ClassVar[str]  # its name in the tables
    # The values of each parameter that validation searches.
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {}
    in_nats: ClassVar[bool] = False  # the unit of the scores in predict_proba

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
        X : array_like or data frame of shape (n, d)
            Features. If all columns of a data frame have text for a name, later ones need the same
            columns in the same order.
        y : array_like of shape (n,)
            Labels.
        seen_prototypes : array_like or data frame of shape (S, k), or dict
            Row i is the prototype of classes_[i], which is np.unique(y)[i]. Rows of a data frame
            indexed by class, and of a dict from class to vector, may come in any order; with the
            default index 0, 1, ... they are plain rows.

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
        with whole_or_not_at_all(self):
            self._train(X, y, seen_prototypes)
        return self

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range; fit calls this first."""
        check_seed(self.seed)
        check_dtype(self.dtype)
        for name in ("features", "prototypes"):
            check_choice(self, name, choices=SCALERS)
        check_finite_number(self, "offset")

    def decision_function(
        self, X: np.ndarray, unseen_prototypes: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the scores of all classes, without subtracting the offset.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features.
        unseen_prototypes : array_like of shape (U, k), optional
            Without them only seen classes have scores.

        Returns
        -------
        ndarray of shape (n, S + U) or (n, S)
            Seen classes in the order of classes_, then the unseen ones.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it.
        """
        self._check_fitted()
        if unseen_prototypes is None:
            return self._score_rows(X, self._seen_prototypes)
        unseen = to_host(self._attributes_of(unseen_prototypes))
        self._check_unseen(unseen)
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
        unseen_prototypes : array_like or data frame of shape (U, k), or dict, optional
            Without them only seen classes are predicted.
        unseen_classes : array_like of shape (U,), optional
            The labels of the unseen prototypes. Prototypes by class are put in this order, and need
            no labels here.

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
                raise InputError("unseen_classes came without unseen_prototypes; pass both")
            return self.classes_[self.decision_function(X).argmax(axis=1)]
        table, classes = table_with_classes(unseen_prototypes, unseen_classes)
        table, k = table.on_host, self._seen_prototypes.shape[1]
        unseen = check_unseen(table.array, classes, self.classes_, n_attributes=k)
        f = self.calibrated(self.decision_function(X, table.bare))
        return np.concatenate([self.classes_, unseen])[f.argmax(axis=1)]

    def calibrated(self, scores: np.ndarray) -> np.ndarray:
        """Return scores (n, S + U) with the offset subtracted from the S seen classes.

        Chao, Changpinyo, Gong, Sha: An Empirical Study and Analysis of Generalized Zero-Shot
        Learning for Object Recognition in the Wild, ECCV 2016. Raises ValueError if the offset is
        not a finite number, or too large for the dtype.
        """
        check_finite_number(self, "offset")  # it may have been set after fit
        seen = np.arange(scores.shape[1]) < len(self.classes_)
        shift = float(self.offset) * self.score_scale_
        if abs(shift) > float(np.finfo(scores.dtype).max):
            raise InputError(
                f"offset is {self.offset!r}, which makes scores too large for {scores.dtype}; pass "
                "a smaller one"
            )
        return scores - np.where(seen, shift, 0).astype(scores.dtype)

    def predict_proba(
        self, X: np.ndarray, unseen_prototypes: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the softmax of the scores over the candidates, after subtracting the offset.

        The unit of the scores is score_scale_, their standard deviation on training samples, or 1
        nat if they are logits (`in_nats`). The class with the largest value is the one that
        `predict` returns. These numbers are at least 0 and sum to 1, but they are not calibrated:
        nothing has been fitted to make them agree with how often a label is right.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features.
        unseen_prototypes : array_like of shape (U, k), optional
            Without them only seen classes are candidates.

        Returns
        -------
        ndarray of shape (n, S + U) or (n, S)
            Seen classes in the order of classes_, then the unseen ones.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it.
        """
        f = self.calibrated(self.decision_function(X, unseen_prototypes))
        f -= f.max(axis=1, keepdims=True)
        p = np.exp(f if self.in_nats else f / self.score_scale_)
        return p / p.sum(axis=1, keepdims=True)

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Return the accuracy of `predict` without unseen prototypes.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features of samples of seen classes.
        y : array_like of shape (n,)
            Their labels.

        Returns
        -------
        float
            The share of right labels, 0 to 1.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it.
        """
        labels = self.predict(X)
        y = check_labels("y", y, rows=len(labels), like=labels)
        return float((labels == y).mean())

    def _train(self, X: Any, y: np.ndarray, seen_prototypes: Any) -> None:
        self.check()
        table = as_table(X)
        seen = {ONE: prototype_table("prototypes", seen_prototypes)}
        self._names = Names.of(table, seen)
        seen = in_order_of_y(seen, y, name="prototypes")
        X, seen_prototypes = to_host(table.array), to_host(seen[ONE].array)
        classes, index = check_training_arrays(X, y, seen_prototypes)
        with workers(check_threads(self.threads)):
            scale_x, x = fit_and_scale("X", X, self.features, xp=np, dtype=self.dtype)
            scale_a, a = fit_and_scale(
                "prototypes", seen_prototypes, self.prototypes, xp=np, dtype=self.dtype
            )
            self._feature_scaler, self._prototype_scaler = scale_x, scale_a
            self._seen_prototypes, self.n_features_in_ = a, X.shape[1]
            self._fit(x, index, a)
            self.classes_ = classes
            self.score_scale_ = score_deviation(self._scores(x[sample_rows(x)], a))
        if not np.isfinite(self.score_scale_):
            raise FloatingPointError(f"{self.title} diverged: its scores are not finite")

    def _check_unseen(self, unseen: np.ndarray) -> None:
        """Raise ValueError unless the model can score these prototypes of unseen classes (U, k)."""
        k = self._seen_prototypes.shape[1]
        check_matrix("unseen_prototypes", unseen, columns=k, why="the model's seen prototypes")

    def _score_rows(self, X: np.ndarray, a: Array) -> np.ndarray:
        X = to_host(self._features_of(X))
        check_matrix("X", X, columns=self.n_features_in_, why="the training data")
        with workers(self.threads):
            x = scaled("X", X, self._feature_scaler, xp=np, dtype=self.dtype)
            return check_said("scores", to_host(self._scores(x, a)))

    @abstractmethod
    def _fit(self, x: Array, index: Array, a: Array) -> None:
        """Train on scaled samples x (n, d), class indices (n,) and scaled prototypes a (S, k)."""

    @abstractmethod
    def _scores(self, x: Array, a: Array) -> Array:
        """Return scores (n, C) of scaled samples x (n, d) for any C scaled prototypes a (C, k)."""


@contextmanager
def whole_or_not_at_all(model: object) -> Iterator[None]:
    """Restore the model's attributes if the block fails or is interrupted."""
    before = dict(vars(model))
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        raise
