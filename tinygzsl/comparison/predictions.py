"""The labels of all test samples, one file for each row of a comparison.

FOLDER/predictions/alone/ESZSL-0.npz is of ESZSL with seed 0, and routed/ESZSL-0.npz of the same
behind the router. Such a file has the arrays

- ``y_true`` (t,), the true labels, in the order of the dataset's X_test;
- ``is_seen`` (t,), whether the true class is seen;
- ``label`` (t,), the method's labels, without an offset;
- ``label_calibrated`` (t,), those with the validated offset, if the method takes one.

Labels are integers or text, as in the dataset; ``numpy.load(path)["label"]`` reads them. The array
``header`` is JSON: which row this is, and a checksum. A file counts for the row of the same data,
settings and version only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..datasets import Dataset
from ..errors import InputError
from ..storage.arrays_file import FORMAT, State, read_npz, whole_or_damaged, write_npz

FOLDER = "predictions"
KIND = "predictions"
SMALL = 1 << 20  # bytes that are read whatever they claim to be
AGAIN = "delete it, and the same command measures its row again"


class Labels(NamedTuple):
    """A method's labels (t,) of the test samples, without and with the offset, if it takes one."""

    plain: np.ndarray
    calibrated: np.ndarray | None = None

    @property
    def best_suited(self) -> np.ndarray:
        """The labels by which the table sorts: with the offset, if there is one."""
        return self.plain if self.calibrated is None else self.calibrated


@dataclass(frozen=True, kw_only=True)
class PredictionFiles:
    """The files of a comparison in its folder, for the test samples of a dataset.

    `row` of the methods is what tells a row and the conditions it was measured under: a dict that
    JSON can hold, with method, routed and seed.
    """

    folder: Path
    data: Dataset

    def path(self, row: dict[str, Any]) -> Path:
        """Return where the labels of a row are."""
        place = self.folder / FOLDER / ("routed" if row["routed"] else "alone")
        return place / f"{row['method']}-{row['seed']}.npz"

    def write(self, row: dict[str, Any], labels: Labels) -> None:
        """Write the labels of a row, whole or not at all."""
        y_true = self.data.y_test
        arrays = {"y_true": y_true, "is_seen": np.isin(y_true, self.data.seen_classes)}
        arrays["label"] = labels.plain
        if labels.calibrated is not None:
            arrays["label_calibrated"] = labels.calibrated
        path = self.path(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {"kind": KIND, "format": FORMAT, "row": row}
        write_npz(path, State(header, arrays), compressed=True)

    def read(self, row: dict[str, Any]) -> Labels | None:
        """Return the labels of a row, or None if there is no file or it is of another row.

        Raises ValueError for a damaged file.
        """
        path = self.path(row)
        if not path.is_file():
            return None
        state = read_npz(path, KIND, packed=self._most_bytes())
        with whole_or_damaged(path, "file of predictions", fix=AGAIN):
            if state.header["row"] != json.loads(json.dumps(row)):
                return None
            found = Labels(state.arrays["label"], state.arrays.get("label_calibrated"))
            self._check(found)
        return found

    def _most_bytes(self) -> int:
        """Return the bytes that the arrays of `write` take at most for this data, or SMALL."""
        y_true, classes = self.data.y_test, (self.data.seen_classes, self.data.unseen_classes)
        label = max(array.dtype.itemsize for array in (y_true, *classes))
        return max(SMALL, len(y_true) * (3 * label + 1))

    def _check(self, labels: Labels) -> None:
        y_true = self.data.y_test
        for label in labels:
            if label is None:
                continue
            if label.shape != y_true.shape or label.dtype.kind != y_true.dtype.kind:
                raise InputError(
                    f"{label.dtype} labels of shape {label.shape} for {len(y_true)} samples"
                )
