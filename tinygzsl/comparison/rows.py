"""The rows of a comparison in a folder: appended as they are measured, read when it is resumed.

A row of the same data, settings, seed, threads and version of tinygzsl isn't measured again; of a
user's class, the file that defines it must be the same too, and a row that failed is measured
again. Other rows of the dataset stay in the file and are not used. If labels are kept, a row whose
labels are not there is measured again.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..storage.rows import RowFile, json_line, read_json_line
from ..text import shown
from ..version import __version__
from .measure import FIGURES, Comparison, Key
from .predictions import Labels, PredictionFiles

ROWS = "rows.jsonl"
ALIKE = ("settings", "data_sha256", "threads", "version", "router")
OF_OWN = ("class", "code_sha256")  # further columns of a user's class


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the rows of one command have in common.

    These are the dataset's name, the SHA-256 of its arrays, the threads and the version of
    tinygzsl.
    """

    dataset: str
    data_sha256: str
    threads: int
    version: str = __version__


class Rows:
    """Rows of a dataset by key, in folder/rows.jsonl, or without a folder in memory only.

    With predictions=True the labels of each row are kept in the folder too, and are in `labels`.

    Raises ValueError if rows or labels in the folder belong to another dataset or are damaged.
    """

    def __init__(
        self,
        folder: Path | None,
        comparison: Comparison,
        conditions: Conditions,
        *,
        predictions: bool = False,
    ):
        self.path = folder / ROWS if folder else None
        self.comparison, self.common = comparison, asdict(conditions)
        self.found: dict[Key, dict[str, Any]] = {}
        self.labels: dict[Key, Labels] = {}
        self.predictions = None
        if folder and predictions:
            self.predictions = PredictionFiles(folder=folder, data=comparison.data)
            comparison.keep = self.keep
        self.file = None
        if self.path:
            self.file = RowFile(path=self.path, whose="a comparison", again="measures again")
            self._take(self.file.read(_parse))

    def add(self, row: dict[str, Any]) -> None:
        """Store a row, and write it to the disk."""
        row = self.common | {"router": self._router(row["routed"])} | row
        self.found[_key(row)] = row
        if self.file:
            self.file.append(json_line(row))

    def keep(self, key: Key, labels: Labels) -> None:
        """Write the labels of a row, which comes after them."""
        if self.predictions:
            self.predictions.write(self._what(key), labels)
            self.labels[key] = labels

    def _router(self, routed: bool) -> dict[str, Any] | None:
        """Return the router's settings for a row that has one in front."""
        return self.comparison.facts(Key("ours", False, 0))["settings"] if routed else None

    def _take(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            key, dataset = _key(row), row["dataset"]
            if dataset != self.common["dataset"]:
                raise InputError(
                    f"{self.path} holds rows of {shown(dataset)}; choose another --out for "
                    f"{self.common['dataset']}"
                )
            if key.method in self.comparison.chosen and self._counts(key, row):
                self.found[key] = row
        if self.predictions:
            self.found = {k: row for k, row in self.found.items() if row["error"] or self._read(k)}

    def _counts(self, key: Key, row: dict[str, Any]) -> bool:
        wanted = self._what(key)
        alike = all(row.get(name) == wanted.get(name) for name in (*ALIKE, *OF_OWN))
        return alike and not (row["error"] and self.comparison.methods[key.method].facts)

    def _read(self, key: Key) -> bool:
        assert self.predictions
        labels = self.predictions.read(self._what(key))
        if labels:
            self.labels[key] = labels
        return labels is not None

    def _what(self, key: Key) -> dict[str, Any]:
        """Return what tells a row, and the conditions it is measured under."""
        facts = self.comparison.facts(key)
        known = self.common | {"router": self._router(key.routed)} | facts
        return {name: known[name] for name in (*key._asdict(), *ALIKE, *OF_OWN) if name in known}


def _key(row: dict[str, Any]) -> Key:
    key = Key(row["method"], row["routed"], row["seed"])
    if not (isinstance(key.method, str) and type(key.routed) is bool and type(key.seed) is int):
        raise InputError("no key")
    return key


def _parse(line: bytes) -> dict[str, Any]:
    """Return the row of a line.

    Raises ValueError or KeyError unless it has all columns and each is a number or a text as it
    should be.
    """
    row = read_json_line(line)
    _key(row)
    for name in ("dataset", "title", "strict", "origin", "error", *ALIKE):
        row[name]
    texts = row["title"], row["origin"], row["error"] or ""
    if not all(isinstance(text, str) for text in texts) or not isinstance(row["settings"], dict):
        raise InputError("a text or the settings are of the wrong kind")
    for name in FIGURES:
        number = row[name]
        if number is not None and (isinstance(number, bool) or not math.isfinite(number)):
            raise InputError(f"{name} is not a number")
    return row
