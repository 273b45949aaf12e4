"""From the figures of single runs to a table: means, spreads, and the paper's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from ..sweeps.spread import spread

FRACTION, AREA, COUNT, NATS, SCORE = "fraction", "area", "count", "nats", "CS"
MEASURED, NOT_RUN, OTHER = "measured", "not run", "other system"
OURS = ("ours", "baseline", "counts")  # the rows of the paper's tables that are about its method


Key = tuple[str, str, str, str]  # dataset, label, row and quantity
Triple = tuple[int | None, int, float]  # split, seed and value


class Published(NamedTuple):
    """A number printed in the paper: a fraction if the paper has percent, else a count.

    corrected is None if the printed number is right. wrong is True if it is not right and the
    correct number is unknown.
    """

    value: float | None
    corrected: float | None
    wrong: bool
    unit: str
    note: str


class Value(NamedTuple):
    """One figure of one run; a detail is written to files but not shown."""

    row: str
    quantity: str
    unit: str
    value: float
    detail: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The results of a run on a split of a dataset with a seed.

    label distinguishes curves that are not averaged; points are further data for a figure.
    """

    dataset: str
    split: int | None
    seed: int
    values: list[Value]
    label: str = ""
    points: Any = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """A row of the results: mean and standard deviation of the runs.

    over names what they are taken over ("3 seeds").
    difference is that to the corrected number if there is one, else to the printed one. wrong means
    that the printed number is wrong and the correct one unknown.
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
        """Return the columns of table.csv."""
        columns = asdict(self)
        del columns["detail"]
        return columns


def records(
    outcomes: list[Outcome],
    printed: Mapping[tuple[str, str, str], Published],
    *,
    datasets: Iterable[str],
) -> list[Record]:
    """Return the printed rows with the measured values, then all other measured rows.

    datasets gives the order; datasets in `printed` come first.
    """
    measured: dict[Key, list[Triple]] = {}
    kinds: dict[Key, Value] = {}
    for outcome in outcomes:
        for value in outcome.values:
            key = outcome.dataset, outcome.label, value.row, value.quantity
            triple = outcome.split, outcome.seed, float(value.value)
            measured.setdefault(key, []).append(triple)
            kinds[key] = value
    rows = [_printed_record(key, number, measured=measured) for key, number in printed.items()]
    taken = {(r.dataset, "", r.row, r.quantity) for r in rows}
    for key, triples in measured.items():
        if key not in taken:
            dataset, label, row, quantity = key
            mean, sd, over = spread(triples)
            rows.append(
                Record(
                    dataset=dataset,
                    label=label,
                    row=row,
                    quantity=quantity,
                    unit=kinds[key].unit,
                    status=MEASURED,
                    measured=mean,
                    sd=sd,
                    over=over,
                    detail=kinds[key].detail,
                )
            )
    order = list(dict.fromkeys([*(key[0] for key in printed), *datasets]))
    return sorted(rows, key=lambda record: order.index(record.dataset))


def _printed_record(
    key: tuple[str, str, str], number: Published, *, measured: dict[Key, list[Triple]]
) -> Record:
    dataset, row, quantity = key
    right = number.value if number.corrected is None else number.corrected
    record = Record(
        dataset=dataset,
        row=row,
        quantity=quantity,
        unit=number.unit,
        status=NOT_RUN if row in OURS else OTHER,
        published=number.value,
        corrected=number.corrected,
        wrong=number.wrong,
        note=number.note,
    )
    triples = measured.get((dataset, "", row, quantity))
    if triples is None:
        return record
    mean, sd, over = spread(triples)
    difference = None if right is None or number.wrong else mean - right
    return replace(record, status=MEASURED, measured=mean, sd=sd, over=over, difference=difference)
