"""The two containers: a Dataset as loaded, and the part of it that training may see."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .dataset_checks import check_structure, check_test, check_training

__all__ = ["Dataset", "TrainingSet", "check_test", "check_training"]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Everything training may look at: seen samples and seen prototypes, nothing else.

    X (n, d), y (n,), prototypes (S, k) with row i belonging to classes[i], classes (S,) =
    np.unique(y), name, notes (tuple of str), validation (None or a pair of row indices into X,
    see Dataset). The arrays own their memory: no unseen or test value can be reached from here.
    """

    X: np.ndarray
    y: np.ndarray
    prototypes: np.ndarray
    classes: np.ndarray
    name: str = "data"
    notes: tuple[str, ...] = ()
    validation: tuple[np.ndarray, np.ndarray] | None = None

    def __repr__(self) -> str:
        (n, d), (classes, k) = self.X.shape, self.prototypes.shape
        return f"TrainingSet({self.name!r}: X {n} x {d}, {classes} classes x {k} attributes)"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A generalized zero-shot dataset.

    X_train (n, d), y_train (n,)            training samples, seen classes only
    X_test (t, d), y_test (t,)              test samples, those of seen classes first
    seen_classes (S,)                       np.unique(y_train)
    seen_prototypes (S, k)                  row i belongs to seen_classes[i]
    unseen_classes (U,), unseen_prototypes (U, k)   the same for the unseen classes, sorted
    class_names                             dict label -> str, may be empty
    notes                                   tuple of str: what the loader found and did
    files                                   tuple of Path: the inputs
    validation                              None or (train_rows, val_rows): rows of X_train whose
                                            classes serve as pseudo-seen and pseudo-unseen ones
    source                                  arguments of load_dataset that give this dataset

    Raises ValueError if shapes or labels do not fit together. Values are not looked at: see
    check_training and check_test.
    """

    name: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    seen_classes: np.ndarray
    seen_prototypes: np.ndarray
    unseen_classes: np.ndarray
    unseen_prototypes: np.ndarray
    class_names: dict = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    validation: tuple[np.ndarray, np.ndarray] | None = None
    source: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_structure(self)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}: {len(self.y_train)} training, {len(self.y_test_seen)} seen "
            f"and {len(self.y_test_unseen)} unseen test samples x {self.n_features} features, "
            f"{len(self.seen_classes)} seen and {len(self.unseen_classes)} unseen classes "
            f"x {self.seen_prototypes.shape[1]} attributes)"
        )

    @property
    def n_features(self) -> int:
        """d, the number of feature columns."""
        return self.X_train.shape[1]

    @property
    def _n_test_seen(self) -> int:
        return int(np.isin(self.y_test, self.seen_classes).sum())

    @property
    def X_test_seen(self) -> np.ndarray:
        """Features (t_s, d) of the test samples of seen classes."""
        return self.X_test[: self._n_test_seen]

    @property
    def y_test_seen(self) -> np.ndarray:
        """Labels (t_s,) of the test samples of seen classes."""
        return self.y_test[: self._n_test_seen]

    @property
    def X_test_unseen(self) -> np.ndarray:
        """Features (t_u, d) of the test samples of unseen classes."""
        return self.X_test[self._n_test_seen :]

    @property
    def y_test_unseen(self) -> np.ndarray:
        """Labels (t_u,) of the test samples of unseen classes."""
        return self.y_test[self._n_test_seen :]

    def training(self) -> TrainingSet:
        """The TrainingSet of this dataset, in copies: no view leads back to unseen data."""
        validation = self.validation
        if validation is not None:
            validation = tuple(np.array(rows) for rows in validation)
        return TrainingSet(
            X=np.array(self.X_train, order="C"),
            y=np.array(self.y_train),
            prototypes=np.array(self.seen_prototypes, order="C"),
            classes=np.array(self.seen_classes),
            name=self.name,
            notes=self.notes,
            validation=validation,
        )
