"""A Dataset, the TrainingSet that training may see, and the checks of both.

`check_structure` checks shapes and labels only and runs whenever a Dataset is created.
`check_training` checks the values of the training data and `check_test` those of the test data, so
that neither test features nor unseen prototypes can influence training.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..runtime.backend import refuse_masked, refuse_sparse
from ..runtime.labels import check_labels, check_same_kind
from ..storage.checksums import fingerprint
from ..text import quoted
from .array_checks import check_finite, check_training_arrays
from .named_columns import Columns, ViewColumns, by_view, with_names
from .views import ONE, AnyPrototypes, as_views, each_view, named_tables, widths

LABELS = ("y_train", "y_test", "seen_classes", "unseen_classes")  # fields of Dataset


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """All data that training may use: the seen samples and seen prototypes.

    The arrays own their memory, so no unseen or test value can be reached through them.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Features.
    y : ndarray of shape (n,)
        Labels.
    prototypes : ndarray of shape (S, k), or dict of str to ndarray
        Row i is the prototype of classes[i], in each view if there are several.
    classes : ndarray of shape (S,)
        np.unique(y).
    name : str
        The dataset's name.
    notes : tuple of str
        See Dataset.
    validation : None or pair of ndarray
        Rows of X, see Dataset.
    feature_names, attribute_names
        See Dataset.
    """

    X: np.ndarray
    y: np.ndarray
    prototypes: AnyPrototypes
    classes: np.ndarray
    name: str = "data"
    notes: tuple[str, ...] = ()
    validation: tuple[np.ndarray, np.ndarray] | None = None
    feature_names: Columns = None
    attribute_names: ViewColumns = None

    def __post_init__(self) -> None:
        _set_labels(self, "y", "classes")

    def __repr__(self) -> str:
        (n, d), classes = self.X.shape, len(self.classes)
        k = widths(self.prototypes)
        return f"TrainingSet({self.name!r}: X {n} x {d}, {classes} classes x {k} attributes)"

    def tables(self) -> tuple[Any, Any]:
        """Return X and the prototypes with the names of their columns, if they have names.

        fit takes them as it takes data frames, so that the model has the names.
        """
        prototypes = with_names(self.prototypes, self.attribute_names)
        return with_names(self.X, self.feature_names), prototypes


@dataclass(frozen=True, eq=False)
class Dataset:
    """A generalized zero-shot dataset.

    Parameters
    ----------
    name : str
    X_train : ndarray of shape (n, d)
        Features of the training samples, seen classes only.
    y_train : ndarray of shape (n,)
        Their labels.
    X_test : ndarray of shape (t, d)
        Features of the test samples, those of seen classes first.
    y_test : ndarray of shape (t,)
        Their labels.
    seen_classes : ndarray of shape (S,)
        np.unique(y_train).
    seen_prototypes : ndarray of shape (S, k), or dict of str to ndarray
        Row i is the prototype of seen_classes[i]. A dict has several views, each with its own k.
    unseen_classes : ndarray of shape (U,)
        Sorted.
    unseen_prototypes : ndarray of shape (U, k), or dict of str to ndarray
        Row i is the prototype of unseen_classes[i]. The views are those of seen_prototypes.
    class_names : dict of label to str
        May be empty.
    notes : tuple of str
        What the loader found and did.
    files : tuple of Path
        The input files.
    validation : None or (train_rows, val_rows)
        Rows of X_train, whose classes are the pseudo-seen and the pseudo-unseen ones.
    source : dict
        The arguments of load_dataset that give this dataset.
    feature_names : None or tuple of str
        The names of the features (d,), if the source has them.
    attribute_names : None or tuple of str, or dict of these by view
        The names of the attributes (k,), if the source has them.

    Raises
    ------
    ValueError
        If shapes or labels do not fit together. Values are checked by check_training and
        check_test.
    """

    name: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    seen_classes: np.ndarray
    seen_prototypes: AnyPrototypes
    unseen_classes: np.ndarray
    unseen_prototypes: AnyPrototypes
    class_names: dict[int | str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    validation: tuple[np.ndarray, np.ndarray] | None = None
    source: dict[str, Any] = field(default_factory=dict)
    feature_names: Columns = None
    attribute_names: ViewColumns = None

    def __post_init__(self) -> None:
        _set_labels(self, *LABELS)
        check_structure(self)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}: {len(self.y_train)} training, {len(self.y_test_seen)} seen "
            f"and {len(self.y_test_unseen)} unseen test samples x {self.n_features} features, "
            f"{len(self.seen_classes)} seen and {len(self.unseen_classes)} unseen classes "
            f"x {widths(self.seen_prototypes)} attributes)"
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

    @property
    def validation_classes(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The pseudo-seen and the pseudo-unseen classes of `validation`, or None without a split.

        fit takes this pair with preset "auto".
        """
        if self.validation is None:
            return None
        seen, unseen = (np.unique(self.y_train[rows]) for rows in self.validation)
        return seen, unseen

    def training(self) -> TrainingSet:
        """Return the TrainingSet of this dataset, as copies of the arrays."""
        validation = self.validation
        if validation is not None:
            train, val = validation
            validation = np.array(train), np.array(val)
        return TrainingSet(
            X=np.array(self.X_train, order="C"),
            y=np.array(self.y_train),
            prototypes=each_view(lambda a: np.array(a, order="C"), self.seen_prototypes),
            classes=np.array(self.seen_classes),
            name=self.name,
            notes=self.notes,
            validation=validation,
            feature_names=self.feature_names,
            attribute_names=self.attribute_names,
        )

    def sha256(self) -> str:
        """Return the SHA-256, as text, of all samples, labels and prototypes."""
        return fingerprint(
            *(self.X_train, self.y_train, self.X_test, self.y_test),
            *(self.seen_classes, self.seen_prototypes),
            *(self.unseen_classes, self.unseen_prototypes),
        )


