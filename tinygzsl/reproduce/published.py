"""The paper's printed numbers and their corrections, from published.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from .records import COUNT, FRACTION, Published

SOURCE = Path(__file__).with_name("published.csv")
UNKNOWN = "?"
ACCURACIES = ("S", "U", "H", "sd over snapshots")


def published(table: str) -> dict[tuple[str, str, str], Published]:
    """Return {(dataset, row, quantity): Published} of a table, in the order of the file.

    It is {} for a figure, as figures have no printed numbers.
    """
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    found: dict[tuple[str, str, str], Published] = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        if row["table"] == table:
            found |= {(row["dataset"], row["row"], k): v for k, v in _numbers(row)}
    return found


def _numbers(row: dict[str, str]) -> Iterator[tuple[str, Published]]:
    quantities, values = row["quantities"].split("/"), row["published"].split("/")
    wrong = row["corrected"] == UNKNOWN
    known = row["corrected"] and not wrong
    corrections = row["corrected"].split("/") if known else [""] * len(values)
    for quantity, value, correction in zip(quantities, values, corrections, strict=True):
        unit = FRACTION if quantity in ACCURACIES else COUNT
        number = Published(
            value=_number(value, unit),
            corrected=_number(correction, unit),
            wrong=wrong,
            unit=unit,
            note=row["note"],
        )
        yield quantity, number


def _number(text: str, unit: str) -> float | None:
    if text in ("", "-"):
        return None
    return round(float(text) / 100, 6) if unit == FRACTION else float(text)
