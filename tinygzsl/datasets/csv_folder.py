"""Own data as a folder of CSV files, each with a header row and the label first.

    train.csv        label, then one column per feature: samples of the seen classes
    test.csv         the same columns: test samples of seen and unseen classes; optional
    prototypes.csv   label, then one column per attribute: one row per class, seen and unseen

Seen classes are those in train.csv, unseen ones the others in prototypes.csv. Labels are integers
if every label in every file is written as an integer, else text.
"""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..storage.atomic_write import written_aside
from ..text import quoted
from .assemble import assemble, describe_source
from .csv_cells import read_table, write_table
from .dataset import Dataset
from .labels import labels_from_text

FILES = ("train.csv", "test.csv", "prototypes.csv")


def load_csv(folder: str | Path) -> Dataset:
    """Load a folder of CSV files; see the top of this module for the format.

    Parameters
    ----------
    folder : path

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
    train, test, attributes = (folder / name for name in FILES)
    train_labels, X_train, names = read_table(train)
    test_labels: list[str] = []
    X_test = X_train[:0]
    if test.is_file():
        test_labels, X_test, test_names = read_table(test)
        _check_same_columns(train, names, other_path=test, other_names=test_names)
    class_labels, prototypes, _ = read_table(attributes)
    y_train, y_test, classes = labels_from_text(train_labels, test_labels, class_labels)
    return assemble(
        folder.resolve().name,
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        prototypes=prototypes,
        classes=classes,
        notes=() if test.is_file() else (f"no test samples, as there is no {test.name}",),
        files=tuple(path for path in (train, test, attributes) if path.is_file()),
        source=describe_source(folder),
    )


def save_csv(dataset: Dataset, folder: str | Path) -> None:
    """Write a dataset as a folder of CSV files that load_csv reads.

    Existing files of these names are replaced after all new ones have been written completely.
    Class names and validation rows are not saved.

    Parameters
    ----------
    dataset : Dataset
    folder : path
        Created if needed.

    Raises
    ------
    ValueError
        If a label has a line break or a space at an end.
    OSError
        If writing fails.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    features = [f"f{i}" for i in range(dataset.n_features)]
    prototypes = np.concatenate([dataset.seen_prototypes, dataset.unseen_prototypes])
    classes = np.concatenate([dataset.seen_classes, dataset.unseen_classes])
    tables = {
        "train.csv": (dataset.y_train, dataset.X_train, features),
        "test.csv": (dataset.y_test, dataset.X_test, features),
        "prototypes.csv": (classes, prototypes, [f"a{i}" for i in range(prototypes.shape[1])]),
    }
    with ExitStack() as all_or_none:
        for name, (labels, numbers, columns) in tables.items():
            aside = all_or_none.enter_context(written_aside(folder / name))
            write_table(aside, labels, numbers, names=columns)


def _check_same_columns(
    path: Path, names: list[str], *, other_path: Path, other_names: list[str]
) -> None:
    if len(names) != len(other_names):
        raise ValueError(
            f"{other_path} has {len(other_names)} feature columns but {path} has {len(names)}; "
            "give both the same columns"
        )
    for column, pair in enumerate(zip(names, other_names, strict=True), start=2):
        if pair[0] != pair[1]:
            one, other = map(quoted, pair)
            raise ValueError(
                f"column {column} is {one} in {path} but {other} in {other_path}; "
                "give both the same columns in the same order"
            )
