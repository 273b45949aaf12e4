"""An entry of `tinygzsl explain`: a formula, its functions and checks. catalogue.py lists all."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

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
    """The check of one array's gradient.

    It has the slopes along one direction, by the gradient and by differences, and the largest
    relative error over all directions.
    """

    array: str
    shape: tuple[int, ...]
    exact: float
    difference: float
    error: float


class Explanation(NamedTuple):
    """A formula, the functions that compute it, and their checks.

    section is the heading in MATH.md under which it is derived. checks are cases with arrays named
    `arrays`; `fused` are cases of fused steps that compute the same. A formula without a gradient
    has an example instead: a function that takes a Draw and returns values by name.
    """

    name: str
    title: str
    section: str
    formula: str
    shapes: str
    forward: tuple[Callable[..., Any], ...]
    backward: tuple[Callable[..., Any], ...] = ()
    checks: tuple[Case, ...] = ()
    fused: tuple[Case, ...] = ()
    arrays: tuple[str, ...] = ()
    example: Callable[[Draw], dict[str, Any]] | None = None

    def measure(self, seed: int = 0) -> list[tuple[str, list[ArrayCheck]]]:
        """Run every check on new random numbers; return its name and a row for each array."""
        return [_measured(case(Draw(seed)), self.arrays, seed=seed) for case in self.checks]

    def everywhere(self, seed: int = 0) -> list[Row]:
        """Run every check, fused ones too, with both versions of the kernels and both sizes."""
        return [gradient_row(case, seed) for case in (*self.checks, *self.fused)]


def source(function: Callable[..., Any]) -> Source:
    """Return a function's place and text; for a kernel, those of its reference version."""
    function = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(function)
    text = textwrap.dedent("".join(lines)).rstrip()
    return Source(f"{function.__module__}.{function.__qualname__}", first, text)


def _measured(check: Check, arrays: tuple[str, ...], *, seed: int) -> tuple[str, list[ArrayCheck]]:
    found, rows = list(slopes(check, seed)), []
    for i, (name, array) in enumerate(zip(arrays, check.arrays, strict=True)):
        mine = found[i * DIRECTIONS : (i + 1) * DIRECTIONS]
        worst = max(mine, key=lambda slope: (not slope.error < TOLERANCE, slope.error))
        rows.append(ArrayCheck(name, array.shape, worst.exact, worst.difference, worst.error))
    return check.name, rows
