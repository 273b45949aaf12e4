"""Own data as one .npz file, never pickled.

    X_train (n, d), y_train (n,)     samples of the seen classes
    X_test (t, d), y_test (t,)       test samples of seen and unseen classes; optional
    prototypes (C, k), classes (C,)  one row per class, seen and unseen, in any order
    prototypes_NAME (C, k)           optional further views of the prototypes, of the same classes
    class_names (C,)                 optional text
    feature_names (d,)               optional text: the names of the columns of X_train
    attribute_names (k,)             the same for prototypes; attribute_names_NAME for a view
    validation_train, validation_val optional rows of X_train (both or neither), see Dataset

Labels are integers or strings. Seen classes are those in y_train, unseen ones the others. The
array `prototypes` is the view att, which is loaded unless other views are asked for.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..runtime.labels import check_labels, check_same_kind
from ..storage.npy import Declared, read_zipped, zipped_names
from ..storage.output import OutputFile
from .assemble import as_features, assemble, describe_source
from .dataset import Dataset
from .named_columns import Columns
from .stored_views import (
    STEM,
    as_names,
    chosen_views,
    stored_columns,
    stored_tables,
    stored_views,
)
from .views import DEFAULT, as_prototypes

OPTIONAL = ("X_test", "y_test", "class_names", "validation_train", "validation_val")
FEATURE_NAMES, ATTRIBUTE_NAMES = "feature_names", "attribute_names"


def load_npz(path: str | Path, *, prototypes: str | Sequence[str] = DEFAULT) -> Dataset:
    """Load a dataset from an .npz file; see the top of this module for the format.

    Parameters
    ----------
    path : path
    prototypes : str or sequence of str
        The views, "sent" or ("att", "sent"): att is the array prototypes, others prototypes_NAME.

    Returns
    -------
    Dataset
        Features in float64 stay so; other types become float32.

    Raises
    ------
    FileNotFoundError
        If the file is missing.
    ValueError
        If the file is not an .npz file, holds Python objects, lacks an array, or has shapes or
        labels that disagree.
    """
    path = Path(path)
    views, notes = chosen_views(npz_views(path), prototypes, where=path)
    needed = ("X_train", "y_train", *views.values(), "classes")
    columns = {view: _columns_of(stored) for view, stored in views.items()}
    arrays = read_zipped(
        path,
        (*needed, *OPTIONAL, FEATURE_NAMES, *columns.values()),
        check=lambda declared: _check_rows(declared, views),
    )
    missing = [key for key in needed if key not in arrays]
    if missing:
        raise InputError(
            f"{path} has no array {', '.join(missing)}; needed are {', '.join(needed)}"
        )
    if ("X_test" in arrays) != ("y_test" in arrays):
        present = "X_test" if "X_test" in arrays else "y_test"
        raise InputError(f"{path} has {present} alone; give both X_test and y_test or neither")
    X_train = as_features(arrays["X_train"], "X_train")
    labels = {key: check_labels(key, arrays[key]) for key in ("y_train", "classes")}
    X_test, labels["y_test"] = np.empty((0, X_train.shape[1]), X_train.dtype), labels["y_train"][:0]
    if "X_test" in arrays:
        X_test = as_features(arrays["X_test"], "X_test")
        labels["y_test"] = check_labels("y_test", arrays["y_test"])
    else:
        notes = ["no test samples in the file", *notes]
    check_same_kind(**labels)
    return assemble(
        path.stem,
        X_train=X_train,
        y_train=labels["y_train"],
        X_test=X_test,
        y_test=labels["y_test"],
        prototypes=as_prototypes({v: as_features(arrays[key], key) for v, key in views.items()}),
        classes=labels["classes"],
        class_names=_names(arrays, labels["classes"]),
        notes=tuple(notes),
        files=(path,),
        validation=_validation(arrays, len(X_train)),
        feature_names=_column_names(arrays, FEATURE_NAMES),
        attribute_names=as_names({v: _column_names(arrays, key) for v, key in columns.items()}),
        source=describe_source(path, prototypes=prototypes),
    )


def save_npz(dataset: Dataset, path: str | Path) -> None:
    """Write a dataset as an .npz file that load_npz reads.

    An existing file is replaced, also at the end of a link. The file appears complete or not at
    all.

    Parameters
    ----------
    dataset : Dataset
    path : path

    Raises
    ------
    OSError
        If the file can't be written.
    """
    classes = np.concatenate([dataset.seen_classes, dataset.unseen_classes])
    arrays: dict[str, Any] = {
        "X_train": dataset.X_train,
        "y_train": dataset.y_train,
        **stored_tables(dataset),
        "classes": classes,
    }
    if len(dataset.y_test):
        arrays |= {"X_test": dataset.X_test, "y_test": dataset.y_test}
    if dataset.class_names:
        names = [dataset.class_names.get(label, str(label)) for label in classes.tolist()]
        arrays["class_names"] = np.array(names, dtype=np.str_)
    if dataset.validation is not None:
        arrays["validation_train"], arrays["validation_val"] = dataset.validation
    columns = {_columns_of(stored): c for stored, c in stored_columns(dataset).items()}
    columns[FEATURE_NAMES] = dataset.feature_names
    arrays |= {key: np.array(c, dtype=np.str_) for key, c in columns.items() if c is not None}
    with OutputFile(path).written() as aside, open(aside, "wb") as file:
        np.savez_compressed(file, **arrays)


def npz_views(path: Path) -> list[str]:
    """Return the names of the views in an .npz file, att first; errors as in load_npz."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path")
    return stored_views(zipped_names(path), where=path)


