"""Rows of gradient checks as a table with a column per place, and as facts for --json."""

import math
from typing import Any

NOTE = """reference: the definitions in kernels/reference; compiled: the kernels that training calls
for large arrays, - where a check reaches none; ! where the error is not below its tolerance"""


def table(groups: dict[str, Any]) -> list[str]:
    """Return a line per row: its largest relative error in every place, and its tolerance."""
    rows = [row for group in groups.values() for row in group]
    width = 2 + max(map(len, [*groups, *(row.name for row in rows)]))
    lines = [
        f"{'':{width}}  {'reference':20}  {'compiled':20}  below",
        f"{'':{width}}  {'small':10}{'large':10}  {'small':10}{'large':10}  (small, large)",
    ]
    for title, group in groups.items():
        lines += [title, *(_line(row, width) for row in group)]
    return lines


def _line(row, width: int) -> str:
    errors = [f"{_shown(cell):10}" for cell in row.cells]
    tolerances = list(dict.fromkeys(f"{cell.tolerance:.1e}" for cell in row.cells))
    cells = f"{errors[0]}{errors[1]}  {errors[2]}{errors[3]}  {', '.join(tolerances)}"
    return f"{f'  {row.name}':{width}}  {cells}"


def _shown(cell) -> str:
    from ..explain.checks import NO_KERNEL

    if cell.why_not:
        return "-" if cell.why_not == NO_KERNEL else "not run"
    return f"{cell.error:.1e}{'!' if cell.failed else ''}"


def failures(rows) -> list[str]:
    """Return a line for each cell that failed."""
    return [
        f"FAILED: {row.name}, {cell.place.version}, {cell.place.size}: "
        f"{cell.error:.1e} is not below {cell.tolerance:.1e}"
        for row in rows
        for cell in row.cells
        if cell.failed
    ]


def not_run(rows) -> list[str]:
    """Return a line with the number of checks that didn't run for lack of Numba, if any."""
    from ..explain.checks import NO_NUMBA

    count = sum(cell.why_not == NO_NUMBA for row in rows for cell in row.cells)
    return [f"not run: {count} checks of compiled kernels, as there is {NO_NUMBA}"] if count else []


def facts(row) -> dict[str, Any]:
    """Return a row as numbers, lists and text, with None for NaN, which JSON doesn't have."""
    errors = [cell.error for cell in row.cells if cell.why_not is None]
    return {
        "name": row.name,
        "passed": not row.failed,
        "error": max(errors) if errors and all(map(math.isfinite, errors)) else None,
        "cells": [
            {
                "version": cell.place.version,
                "size": cell.place.size,
                "error": None if cell.why_not else _number(cell.error),
                "tolerance": cell.tolerance,
                "passed": None if cell.why_not else not cell.failed,
                "kernels": list(cell.kernels),
                "not_run": cell.why_not,
            }
            for cell in row.cells
        ],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
