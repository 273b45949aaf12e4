"""The results file of a sweep: one row per run, JSON lines or CSV, appended as runs finish.

FILE.plan.json, beside FILE, identifies the sweep. Rows are appended in the order in which runs
finish. When the sweep is complete, the file is rewritten once in the order of the plan.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..storage.atomic_write import written_aside
from ..storage.checksums import read_json, write_json
from ..storage.rows import CHECKSUM, RowFile, csv_line, json_line, read_csv_line, read_json_line
from ..text import shown
from .run import CHECKSUMS, FIGURES, OPTIONAL, Run, columns

FORMATS = (".jsonl", ".csv")


def cell(value: Any) -> str:
    """Return a value as a CSV cell: text unchanged, nothing for None, other values as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def plan_path(path: Path) -> Path:
    """Return the path of a results file's plan."""
    return path.with_name(path.name + ".plan.json")


def results_path(path: Path) -> Path:
    """Return the path of a results file, of a link that of its target, so that it has one lock.

    Raises ValueError for a suffix other than .jsonl and .csv, and FileNotFoundError if the folder
    does not exist.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"--out is {path}; name a file that ends in .jsonl or .csv")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"folder {path.parent} does not exist; create it before the sweep")
    return path


def read_plan(path: Path) -> dict[str, Any] | None:
    """Return the plan of an earlier sweep into path, or None if path doesn't exist.

    Raises the errors of results_path, and ValueError for a file without a plan and for a damaged
    plan.
    """
    path = results_path(path)
    where = plan_path(path)
    if not where.is_file():
        if path.exists():
            raise InputError(
                f"{path} exists, but {where.name} does not, so it does not belong to a sweep; "
                "choose another --out"
            )
        return None
    plan = read_json(where, _fix(path))
    if not plan:
        raise InputError(f"{where} is not a plan of a sweep; {_fix(path)}")
    return plan


def _fix(path: Path) -> str:
    """Return the fix for a damaged plan."""
    if path.exists():
        return f"restore it to continue, or delete it and {path.name} to start again"
    return "delete it: there are no rows yet"


class Results:
    """The rows of a sweep in path; existing rows are read.

    The plan's file is written with the first row. Raises ValueError if path holds another sweep or
    a damaged line.
    """

    def __init__(self, path: Path, plan: dict[str, Any], *, runs: list[Run]):
        self.path, self.plan, self.runs = path, json.loads(json.dumps(plan)), runs
        self.is_csv = path.suffix.lower() == ".csv"
        self.columns = columns(runs[0])
        head = f"{_joined([*self.columns, CHECKSUM])}\n".encode() if self.is_csv else b""
        self.file = RowFile(path=path, whose="this sweep", again="runs again", head=head)
        self.places = {self._key(run.key): i for i, run in enumerate(runs)}
        self.lines: dict[int, bytes] = {}  # by position in the plan
        self.rows: dict[int, dict[str, Any]] = {}
        self.data: dict[tuple[str, str], str] = {}  # checksum of each dataset's split
        self._check_plan()
        for line, row in self.file.read(self._read):
            self._take(line, row)

    def missing(self) -> list[Run]:
        """Return the runs without a row, in the order of the plan."""
        return [run for i, run in enumerate(self.runs) if i not in self.lines]

    def append(self, row: dict[str, Any]) -> None:
        """Append a row and write it to the disk.

        Raises ValueError if the dataset has changed since the sweep's earlier rows.
        """
        line = self._line([row[name] for name in self.columns])
        self._take(line, row)
        if not plan_path(self.path).exists():
            write_json(plan_path(self.path), self.plan)
        self.file.append(line)

    def finish(self) -> None:
        """Rewrite the file in the order of the plan; readers see the old or the new file."""
        content = self.file.head + b"".join(self.lines[i] for i in sorted(self.lines))
        if self.path.read_bytes() != content:
            with written_aside(self.path) as aside:
                aside.write_bytes(content)

    def _check_plan(self) -> None:
        stored = read_plan(self.path)
        if stored is None:
            return
        differ = [k for k in {**stored, **self.plan} if stored.get(k) != self.plan.get(k)]
        if differ:
            raise InputError(
                f"{self.path} holds another sweep (different {shown(', '.join(differ))}); repeat "
                "its command to continue it, or choose another --out"
            )

    def _read(self, line: bytes) -> tuple[bytes, dict[str, Any]]:
        """Return the line and its row; KeyError for a row of a run that the plan doesn't have."""
        row = self._parse(line)
        self.places[self._key(row)]
        return line, row

    def _take(self, line: bytes, row: dict[str, Any]) -> None:
        place = self.places[self._key(row)]
        source = row["dataset"], cell(row["split"])
        if self.data.setdefault(source, row["data_sha256"]) != row["data_sha256"]:
            raise InputError(
                f"{shown(row['dataset'])} has changed since the first rows of {self.path}; restore "
                "its files, or choose another --out"
            )
        self.lines.setdefault(place, line)
        self.rows.setdefault(place, {**row, **self.runs[place].key})  # types of the key, not text

    def _key(self, row: dict[str, Any]) -> tuple[str, ...]:
        """Return the key as text, which is the same for a row of a CSV file and its run."""
        return tuple(cell(row[name]) for name in self.runs[0].key)

    def _parse(self, line: bytes) -> dict[str, Any]:
        if not self.is_csv:
            values = read_json_line(line)
            return _checked({name: values[name] for name in self.columns})
        (cells,) = csv.reader([read_csv_line(line)])
        row: dict[str, Any] = dict(zip(self.columns, cells, strict=True))
        numbers = {n: float(row[n]) if row[n] else None for n in (*FIGURES, "seconds")}
        texts = {n: row[n] or None for n in (*CHECKSUMS, "error")}
        return _checked(row | numbers | texts)

    def _line(self, values: list[Any]) -> bytes:
        if not self.is_csv:
            return json_line(dict(zip(self.columns, values, strict=True)))
        return csv_line(_joined(values))


def _joined(values: Iterable[Any]) -> str:
    """Return values as the cells of a CSV line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([cell(value) for value in values])
    return text.getvalue()


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row; ValueError unless it is one of a run that succeeded or failed."""
    texts, numbers = ["data_sha256", "host"], ["seconds"]
    nothing: list[str] = []
    if row["error"] is None:
        texts.append("model_sha256")
        numbers += [name for name in FIGURES if name != OPTIONAL or row[name] is not None]
    else:
        texts.append("error")
        nothing = [*FIGURES, "model_sha256"]
    if not (
        all(isinstance(row[name], str) for name in texts)
        and all(_is_finite(row[name]) for name in numbers)
        and all(row[name] is None for name in nothing)
    ):
        raise InputError("a value of the wrong kind")
    return row


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
