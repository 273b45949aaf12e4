"""The results: a JSON file, written after every line, and Markdown, most important parts first."""

import json
from pathlib import Path
from typing import Any

from profiled import METRICS

FORMAT = 1
# The parts by importance; others follow.
ORDER = (
    "CWGAN step, batch 64",
    "CWGAN step, batch 256",
    "CWGAN step, batch 1024",
    "VSMM step",
    "route",
    "fit of letters",
    "fit of CUB's shape",
    "fit of CUB's shape, gan step",
    "fit of CUB's shape, vsmm step",
    "softmax",
    "Adam",
    "torch.compile",
    "launches",
    "copy and products",
    "kernels",
)
OURS = "ours"


class Results:
    """The facts, checks, outcomes of the parts, and measured rows by part and name.

    A row has median, low, high and unit, or the reason why it is missing. Names are the same in
    every run, so that runs can be compared.
    """

    def __init__(self, out: Path, facts: dict[str, Any]):
        self.out = out
        self.data: dict[str, Any] = {"format": FORMAT, "facts": facts, "checks": {}, "parts": {}}
        self.data["measured"] = {}
        self._write()

    def take(self, line: str) -> str | None:
        """Store a line of the worker; if it ends the part, return how the part ended."""
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            return None  # output of a library
        if "state" in entry:
            return entry["state"]
        if "fact" in entry and entry["part"] == "facts":
            self.data["facts"][entry["name"]] = entry["fact"]
            self._write()
        else:
            self.put(entry["part"], entry["name"], entry.get("row", {"fact": entry.get("fact")}))
        return None

    def put(self, part: str, name: str, row: dict[str, Any]) -> None:
        """Store a row."""
        self.data["measured"].setdefault(part, {})[name] = row
        self._write()

    def take_checks(self, found: dict[str, dict]) -> None:
        """Store the outcomes of the tests and the sanitizers."""
        self.data["checks"] |= found
        self._write()

    def end(self, part: str, state: str, seconds: float) -> None:
        """Store how a part ended."""
        self.data["parts"][part] = {"state": state, "seconds": round(seconds, 1)}
        self._write()

    def markdown(self) -> str:
        """Return the tables as Markdown."""
        return markdown(self.data)

    def _write(self) -> None:
        text = json.dumps(self.data, indent=1)
        (self.out / "results.json").write_text(text + "\n", encoding="utf-8")
        (self.out / "results.md").write_text(self.markdown(), encoding="utf-8")


def markdown(data: dict[str, Any]) -> str:
    """Return facts, checks, measurements by importance, and how the parts ended, as Markdown."""
    facts = data["facts"]
    card = facts.get("card") or {}
    versions = ", ".join(f"{k} {v}" for k, v in facts.get("versions", {}).items())
    lines = [
        f"# {card.get('name', 'no NVIDIA card')}, commit {facts['commit']}, {facts['date']}",
        "",
        f"Driver {card.get('driver_version', 'unknown')}; {facts.get('cores')} cores of "
        f"{facts.get('cpu') or 'a processor not noted'}; Python {facts.get('python')}, {versions}.",
        "",
        *notes(data),
    ]
    if data["checks"]:
        lines += ["| check | |", "|---|---|"]
        lines += [f"| {name} | {check_text(check)} |" for name, check in data["checks"].items()]
        lines.append("")
    measured = data["measured"]
    parts = [p for p in ORDER if p in measured] + [p for p in measured if p not in ORDER]
    for part in parts:
        rows = measured[part]
        lines += (profile_table if part == "ncu" else table)(part, rows)
    lines += ["| part | how it ended | seconds |", "|---|---|--:|"]
    for name, part in data["parts"].items():
        lines.append(f"| {name} | {part['state']} | {part['seconds']} |")
    return "\n".join(lines) + "\n"


def notes(data: dict[str, Any]) -> list[str]:
    """Return notes for readers of this run."""
    return [line for note in data.get("notes", []) for line in (note, "")]


def check_text(check: dict[str, Any]) -> str:
    """A check's outcome in words."""
    rest = [
        f"{v} {k}" for k, v in check.items() if k not in ("state", "summary", "at_most_seconds")
    ]
    words = [check["state"], *rest, check.get("summary", "")]
    return ", ".join(word for word in words if word)


def table(part: str, rows: dict[str, dict]) -> list[str]:
    """Return a part's rows with ratios to ours; times of versions are sorted, fastest first."""
    base = rows.get(OURS, {})
    ours = base.get("median") if base.get("counts", True) else None
    lines = [
        f"| {part} | median | low – high | | times ours | off float64 |",
        "|---|--:|--:|---|--:|--:|",
    ]
    versions = {n: r for n, r in rows.items() if "median" in r and "difference" in r}
    others = {n: r for n, r in rows.items() if "median" in r and n not in versions}
    ordered = sorted(versions.items(), key=lambda item: item[1]["median"])
    for name, row in [*ordered, *others.items()]:
        ratio = f"{row['median'] / ours:.2f}" if name in versions and ours else ""
        if "share_of_copy" in row:
            ratio = f"{row['share_of_copy']:.2f} of a copy"
        off = f"{row['difference']:.1e}" if row.get("difference") is not None else ""
        low, high = (number(row[key]) for key in ("low", "high"))
        between = f"{low} – {high}" if row["low"] is not None else ""
        note = "" if row.get("counts", True) else "does not count: "
        note += row.get("note", "")
        words = f"{name} ({note})" if note else name
        lines.append(
            f"| {words} | {number(row['median'])} | {between} | {row['unit']} | {ratio} | {off} |"
        )
    for name, row in rows.items():
        if "missing" in row:
            lines.append(f"| {name} | | | {one_cell(row['missing'])} | | |")
    lines.append("")
    for name, row in rows.items():
        if isinstance(row.get("fact"), list):
            lines += kernels_table(name, row["fact"])
    return lines


def kernels_table(name: str, kinds: list[dict]) -> list[str]:
    """Return launches and time by kernel."""
    lines = [f"| {name} | launches | us |", "|---|--:|--:|"]
    lines += [f"| `{one_cell(k['kernel'])}` | {k['launches']:g} | {k['us']} |" for k in kinds]
    return [*lines, ""]


def profile_table(part: str, rows: dict[str, dict]) -> list[str]:
    """Return the table of ncu's metrics."""
    columns = list(METRICS.values())
    rows = {name: row for name, row in rows.items() if "missing" not in row}
    lines = [f"| {part} | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(number(row.get(c)) for c in columns)} |")
    return [*lines, ""]


def number(value: float | None) -> str:
    """Return a number with four digits."""
    return "" if value is None else f"{value:.4g}"


def one_cell(text: str) -> str:
    """Return text that fits one cell of a table."""
    return text.replace("|", "/").replace("\n", " ")
