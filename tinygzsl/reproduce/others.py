"""The other methods in tables 2 and 3: which are measured, and their names in the paper."""

from __future__ import annotations

from collections.abc import Iterable

from ..baselines import METHODS
from ..baselines.methods import method

STAR = " *"  # marks methods that use unseen prototypes in training
NAMES = {"DEM": "DZSL", "CEWGANOD": "CEWGAN"}  # the paper's names, if they aren't the titles
TABLES = ("table2", "table3")


def printed_name(name: str) -> str:
    """Return the name of a method's row in the paper's tables; `name` is its class."""
    kind = method(name)
    return NAMES.get(name, kind.title) + ("" if kind.strict else STAR)


def systems(target: str, dataset: str, *, printed: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return the methods that the paper's table has for the dataset.

    For a dataset that the paper doesn't have, these are all methods of the table. They are class
    names in the order of METHODS; there are none for targets other than tables 2 and 3. printed is
    published(target).
    """
    if target not in TABLES:
        return []
    rows = {row for place, row, _ in printed if place == dataset} or {row for _, row, _ in printed}
    return [name for name in METHODS if printed_name(name) in rows]
