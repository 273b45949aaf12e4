"""What `tinygzsl explain` tells of one formula; catalogue.py lists all of them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import NamedTuple

from .cases import Case
from .checks import Row, gradient_row
from .draw import Draw
from .gradcheck import DIRECTIONS, TOLERANCE, Check, slopes


class Source(NamedTuple):
    """A function's full name, its first line in its file, and its text."""

    name: str
    line: int
    text: str


class ArrayCheck(NamedTuple):
    """Slopes in one array: by the gradient and by differences in one direction, and the largest
    relative error of all directions.
    """

    array: str
    shape: tuple[int, ...]
    exact: float
    difference: float
    error: float


class Explanation(NamedTuple):
    """A formula, the functions that compute it, and how to see that they do.

    section is the heading in MATH.md under which it is derived. checks are cases, whose arrays are
    called `arrays`; those of `fused` compute the same in fused steps. What has no gradient has an
    example instead: a function of random numbers that returns values by name.
    """

    name: str
    title: str
    section: str
    formula: str
    shapes: str
    forward: tuple[Callable, ...]
    backward: tuple[Callable, ...] = ()
    checks: tuple[Case, ...] = ()
    fused: tuple[Case, ...] = ()
    arrays: tuple[str, ...] = ()
    example: Callable[[Draw], dict] | None = None

    def measure(self, seed: int = 0) -> list[tuple[str, list[ArrayCheck]]]:
        """Every check on fresh random numbers: its name and a row for each array."""
        return [_measured(case(Draw(seed)), self.arrays, seed) for case in self.checks]

    def everywhere(self, seed: int = 0) -> list[Row]:
        """Every check, and those of fused steps, on both versions of the kernels, small and
        large.
        """
        return [gradient_row(case, seed) for case in (*self.checks, *self.fused)]


def source(function: Callable) -> Source:
    """Where a function is and what it says; of a kernel, its definition."""
    function = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(function)
    text = textwrap.dedent("".join(lines)).rstrip()
    return Source(f"{function.__module__}.{function.__qualname__}", first, text)


def _measured(check: Check, arrays: tuple[str, ...], seed: int) -> tuple[str, list[ArrayCheck]]:
    found, rows = list(slopes(check, seed)), []
    for i, (name, array) in enumerate(zip(arrays, check.arrays, strict=True)):
        mine = found[i * DIRECTIONS : (i + 1) * DIRECTIONS]
        worst = max(mine, key=lambda slope: (not slope.error < TOLERANCE, slope.error))
        rows.append(ArrayCheck(name, array.shape, worst.exact, worst.difference, worst.error))
    return check.name, rows
