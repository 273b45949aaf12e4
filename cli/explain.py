"""`tinygzsl explain`: a formula, the code that computes it, and a check on random numbers."""

import math
import shutil
from typing import Any

import click

from .common import FAILED, emit, errors_as_sentences, json_option
from .gradient_table import NOTE, failures, not_run, table
from .gradient_table import facts as row_facts

GAP = " | "


@click.command()
@click.argument("name", required=False)
@json_option
@errors_as_sentences
def explain(name, as_json):
    """Explain the formula NAME: shapes, source, and a live check. Without NAME, list the names.

    A gradient is compared with finite differences on random numbers, with the reference and the
    compiled kernels; the exit code is 1 if it is wrong. A formula without a gradient is computed
    step by step on random numbers.
    """
    from ..explain.catalogue import ALL, find

    if name is None:
        width = max(map(len, ALL))
        lines = [f"{e.name:{width}}  {e.title}" for e in ALL.values()]
        emit(
            {"names": {e.name: e.title for e in ALL.values()}},
            as_json=as_json,
            text="\n".join(lines),
        )
        return
    found = find(name)
    rows = found.everywhere()
    facts = _facts(found, rows)
    emit(facts, as_json=as_json, text=_text(facts, rows))
    if not facts.get("passed", True):
        raise SystemExit(FAILED)


def _facts(found, rows: list[Any]) -> dict[str, Any]:
    """Return everything that is printed, as text, numbers and lists."""
    from ..explain.draw import Draw
    from ..explain.explanation import source
    from ..explain.gradcheck import TOLERANCE

    facts = {
        "name": found.name,
        "title": found.title,
        "section": found.section,
        "formula": found.formula.strip(),
        "shapes": found.shapes,
        "forward": [source(function)._asdict() for function in found.forward],
        "backward": [source(function)._asdict() for function in found.backward],
    }
    if found.example:
        return {**facts, "example": {k: _plain(v) for k, v in found.example(Draw(0)).items()}}
    checks = [
        {"name": name, "arrays": [{k: _plain(v) for k, v in row._asdict().items()} for row in rows]}
        for name, rows in found.measure()
    ]
    errors = [row["error"] for check in checks for row in check["arrays"]]
    passed = all(error is not None and error < TOLERANCE for error in errors)
    return {
        **facts,
        "tolerance": TOLERANCE,
        "passed": passed and not any(row.failed for row in rows),
        "checks": checks,
        "everywhere": [row_facts(row) for row in rows],
    }


def _plain(value):
    """Return an array as lists, with None for NaN and infinity, which JSON doesn't have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.tolist() if hasattr(value, "tolist") else value


def _text(facts: dict[str, Any], rows: list[Any]) -> str:
    formula = "\n".join("  " + line for line in facts["formula"].splitlines())
    parts = [
        f"{facts['name']}: {facts['title']}",
        formula,
        f"shapes: {facts['shapes']}\nderived in MATH.md under {facts['section']!r}",
        *_sources(facts, shutil.get_terminal_size().columns),
    ]
    if "example" in facts:
        parts.append(_example(facts["example"]))
    else:
        parts += [_table(check, facts["tolerance"]) for check in facts["checks"]]
        everywhere = table({"largest relative error": rows})
        parts.append("\n".join([*everywhere, NOTE, *not_run(rows), *failures(rows)]))
    return "\n\n".join(parts)


def _sources(facts: dict[str, Any], columns: int) -> list[str]:
    """Return forward and backward, side by side if they fit, else below each other."""
    if not facts["backward"]:
        kind = "forward" if "example" in facts else "forward and backward"
        return ["\n".join(_source(kind, facts["forward"]))]
    forward, backward = (_source(kind, facts[kind]) for kind in ("forward", "backward"))
    left = max(map(len, forward))
    if left + len(GAP) + max(map(len, backward)) > columns:
        return ["\n".join(forward), "\n".join(backward)]
    rows = max(len(forward), len(backward))
    pairs = zip(*(side + [""] * (rows - len(side)) for side in (forward, backward)), strict=True)
    return ["\n".join(f"{a:{left}}{GAP}{b}".rstrip() for a, b in pairs)]


def _source(kind: str, functions: list[dict[str, Any]]) -> list[str]:
    lines = []
    for function in functions:
        title = f"{kind}: {function['name']}, line {function['line']}"
        lines += ["", title, "-" * len(title), *function["text"].splitlines()]
    return lines[1:]


def _table(check: dict[str, Any], tolerance: float) -> str:
    """Return one row per array: both slopes along a random direction, and their relative error."""
    rows = [("gradient of", "shape", "by hand", "by differences", "relative error")]
    for row in check["arrays"]:
        exact, difference, error = (
            math.nan if row[key] is None else row[key] for key in ("exact", "difference", "error")
        )
        verdict = "" if error < tolerance else "  FAILED"
        slopes = f"{exact:.8f}", f"{difference:.8f}", f"{error:.1e}{verdict}"
        rows.append((row["array"], str(tuple(row["shape"])), *slopes))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    title = f"check on random numbers: {check['name']} (slopes along random directions, float64)"
    return "\n".join([title, *(line.rstrip() for line in lines)])


def _example(values: dict[str, Any]) -> str:
    import numpy as np

    lines = ["on random numbers:"]
    for name, value in values.items():
        if isinstance(value, list) and isinstance(value[0], str):
            shown = ", ".join(value)
        else:
            shown = np.array2string(np.array(value), precision=6, suppress_small=True)
        lines.append(f"{name} =" + ("\n" if "\n" in shown else " ") + shown)
    return "\n".join(lines)