def _set_labels(data: TrainingSet | Dataset, *names: str) -> None:
    """Make these fields int64 or text; ValueError if they hold anything else."""
    for name in names:
        object.__setattr__(data, name, check_labels(name, getattr(data, name)))


def check_training(training: TrainingSet) -> None:
    """Raise ValueError unless a TrainingSet can be trained on.

    X (n, d), y (n,), prototypes (S, k) and classes (S,) must agree in shape, X and prototypes must
    be finite, and classes must be np.unique(y). There must be at least 2 classes, each with at
    least 2 samples, one of which may be held out. Views of the prototypes are checked one by one.
    """
    for name, table in named_tables("prototypes", training.prototypes).items():
        check_training_arrays(training.X, training.y, table, name=name)
    check_classes(training.classes, training.y, "y")


def check_test(dataset: Dataset) -> None:
    """Raise ValueError unless a Dataset can be evaluated on.

    There must be at least one unseen class, no class that is both seen and unseen, and test samples
    of both kinds. X_test and unseen_prototypes must be finite.
    """
    if len(dataset.unseen_classes) == 0:
        raise InputError(
            f"dataset {dataset.name!r} has no unseen class; "
            "add the prototype of at least one class without training samples"
        )
    both = np.intersect1d(dataset.seen_classes, dataset.unseen_classes)
    if len(both):
        raise InputError(
            f"seen_classes and unseen_classes share {len(both)}, the first is "
            f"{quoted(both[0].item())}; an unseen class must have no training sample"
        )
    n_seen, n_unseen = len(dataset.y_test_seen), len(dataset.y_test_unseen)
    if n_seen == 0 or n_unseen == 0:
        raise InputError(
            f"y_test has {n_seen} samples of seen and {n_unseen} of unseen classes; "
            "evaluation needs test samples of both (X_test and y_test)"
        )
    check_finite("X_test", dataset.X_test)
    for name, table in named_tables("unseen_prototypes", dataset.unseen_prototypes).items():
        check_finite(name, table)


def check_structure(dataset: Dataset) -> None:
    """Raise ValueError unless the shapes, dtypes and labels of a Dataset fit together."""
    check_rows("X_train", dataset.X_train, "y_train", dataset.y_train)
    check_rows("X_test", dataset.X_test, "y_test", dataset.y_test)
    check_columns("X_test", dataset.X_test, "X_train", dataset.X_train)
    check_prototypes(dataset)
    check_names(dataset)
    labels = {name: getattr(dataset, name) for name in LABELS}
    check_same_kind(**{name: array for name, array in labels.items() if len(array)})
    check_classes(dataset.seen_classes, dataset.y_train, "y_train")
    if not np.array_equal(np.unique(dataset.unseen_classes), dataset.unseen_classes):
        raise InputError(
            f"unseen_classes {quoted(dataset.unseen_classes.tolist()[:10])} are not sorted and "
            "distinct; pass np.unique(unseen_classes) and its prototypes in that order"
        )
    check_test_labels(dataset.y_test, dataset.seen_classes, dataset.unseen_classes)


