"""Mean and standard deviation of a figure over the splits or the seeds of several runs."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean, stdev
from typing import NamedTuple


class Spread(NamedTuple):
    """A mean and its standard deviation over splits or seeds.

    The standard deviation of one value is None; `over` is text like "3 seeds".
    """

    mean: float
    sd: float | None
    over: str


def spread(values: Iterable[tuple[int | None, int, float]]) -> Spread:
    """Return the spread of (split, seed, value) triples.

    With several splits it is over splits, each the mean of its seeds; with one split, over seeds.
    """
    values = list(values)
    by_split = len({split for split, _, _ in values}) > 1
    cells: dict[int | None, list[float]] = {}
    for split, seed, value in values:
        cells.setdefault(split if by_split else seed, []).append(value)
    means = [fmean(cell) for cell in cells.values()]
    over = f"{len(means)} {'split' if by_split else 'seed'}{'s' if len(means) > 1 else ''}"
    return Spread(mean=fmean(means), sd=stdev(means) if len(means) > 1 else None, over=over)
