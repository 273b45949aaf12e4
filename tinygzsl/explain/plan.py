"""The rows of `tinygzsl gradcheck`: the gradients in every place, then float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..runtime.array import ArrayModule
from ..text import nearest, quoted
from .checks import PLACES, Place, Row, all_cases, gradient_row, name_of
from .precision import precision_cases, precision_row

LISTS_ALL = "`tinygzsl gradcheck` without a name"
FLOAT32 = "float32 beside the definition in float64"


class Task(NamedTuple):
    """A row to measure: its group and name, and the function that measures it."""

    group: str
    name: str
    run: Callable[[], Row]


def plan(
    names: Sequence[str] = (),
    *,
    places: Sequence[Place] = PLACES,
    xp: ArrayModule = np,
    seed: int = 0,
) -> list[Task]:
    """Return all rows, or those whose name contains one of `names`, in upper or lower case.

    Raises ValueError, with the nearest names, if one of `names` matches no row.
    """
    tasks: list[Task] = []
    for group, cases in all_cases(xp).items():
        for case in cases:
            own = seed + len(tasks)  # a seed per case keeps them independent
            run = partial(gradient_row, case, own, places=places, xp=xp)
            tasks.append(Task(group, name_of(case, own, xp=xp), run))
    for i, precision in enumerate(precision_cases()):
        run = partial(precision_row, precision, seed + i, places=places, xp=xp)
        tasks.append(Task(FLOAT32, precision.name, run))
    return tasks if not names else _chosen(tasks, names)


def _chosen(tasks: list[Task], names: Sequence[str]) -> list[Task]:
    for name in names:
        if not any(name.lower() in task.name.lower() for task in tasks):
            near = nearest(name, [t.name for t in tasks], lists_all=LISTS_ALL)
            raise InputError(f"no check has {quoted(name)} in its name; {near}")
    return [t for t in tasks if any(name.lower() in t.name.lower() for name in names)]
