"""The other systems of tables 2 and 3: which are measured, and what the paper calls them."""

from __future__ import annotations

from ..baselines import METHODS
from ..baselines.methods import method

STAR = " *"  # uses unseen prototypes in training
NAMES = {"DEM": "DZSL", "CEWGANOD": "CEWGAN"}  # where the paper's isn't the title
TABLES = ("table2", "table3")


def printed_name(name: str) -> str:
    """The row of a method (its class's name) in the paper's tables."""
    kind = method(name)
    return NAMES.get(name, kind.title) + ("" if kind.strict else STAR)


def systems(target: str, dataset: str, printed: dict) -> list[str]:
    """The methods that the paper prints for the dataset, for one it hasn't those of the table.

    Class names, in the order of METHODS; none for what isn't table 2 or 3. printed is
    published(target).
    """
    if target not in TABLES:
        return []
    rows = {row for place, row, _ in printed if place == dataset} or {row for _, row, _ in printed}
    return [name for name in METHODS if printed_name(name) in rows]
