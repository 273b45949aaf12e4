"""The layout of the xlsa17 benchmark files: features in res101.mat, splits in att_splits.mat.

Source: Xian, Lampert, Schiele, Akata, "Zero-Shot Learning - A Comprehensive Evaluation of the
Good, the Bad and the Ugly", TPAMI 2018. The current download is called Proposed Split 2.0 and
has no train_loc and val_loc; the one before it has both.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .assemble import as_features, assemble, describe_source
from .dataset import Dataset
from .mat import read_mat
from .splits import VALIDATION_LISTS, as_integers, check_disjoint, read_rows, validation_rows
from .views import DEFAULT, as_prototypes, view_names

LISTS = ("trainval_loc", "test_seen_loc", "test_unseen_loc")


def load_xlsa17(
    folder: str | Path, *, prototypes: str | Sequence[str] = DEFAULT, name: str | None = None
) -> Dataset:
    """Load a folder with res101.mat (or one other feature file) and att_splits.mat.

    Parameters
    ----------
    folder : path
    prototypes : str or sequence of str
        The variable of att_splits.mat that holds the prototypes (k, C): att, original_att, ... If
        there is no such variable, `<prototypes>_splits.mat` is read, like CUB's sent_splits.mat.
        Several, "att,sent" or ("att", "sent"), become views of these names.
    name : str, optional
        The dataset's name; the folder's by default.

    Returns
    -------
    Dataset
        Labels are the file's 1-based integers as int64, features are float32.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If the content does not fit.
    """
    folder = Path(folder)
    features = find_features(folder, "res101.mat")
    return load_pair(
        features,
        folder / "att_splits.mat",
        prototypes=prototypes,
        name=name or folder.resolve().name,
        source=describe_source(folder, prototypes=prototypes),
    )


def find_features(folder: Path, usual: str) -> Path:
    """Return the feature file of a folder: the usual one, else the only .mat without splits.

    Raises FileNotFoundError if there is none, or more than one.
    """
    if (folder / usual).is_file():
        return folder / usual
    others = sorted(p for p in folder.glob("*.mat") if not p.name.endswith("_splits.mat"))
    if len(others) != 1:
        names = ", ".join(p.name for p in others) or "none"
        raise FileNotFoundError(
            f"{folder} has no {usual}, and its other feature files are {names}; "
            f"put exactly one feature file there or rename the right one to {usual}"
        )
    return others[0]


def load_pair(
    features_path: Path,
    splits_path: Path,
    *,
    prototypes: str | Sequence[str],
    name: str,
    source: dict[str, Any],
    notes: tuple[str, ...] = (),
) -> Dataset:
    """Load a feature file and a split file, in any folders; see load_xlsa17."""
    views = view_names(prototypes)
    found = read_mat(splits_path, LISTS, optional=(*VALIDATION_LISTS, "allclasses_names", *views))
    said = [*notes, _split_version(found, splits_path)]
    files, tables = _read_views(found, views, splits_path=splits_path, notes=said)
    shape = tables[views[0]].shape
    content = read_mat(features_path, ["features", "labels"])
    expected = f"classes 1..{shape[1]}, as {views[0]} (k, classes) has shape {shape}"
    labels = as_integers(content["labels"], "labels", low=1, high=shape[1], expected=expected)
    samples = _samples(content["features"], n=len(labels), path=features_path)
    trainval, test_seen, test_unseen = (
        read_rows(found[key], key, n_samples=len(labels), notes=said) for key in LISTS
    )
    check_disjoint(trainval, test_seen, test_unseen, labels)
    validation = validation_rows(found, trainval, labels, notes=said)
    test = np.concatenate([test_seen, test_unseen])
    classes = np.union1d(labels[trainval], labels[test_unseen])
    for view, table in tables.items():
        said.extend(_length_note(table.T[np.unique(labels[trainval]) - 1], view))
    return assemble(
        name,
        X_train=as_features(samples[trainval], "features", single=True),
        y_train=labels[trainval],
        X_test=as_features(samples[test], "features", single=True),
        y_test=labels[test],
        prototypes=as_prototypes({view: table.T[classes - 1] for view, table in tables.items()}),
        classes=classes,
        class_names=_class_names(found, classes, n_classes=shape[1], path=splits_path),
        notes=tuple(said),
        files=(features_path, splits_path, *files),
        validation=validation,
        source=source,
    )


def _samples(features: np.ndarray, *, n: int, path: Path) -> np.ndarray:
    """Return features (d, n) as their (n, d) view."""
    if features.ndim != 2 or features.shape[1] != n:
        raise InputError(
            f"{path}: features has shape {features.shape} but labels has {n} entries; "
            f"expected features of shape (d, {n})"
        )
    return features.T


def _split_version(found: dict[str, np.ndarray], path: Path) -> str:
    if all(key in found for key in VALIDATION_LISTS):
        return "split version: original Proposed Split, with train_loc and val_loc"
    missing = " and ".join(key for key in VALIDATION_LISTS if key not in found)
    return f"split version: Proposed Split 2.0, as {path.name} has no {missing}"


def _read_views(
    found: dict[str, np.ndarray], views: tuple[str, ...], *, splits_path: Path, notes: list[str]
) -> tuple[list[Path], dict[str, np.ndarray]]:
    """Return the other files that were read and the prototypes (k, C) of each view."""
    files: list[Path] = []
    tables: dict[str, np.ndarray] = {}
    for view in views:
        more, table = _read_prototypes(found, view, splits_path=splits_path, notes=notes)
        files += more
        first, same = next(iter(tables.items()), (view, table))
        if table.shape[1] != same.shape[1]:
            raise InputError(
                f"{splits_path}: {view} (k, classes) has shape {table.shape} but {first} has "
                f"{same.shape}; use views of the same classes"
            )
        tables[view] = table
    return files, tables


def _read_prototypes(
    found: dict[str, np.ndarray], key: str, *, splits_path: Path, notes: list[str]
) -> tuple[list[Path], np.ndarray]:
    """Return the other files that were read and the prototypes (k, C) of the variable `key`."""
    if key in found:
        files, table = [], found[key]
    else:
        beside = splits_path.with_name(f"{key}_splits.mat")
        if not beside.is_file() or beside == splits_path:
            read_mat(splits_path, [key])  # raises an error that lists the existing variables
        other = read_mat(beside, ["att"], optional=["allclasses_names"])
        files, table = [beside], other["att"]
        mine, theirs = (part.get("allclasses_names") for part in (found, other))
        if mine is not None and theirs is not None and not np.array_equal(mine, theirs):
            raise InputError(
                f"{beside} lists other class names or another order than {splits_path.name}; "
                "use two files that belong together"
            )
        notes.append(f"prototypes: att of {beside.name}")
    return files, as_features(table, key, single=True)


def _length_note(seen_rows: np.ndarray, key: str) -> list[str]:
    """Return a note if seen prototypes are not unit vectors; unseen ones aren't read."""
    lengths = np.linalg.norm(seen_rows.astype(np.float64), axis=1)
    if np.allclose(lengths, 1, atol=1e-3):
        return []
    low, high = lengths.min(), lengths.max()
    return [f"prototypes: {key} has rows of length {low:.4g} to {high:.4g}, left as in the file"]


def _class_names(
    found: dict[str, np.ndarray], classes: np.ndarray, *, n_classes: int, path: Path
) -> dict[int | str, str]:
    names = found.get("allclasses_names")
    if names is None or names.dtype.kind != "U":
        return {}
    if len(names) != n_classes:
        raise InputError(
            f"{path}: allclasses_names has {len(names)} names but the prototypes have {n_classes} "
            "columns; expected one name per column"
        )
    return {label: str(names[label - 1]) for label in classes.tolist()}
