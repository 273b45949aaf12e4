"""The tables of a comparison as text, Markdown and CSV: means over seeds, and differences."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from ..storage.rows import csv_text
from .chosen import DEFAULT
from .differences import BOTH, DRAWS, LEVEL, SAMPLES, SEED, SEEDS, best_suited_h
from .measure import FIGURES

SPREAD = tuple(name for name in FIGURES if name not in ("seconds", "parameters"))
EXPERTS_OWN = ("ausuc", "zsl")  # figures that the router doesn't change
HEAD = (
    *("method", "strict", "S", "U", "H", "H calibrated", "AUSUC", "zero-shot", "seconds"),
    *("parameters", "settings"),
)
NUMBERS = range(2, 10)  # right-aligned columns
BOOTSTRAP = f"bootstrap of {DRAWS} draws with seed {SEED}, paired by sample"
HOW = {
    SAMPLES: f"{SAMPLES}: {BOOTSTRAP}; not covered: other seeds, classes and training samples",
    BOTH: f"{BOTH}: {BOOTSTRAP} and by seed; not covered: other classes and training samples",
    SEEDS: f"{SEEDS}: Student's t, paired by seed; not covered: other test samples, which need "
    "--predictions, other classes and training samples",
    None: "–: one pair of rows has no interval; --predictions gives it one over test samples",
}


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
    return sorted(found, key=lambda row: (not row["strict"], -(best_suited_h(row) or 0.0)))


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
    """Return the tables in Markdown: accuracies as fractions, mean ± standard deviation."""
    lines = [HEAD, *(_cells(row) for row in table)]
    text = _markdown_table(lines, right=NUMBERS)
    differences = _differences(table)
    if differences:
        text += "\n" + _markdown_table(differences, right=(1, 2))
        text += "\n" + "".join(f"- {note}\n" for note in _notes(table))
    return text


def _markdown_table(lines: list[Sequence[str]], *, right: Sequence[int]) -> str:
    rule = ["---:" if i in right else "---" for i in range(len(lines[0]))]
    return "".join(f"| {' | '.join(line)} |\n" for line in (lines[0], rule, *lines[1:]))


def as_text(table: list[dict[str, Any]]) -> str:
    """Return the tables in columns; below the first the origin of the settings, and what failed."""
    text = _text_table([HEAD, *(_cells(row) for row in table)], right=NUMBERS)
    origins = {row["title"]: row["origin"] for row in table if row["origin"] != DEFAULT}
    text += ["", *(f"{title}: {origin}" for title, origin in origins.items())] if origins else []
    failed = [row for row in table if row["error"]]
    text += [f"{_name(row)} failed: {row['error']}" for row in failed]
    differences = _differences(table)
    if differences:
        text += ["", *_text_table(differences, right=(1, 2)), "", *_notes(table)]
    return "\n".join(text)


def _text_table(lines: list[Sequence[str]], *, right: Sequence[int]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    sides = [">" if i in right else "<" for i in range(len(lines[0]))]
    text = []
    for line in lines:
        cells = (f"{c:{side}{w}}" for c, side, w in zip(line, sides, widths, strict=True))
        text.append("  ".join(cells).rstrip())
    return text


def _differences(table: list[dict[str, Any]]) -> list[Sequence[str]]:
    """Return the lines of the table of differences; none if there is no difference to show."""
    rows = _compared(table)
    if not rows:
        return []
    head = ("method", f"H minus that of {rows[0]['against']}", f"{LEVEL:.0%} interval", "over")
    return [head, *(_difference_cells(row) for row in rows)]


def _difference_cells(row: dict[str, Any]) -> Sequence[str]:
    low, high = row["difference_low"], row["difference_high"]
    interval = "–" if low is None else f"[{low:+z.3f}, {high:+z.3f}]"
    over = row["difference_covers"] or "–"
    return _name(row), f"{row['difference']:+z.3f}", interval, over


def _notes(table: list[dict[str, Any]]) -> list[str]:
    covered = dict.fromkeys(row["difference_covers"] for row in _compared(table))
    return [
        "H is the one by which the table is sorted: calibrated, where the method takes an offset",
        *(f"over {HOW[covers]}" if covers else HOW[None] for covers in covered),
    ]


def _compared(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in table if row.get("difference") is not None]


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
