"""The rows of a comparison in a folder: appended as they are measured, read when it goes on.

A row counts if it is of the same data, settings, seed, threads and version of tinygzsl; others are
left alone. A last line that a crash has cut off is dropped.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from ..storage.atomic_write import sync_folder
from ..storage.checksums import json_line, read_json_line
from ..text import shown
from ..version import __version__
from .compare import FIGURES, Comparison, Key

ROWS = "rows.jsonl"
ALIKE = ("settings", "data_sha256", "threads", "version", "router")


class Rows:
    """Rows of a dataset, by key. folder may be None: then they are in memory only.

    Raises ValueError for a folder whose rows are of another dataset or damaged.
    """

    def __init__(
        self, folder: Path | None, comparison: Comparison, dataset: str, sha256: str, threads: int
    ):
        self.path = folder / ROWS if folder else None
        self.comparison = comparison
        self.common = {
            "dataset": dataset,
            "data_sha256": sha256,
            "threads": threads,
            "version": __version__,
        }
        self.found: dict[Key, dict[str, Any]] = {}
        if self.path and self.path.exists():
            self._read()

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row, and see it to the disk."""
        row = self.common | {"router": self._router(row["routed"])} | row
        self.found[_key(row)] = row
        if self.path is None:
            return
        with open(self.path, "ab") as file:
            file.write(json_line(row))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def _router(self, routed: bool) -> dict[str, Any] | None:
        """The router's settings, for a row that has one in front."""
        return self.comparison.facts(Key("ours", False, 0))["settings"] if routed else None

    def _read(self) -> None:
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = read_json_line(line)
                key, dataset = _key(row), row["dataset"]
                _check(row)
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                raise ValueError(
                    f"{self.path}, line {number} is no row of a comparison; delete that line and "
                    "repeat the command, which measures again what is missing"
                ) from None
            if dataset != self.common["dataset"]:
                raise ValueError(
                    f"{self.path} holds rows of {shown(dataset)}; choose another --out for "
                    f"{self.common['dataset']}"
                )
            if key.method in self.comparison.chosen and self._counts(key, row):
                self.found[key] = row

    def _counts(self, key: Key, row: dict[str, Any]) -> bool:
        settings = self.comparison.facts(key)["settings"]
        wanted = self.common | {"settings": settings, "router": self._router(key.routed)}
        return all(row[name] == wanted[name] for name in ALIKE)


def _key(row: dict[str, Any]) -> Key:
    key = Key(row["method"], row["routed"], row["seed"])
    if not (isinstance(key.method, str) and type(key.routed) is bool and type(key.seed) is int):
        raise ValueError("no key")
    return key


def _check(row: dict[str, Any]) -> None:
    """ValueError or KeyError unless the row has all columns, with numbers and texts where they
    belong.
    """
    for name in ("title", "strict", "origin", "error", *ALIKE):
        row[name]
    texts = row["title"], row["origin"], row["error"] or ""
    if not all(isinstance(text, str) for text in texts) or not isinstance(row["settings"], dict):
        raise ValueError("a text or the settings are none")
    for name in FIGURES:
        number = row[name]
        if number is not None and (isinstance(number, bool) or not math.isfinite(number)):
            raise ValueError(f"{name} is no number")
