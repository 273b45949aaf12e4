"""From the figures of single runs to a table: means, spreads, the paper's numbers beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any, NamedTuple

FRACTION, AREA, COUNT, NATS, SCORE = "fraction", "area", "count", "nats", "CS"
MEASURED, NOT_RUN, OTHER = "measured", "not run", "other system"
OURS = ("ours", "baseline", "counts")  # the rows of the paper's tables that are about its method


class Value(NamedTuple):
    """One figure of one run; detail is for the file, not for the eye."""

    row: str
    quantity: str
    unit: str
    value: float
    detail: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The results of a run on a split of a dataset with a seed.

    label distinguishes curves that are not averaged, points are what a picture needs besides.
    """

    dataset: str
    split: int | None
    seed: int
    values: list[Value]
    label: str = ""
    points: Any = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """A row of the results: the mean of the runs, their standard deviation and what it is over.

    difference is from the corrected number where there is one, else from the printed one. wrong
    says that the printed one is wrong and the right one not known.
    """

    dataset: str
    label: str = ""
    row: str
    quantity: str
    unit: str
    status: str
    measured: float | None = None
    sd: float | None = None
    over: str = ""
    published: float | None = None
    corrected: float | None = None
    difference: float | None = None
    wrong: bool = False
    note: str = ""
    detail: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The columns of table.csv."""
        columns = asdict(self)
        del columns["detail"]
        return columns


def statistics(values: Iterable[tuple[int | None, int, float]]) -> tuple[float, float | None, str]:
    """Mean, standard deviation (None of one value) and "3 seeds" of (split, seed, value) triples.

    Over splits, each the mean of its seeds; where there is one split, over seeds.
    """
    values = list(values)
    by_split = len({split for split, _, _ in values}) > 1
    cells: dict[Any, list[float]] = {}
    for split, seed, value in values:
        cells.setdefault(split if by_split else seed, []).append(value)
    means = [fmean(cell) for cell in cells.values()]
    over = f"{len(means)} {'split' if by_split else 'seed'}{'s' if len(means) > 1 else ''}"
    return fmean(means), stdev(means) if len(means) > 1 else None, over


def records(outcomes: list[Outcome], printed: dict[str, Any], datasets: Iterable[str]) -> list[Record]:
    """The printed rows with what was measured beside them, then all else that was measured.

    datasets gives the order; those that printed names come first.
    """
    measured: dict[tuple[str, str, str, str], list[Any]] = {}
    kinds: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for outcome in outcomes:
        for value in outcome.values:
            key = outcome.dataset, outcome.label, value.row, value.quantity
            triple = outcome.split, outcome.seed, float(value.value)
            measured.setdefault(key, []).append(triple)
            kinds[key] = {"unit": value.unit, "detail": value.detail}
    rows = [_printed_record(key, number, measured) for key, number in printed.items()]
    taken = {(r.dataset, "", r.row, r.quantity) for r in rows}
    for key, triples in measured.items():
        if key not in taken:
            dataset, label, row, quantity = key
            mean, sd, over = statistics(triples)
            names = {"dataset": dataset, "label": label, "row": row, "quantity": quantity}
            found = {"measured": mean, "sd": sd, "over": over, **kinds[key]}
            rows.append(Record(**names, **found, status=MEASURED))
    order = list(dict.fromkeys([*(key[0] for key in printed), *datasets]))
    return sorted(rows, key=lambda record: order.index(record.dataset))


def _printed_record(key, number, measured):
    dataset, row, quantity = key
    right = number.value if number.corrected is None else number.corrected
    facts = {
        "published": number.value,
        "corrected": number.corrected,
        "wrong": number.wrong,
        "unit": number.unit,
        "note": number.note,
    }
    names = {"dataset": dataset, "row": row, "quantity": quantity}
    triples = measured.get((dataset, "", row, quantity))
    if triples is None:
        return Record(**names, **facts, status=NOT_RUN if row in OURS else OTHER)
    mean, sd, over = statistics(triples)
    difference = None if right is None or number.wrong else mean - right
    found = {"measured": mean, "sd": sd, "over": over, "difference": difference}
    return Record(**names, **facts, **found, status=MEASURED)