def check_prototypes(dataset: Dataset) -> None:
    """Raise ValueError unless seen and unseen prototypes have the same views, one row per class."""
    seen, unseen = dataset.seen_prototypes, dataset.unseen_prototypes
    if list(as_views(seen)) != list(as_views(unseen)):
        raise InputError(
            f"seen_prototypes has the views {list(as_views(seen))} but unseen_prototypes "
            f"{list(as_views(unseen))}; give both the same views in the same order"
        )
    pairs = zip(
        named_tables("seen_prototypes", seen).items(),
        named_tables("unseen_prototypes", unseen).items(),
        strict=True,
    )
    for (name, table), (other_name, other) in pairs:
        check_rows(name, table, "seen_classes", dataset.seen_classes)
        check_rows(other_name, other, "unseen_classes", dataset.unseen_classes)
        check_columns(other_name, other, name, table)


def check_names(dataset: Dataset) -> None:
    """Raise ValueError unless there is a name for each column, where there are names."""
    views = as_views(dataset.seen_prototypes)
    named = [("feature_names", dataset.feature_names, dataset.X_train)]
    for view, names in by_view(dataset.attribute_names).items():
        called = "attribute_names" if view == ONE else f"attribute_names[{view!r}]"
        named.append((called, names, views.get(view, np.empty((0, 0)))))
    for name, columns, table in named:
        if columns is not None and len(columns) != table.shape[1]:
            raise InputError(
                f"{name} has {len(columns)} names for {table.shape[1]} columns; pass one per column"
            )


def check_rows(name: str, table: np.ndarray, rows_name: str, rows: np.ndarray) -> None:
    """Raise ValueError unless table is a numeric (n, columns) array and rows is (n,)."""
    refuse_masked(table, name)
    refuse_sparse(table, name)
    if table.ndim != 2 or table.shape[1] == 0:
        raise InputError(f"{name} has shape {table.shape}; expected (n, columns), columns > 0")
    if table.dtype.kind not in "fiu":
        raise InputError(f"{name} has dtype {table.dtype}; expected numbers")
    if rows.ndim != 1 or len(rows) != len(table):
        raise InputError(
            f"{name} has shape {table.shape} but {rows_name} has shape {rows.shape}; "
            f"expected {rows_name} of shape ({len(table)},), one entry per row of {name}"
        )


def check_columns(name: str, table: np.ndarray, other_name: str, other: np.ndarray) -> None:
    """Raise ValueError unless both tables have the same number of columns."""
    if table.shape[1] != other.shape[1]:
        raise InputError(
            f"{name} has {table.shape[1]} columns but {other_name} has {other.shape[1]}; "
            "both must describe the same columns"
        )


def check_classes(classes: np.ndarray, y: np.ndarray, y_name: str) -> None:
    """Raise ValueError unless classes is np.unique(y)."""
    expected = np.unique(y)
    if len(classes) != len(expected):
        raise InputError(
            f"prototypes has {len(classes)} rows but {y_name} has {len(expected)} classes; "
            f"pass one row per class of np.unique({y_name})"
        )
    wrong = classes != expected
    if np.any(wrong):
        first = int(np.argmax(wrong))
        raise InputError(
            f"class {first} is {quoted(classes[first].item())} but np.unique({y_name})[{first}] is "
            f"{quoted(expected[first].item())}; order prototypes like np.unique({y_name})"
        )


def check_test_labels(
    y_test: np.ndarray, seen_classes: np.ndarray, unseen_classes: np.ndarray
) -> None:
    """Raise ValueError unless every test label is known and seen ones come first."""
    seen = np.isin(y_test, seen_classes)
    unknown = ~seen & ~np.isin(y_test, unseen_classes)
    if unknown.any():
        label = quoted(y_test[unknown][0].item())
        raise InputError(
            f"y_test has {int(unknown.sum())} samples of classes without a prototype, the first "
            f"is {label}; add its prototype or drop the samples"
        )
    if not seen[: int(seen.sum())].all():
        raise InputError(
            f"y_test has an unseen class at row {int(np.argmin(seen))}, before the last seen one; "
            "put the test samples of seen classes first"
        )
