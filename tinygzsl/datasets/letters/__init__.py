"""The embedded dataset: 16 integers per image of a capital letter, 22 attributes per letter.

UCI Letter Recognition (Slate 1991), CC BY 4.0; SOURCE.md says what was changed.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..assemble import assemble, describe_source
from ..dataset import Dataset

FOLDER = Path(__file__).parent


def load_letters() -> Dataset:
    """Load the letters dataset, whose files are part of the package.

    Returns
    -------
    Dataset
        Features are float32, 16 whole numbers 0..15 per row; labels are the letters as strings. 20
        letters are seen, B G H L O R unseen; prototypes are (20, 22) and (6, 22).
    """
    packed_file, attributes_file = FOLDER / "letters.npz", FOLDER / "attributes.csv"
    with np.load(packed_file, allow_pickle=False) as packed:
        X_train, y_train = _samples(packed, "train")
        X_test, y_test = _samples(packed, "test")
        n_dropped = int(packed["n_dropped"])
    letters, attributes = _attributes(attributes_file)
    return assemble(
        "letters",
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        prototypes=attributes,
        classes=letters,
        notes=_notes(n_dropped),
        files=(packed_file, attributes_file),
        source=describe_source("letters"),
    )


def _samples(packed: Mapping[str, np.ndarray], part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, 16) and letters (n,) from 4-bit columns and the rows per letter."""
    labels = np.repeat(packed[f"{part}_letters"].astype(np.str_), packed[f"{part}_counts"])
    pairs = packed[f"{part}_values"]
    columns = np.stack([pairs >> 4, pairs & 15], axis=-1).reshape(len(pairs), -1)
    return np.ascontiguousarray(columns[:, : len(labels)].T, np.float32), labels


def _attributes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with open(path, encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return np.array([row[0] for row in rows]), np.array([row[1:] for row in rows], np.float32)


def _notes(n_dropped: int) -> tuple[str, ...]:
    return (
        "UCI Letter Recognition (Slate 1991), CC BY 4.0, with 22 attributes written by hand",
        "split version: 20 seen letters with 20% of their rows held out, unseen are B G H L O R",
        f"dropped {n_dropped} held-out rows that repeat the values of a training row",
    )
