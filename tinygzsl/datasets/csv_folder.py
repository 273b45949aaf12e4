"""Own data as a folder of CSV files, each with a header row and the label first.

    train.csv        label, then one column per feature: samples of the seen classes
    test.csv         the same columns: test samples of seen and unseen classes; optional
    prototypes.csv   label, then one column per attribute: one row per class, seen and unseen
    prototypes_NAME.csv   optional further views of the prototypes, of the same classes

Seen classes are those in train.csv, unseen ones the others in prototypes.csv. Labels are integers
if every label in every file is written as an integer, else text. prototypes.csv is the view att,
which is loaded unless other views are asked for. The names of the columns are the dataset's
feature_names and attribute_names.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..storage.atomic_write import written_together
from ..text import quoted
from .assemble import assemble, describe_source
from .csv_cells import read_table, write_table
from .dataset import Dataset
from .labels import labels_from_text
from .named_columns import Table
from .stored_views import (
    STEM,
    as_names,
    chosen_views,
    stored_columns,
    stored_name,
    stored_tables,
    stored_views,
)
from .views import DEFAULT, as_prototypes

FILES = ("train.csv", "test.csv")


def load_csv(folder: str | Path, *, prototypes: str | Sequence[str] = DEFAULT) -> Dataset:
    """Load a folder of CSV files; see the top of this module for the format.

    Parameters
    ----------
    folder : path
    prototypes : str or sequence of str
        The views, "sent" or ("att", "sent"): att is prototypes.csv, others prototypes_NAME.csv.

    Returns
    -------
    Dataset
        Features are float64.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a cell is not a number (with file, line and column), or columns or labels disagree.
    """
    folder = Path(folder)
    train, test = (folder / name for name in FILES)
    views, notes = chosen_views(csv_views(folder), prototypes, where=folder)
    files = {view: folder / f"{name}.csv" for view, name in views.items()}
    train_labels, X_train, names = read_table(train)
    test_labels: list[str] = []
    X_test = X_train[:0]
    if test.is_file():
        test_labels, X_test, test_names = read_table(test)
        _check_same_columns(train, names, other_path=test, other_names=test_names)
    else:
        notes = [f"no test samples, as there is no {test.name}", *notes]
    class_labels, tables = read_views(files)
    y_train, y_test, classes = labels_from_text(train_labels, test_labels, class_labels)
    return assemble(
        folder.resolve().name,
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        prototypes=as_prototypes({view: np.asarray(table) for view, table in tables.items()}),
        classes=classes,
        feature_names=tuple(names),
        attribute_names=as_names({view: table.columns for view, table in tables.items()}),
        notes=tuple(notes),
        files=tuple(path for path in (train, test, *files.values()) if path.is_file()),
        source=describe_source(folder, prototypes=prototypes),
    )


def csv_views(folder: Path) -> list[str]:
    """Return the names of the views in a CSV folder, att first."""
    return stored_views((path.stem for path in folder.glob(f"{STEM}*.csv")), where=folder)


def read_views(files: dict[str, Path]) -> tuple[list[str], dict[str, Table]]:
    """Return the labels (C,) of the first view's file, and each view's (C, k) in their order.

    The tables have the names of the header.

    Raises the errors of read_table, and ValueError if the files have other classes.
    """
    first, *others = files
    labels, numbers, names = read_table(files[first])
    views = {first: Table(numbers, tuple(names))}
    for view in others:
        theirs, numbers, names = read_table(files[view])
        order = _order(labels, files[first], other=theirs, other_path=files[view])
        views[view] = Table(numbers[order], tuple(names))
    return labels, views


def _order(labels: list[str], path: Path, *, other: list[str], other_path: Path) -> list[int]:
    """Return the row of `other` for each label; ValueError unless both have the same labels."""
    rows = {label: row for row, label in enumerate(other)}
    if len(rows) < len(other):
        repeated = next(label for label in other if other.count(label) > 1)
        raise InputError(f"{other_path} lists {quoted(repeated)} more than once; drop a row")
    known = set(labels)
    for label in (*labels, *other):
        if label not in rows or label not in known:
            has, lacks = (path, other_path) if label in known else (other_path, path)
            raise InputError(
                f"class {quoted(label)} is in {has} but not in {lacks}; give every view one row "
                "per class"
            )
    return [rows[label] for label in labels]


def save_csv(dataset: Dataset, folder: str | Path) -> None:
    """Write a dataset as a folder of CSV files that load_csv reads.

    Existing files of these names are replaced after all new ones have been written completely. A
    view of other data, which would be read with these, is refused.
    Columns without names get f0, f1, ... and a0, a1, ... Class names and validation rows are not
    saved.

    Parameters
    ----------
    dataset : Dataset
    folder : path
        Created if needed.

    Raises
    ------
    ValueError
        If a label or a name has a line break or a space at an end, or the folder has other views.
    OSError
        If writing fails.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    views = stored_tables(dataset)
    _refuse_other_views(folder, views)
    features = list(dataset.feature_names or (f"f{i}" for i in range(dataset.n_features)))
    attributes = stored_columns(dataset)
    classes = np.concatenate([dataset.seen_classes, dataset.unseen_classes])
    tables = {
        "train.csv": (dataset.y_train, dataset.X_train, features),
        "test.csv": (dataset.y_test, dataset.X_test, features),
    }
    for name, table in views.items():
        names = list(attributes[name] or (f"a{i}" for i in range(table.shape[1])))
        tables[f"{name}.csv"] = classes, table, names
    with written_together([folder / name for name in tables]) as asides:
        for aside, (labels, numbers, columns) in zip(asides, tables.values(), strict=True):
            write_table(aside, labels, numbers, names=columns)


def _refuse_other_views(folder: Path, names: Iterable[str]) -> None:
    stale = {stored_name(view) for view in csv_views(folder)} - set(names)
    if stale:
        raise InputError(
            f"{folder} has {min(stale)}.csv, which would be taken for a view of the new data; "
            "remove it, or choose another folder"
        )


def _check_same_columns(
    path: Path, names: list[str], *, other_path: Path, other_names: list[str]
) -> None:
    if len(names) != len(other_names):
        raise InputError(
            f"{other_path} has {len(other_names)} feature columns but {path} has {len(names)}; "
            "give both the same columns"
        )
    for column, pair in enumerate(zip(names, other_names, strict=True), start=2):
        if pair[0] != pair[1]:
            one, other = map(quoted, pair)
            raise InputError(
                f"column {column} is {one} in {path} but {other} in {other_path}; "
                "give both the same columns in the same order"
            )