def _check_rows(declared: dict[str, Declared], views: dict[str, str]) -> None:
    """ValueError for tables whose rows aren't as many as their labels, before they are read.

    Else a huge array that belongs to none of the others would be read first.
    """
    shapes = {name: header.shape for name, header in declared.items()}
    several = views.items() if len(views) > 1 else ()
    called = {key: f"prototypes[{view!r}]" for view, key in several}  # as assemble calls them
    labels_of = {"X_train": "y_train", "X_test": "y_test", "class_names": "classes"}
    labels_of |= dict.fromkeys(views.values(), "classes")
    for table, labels in labels_of.items():
        one, other = shapes.get(table, ()), shapes.get(labels, ())
        if not (one and other) or math.prod(other) != other[0]:
            continue  # one is not there, or labels of such a shape are refused as soon as read
        if one[0] != other[0]:
            raise InputError(
                f"{called.get(table, table)} has {one[0]} rows, as its shape is {one}, but "
                f"{labels} has {other[0]} entries of shape {other}; pass one per row"
            )
    train, test = shapes.get("X_train", ()), shapes.get("X_test", ())
    if len(train) == len(test) == 2 and train[1] != test[1]:
        raise InputError(
            f"X_test has {test[1]} columns but X_train has {train[1]}; pass the same features"
        )


def _names(arrays: dict[str, np.ndarray], classes: np.ndarray) -> dict[int | str, str]:
    if "class_names" not in arrays:
        return {}
    names = arrays["class_names"]
    if names.dtype.kind != "U" or names.shape != classes.shape:
        raise InputError(
            f"class_names has dtype {names.dtype} and shape {names.shape}; "
            f"expected text of shape {classes.shape}, one name per entry of classes"
        )
    return dict(zip(classes.tolist(), names.tolist(), strict=True))


def _columns_of(stored: str) -> str:
    """Return the array with the names of the columns of prototypes, which are stored so."""
    return stored.replace(STEM, ATTRIBUTE_NAMES, 1)


def _column_names(arrays: dict[str, np.ndarray], key: str) -> Columns:
    if key not in arrays:
        return None
    names = arrays[key]
    if names.dtype.kind != "U" or names.ndim != 1:
        raise InputError(
            f"{key} has dtype {names.dtype} and shape {names.shape}; expected text, one name per "
            "column"
        )
    return tuple(names.tolist())


def _validation(arrays: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray] | None:
    keys = ("validation_train", "validation_val")
    present = [key for key in keys if key in arrays]
    if not present:
        return None
    if len(present) == 1:
        raise InputError(f"the file has {present[0]} alone; give both {' and '.join(keys)}")
    for key in keys:
        rows = arrays[key]
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or not np.isin(rows, range(n)).all():
            raise InputError(
                f"{key} has dtype {rows.dtype} and shape {rows.shape}; "
                f"expected row numbers of X_train, 0..{n - 1}"
            )
    train, val = (arrays[key].astype(np.int64) for key in keys)
    return train, val
