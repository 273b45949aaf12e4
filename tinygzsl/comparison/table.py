"""The table of a comparison: means over seeds, as text, Markdown and CSV."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import Any

from ..storage.rows import csv_text
from .chosen import DEFAULT
from .measure import FIGURES

SPREAD = tuple(name for name in FIGURES if name not in ("seconds", "parameters"))
EXPERTS_OWN = ("ausuc", "zsl")  # figures that the router doesn't change
HEAD = (
    *("method", "strict", "S", "U", "H", "H calibrated", "AUSUC", "zero-shot", "seconds"),
    *("parameters", "settings"),
)
NUMBERS = range(2, 10)  # right-aligned columns


def summarize(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row per method, without and behind the router: means over seeds.

    The standard deviation of a figure X is X_sd, None for one seed. Strict methods come first, and
    in both groups the highest H: the calibrated one if there is an offset, because settings are
    chosen by it. Behind the router AUSUC and zero-shot accuracy are None, because they would be the
    expert's own. A method with a failed seed has no figures, but the error.
    """
    groups: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["method"], row["routed"]), []).append(row)
    found = [_summary(members) for members in groups.values()]
    return sorted(found, key=lambda row: (not row["strict"], -_best_suited_h(row)))


def _best_suited_h(row: dict[str, Any]) -> float:
    return (row["H"] if row["calibrated_H"] is None else row["calibrated_H"]) or 0.0


def _summary(members: list[dict[str, Any]]) -> dict[str, Any]:
    first = members[0]
    names = ("method", "title", "routed", "strict", "settings", "origin")
    summary = {name: first[name] for name in names}
    summary["seeds"] = [row["seed"] for row in members]
    summary["error"] = next((row["error"] for row in members if row["error"]), None)
    for name in FIGURES:
        hidden = first["routed"] and name in EXPERTS_OWN
        values = [row[name] for row in members if row[name] is not None and not hidden]
        complete = len(values) == len(members)
        summary[name] = fmean(values) if complete else None
        if name in SPREAD:
            summary[f"{name}_sd"] = stdev(values) if complete and len(values) > 1 else None
    return summary


def as_csv(table: list[dict[str, Any]]) -> str:
    """Return the rows of summarize with all columns; settings and seeds take one cell each."""
    rows = []
    for row in table:
        settings = " ".join(f"{k}={v}" for k, v in row["settings"].items())
        rows.append({**row, "settings": settings, "seeds": " ".join(map(str, row["seeds"]))})
    return csv_text(rows)


def as_markdown(table: list[dict[str, Any]]) -> str:
    """Return the table in Markdown: accuracies as fractions, mean ± standard deviation."""
    rule = ["---:" if i in NUMBERS else "---" for i in range(len(HEAD))]
    lines = [HEAD, rule, *(_cells(row) for row in table)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def as_text(table: list[dict[str, Any]]) -> str:
    """Return the table in columns; below it the origin of the settings, and what failed."""
    lines = [HEAD, *(_cells(row) for row in table)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    sides = [">" if i in NUMBERS else "<" for i in range(len(HEAD))]
    text = []
    for line in lines:
        cells = (f"{c:{side}{w}}" for c, side, w in zip(line, sides, widths, strict=True))
        text.append("  ".join(cells).rstrip())
    origins = {row["title"]: row["origin"] for row in table if row["origin"] != DEFAULT}
    text += ["", *(f"{title}: {origin}" for title, origin in origins.items())] if origins else []
    failed = [row for row in table if row["error"]]
    text += [f"{_name(row)} failed: {row['error']}" for row in failed]
    return "\n".join(text)


def _cells(row: dict[str, Any]) -> list[str]:
    names = ("S", "U", "H", "calibrated_H", "ausuc", "zsl")
    return [
        _name(row),
        "yes" if row["strict"] else "no",
        *(_plus_minus(row[name], row[f"{name}_sd"]) for name in names),
        "–" if row["seconds"] is None else f"{row['seconds']:.1f}",
        "–" if row["parameters"] is None else f"{row['parameters']:,.0f}",
        row["origin"].partition(":")[0],
    ]


def _name(row: dict[str, Any]) -> str:
    return f"router + {row['title']}" if row["routed"] else row["title"]


def _plus_minus(mean: float | None, sd: float | None) -> str:
    if mean is None:
        return "–"
    return f"{mean:.3f}" if sd is None else f"{mean:.3f} ± {sd:.3f}"
