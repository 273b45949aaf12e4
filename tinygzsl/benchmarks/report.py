"""Measure a comparison and make its table, which shows ratios of times."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

from ..runtime.threads import default_threads
from .floor import floor_seconds
from .machine import Machine, description, measure_machine
from .selection import Item
from .versions import OURS, PEERS, REFERENCE, checked_versions, time_in_turns

PACKAGES = {"PyTorch": "torch", "PyTorch by hand": "torch", "JAX": "jax"}

BUSY = 1.3  # a ratio of median to fastest round that means that other programs were running


class Row(NamedTuple):
    """A row of the table: median and least seconds by version, the floor, and errors by version."""

    name: str
    seconds: dict[str, float]
    fastest: dict[str, float]
    floor: float
    differences: dict[str, float]

    @property
    def ratios(self) -> dict[str, float]:
        """The time of each other version, and the floor (below 1), divided by ours."""
        ours = self.seconds[OURS]
        others = {name: s / ours for name, s in self.seconds.items() if name != OURS}
        return {**others, "floor": self.floor / ours}


def installed_peers() -> tuple[list[str], list[str]]:
    """Return the peers that can be used, and the packages missing for the others."""
    found = [name for name in PEERS if find_spec(PACKAGES[name])]
    missing = dict.fromkeys(PACKAGES[name] for name in PEERS if name not in found)
    return found, list(missing)


def measure(
    items: list[Item],
    peers: list[str],
    *,
    threads: int | None = None,
    rounds: int = 7,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Return the facts of a comparison, which JSON can hold: rows, machine and versions.

    The results of all versions of an item are checked, then the versions are timed in turns over
    `rounds` rounds. Peak and bandwidth are measured before the first item and after the last; the
    better values count.
    """
    threads = threads or default_threads()
    progress("measuring the machine")
    limits, measured = measure_machine(threads), []
    for item in items:
        progress(item.name)
        work = item.make()
        versions, differences = checked_versions(work, [OURS, *peers, REFERENCE], threads=threads)
        measured.append(
            (item.name, work.phases(), time_in_turns(versions, rounds=rounds), differences)
        )
        del work, versions
        gc.collect()
    again = measure_machine(threads)
    limits = Machine(
        peak=max(limits.peak, again.peak),
        bandwidth=max(limits.bandwidth, again.bandwidth),
        threads=threads,
    )
    rows = [
        Row(
            name,
            seconds={version: statistics.median(values) for version, values in seconds.items()},
            fastest={version: min(values) for version, values in seconds.items()},
            floor=floor_seconds(phases, limits),
            differences=differences,
        )
        for name, phases, seconds, differences in measured
    ]
    return {
        "threads": threads,
        "rounds": rounds,
        "peak_gflops": limits.peak / 1e9,
        "bandwidth_gbs": limits.bandwidth / 1e9,
        **description(),
        "rows": [{**row._asdict(), "ratios": row.ratios} for row in rows],
    }


def table(facts: dict[str, Any]) -> str:
    """Return the facts as a Markdown table with a legend."""
    names = [n for n in [*PEERS, REFERENCE] if any(n in r["ratios"] for r in facts["rows"])]
    heading = ["work", "ours, ms", *(f"× {name}" for name in names), "floor / ours"]
    lines = [[row["name"], _digits(1e3 * row["seconds"][OURS])] for row in facts["rows"]]
    for line, row in zip(lines, facts["rows"], strict=True):
        line += [_digits(row["ratios"].get(name)) for name in [*names, "floor"]]
    widths = [max(len(line[i]) for line in [heading, *lines]) for i in range(len(heading))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    text = [_line(line, widths) for line in [heading, rule, *lines]]
    return "\n".join([*text, "", *_legend(facts)])


def _legend(facts: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{k} {v}" for k, v in facts["versions"].items() if v)
    settings = ", ".join(f"{k}={v}" for k, v in facts["environment"].items())
    lines = [
        "× NAME: how many times our time that version takes. floor / ours: 1 is all that the",
        f"machine can do at the {facts['peak_gflops']:.0f} GFLOP/s and "
        f"{facts['bandwidth_gbs']:.1f} GB/s measured in this run.",
        f"{facts['cpu']}, {facts['cores']} cores; {facts['threads']} threads; medians of "
        f"{facts['rounds']} rounds",
        versions,
    ]
    if settings:
        lines.append(f"set in the environment: {settings}")
    worst = max(r["seconds"][n] / r["fastest"][n] for r in facts["rows"] for n in r["seconds"])
    if worst > BUSY:
        lines.append(
            f"The machine was busy: a median is {worst:.1f} times the fastest round of its "
            "version; measure again."
        )
    return lines


def _digits(value: float | None) -> str:
    """Return a value with three significant digits, or a dash for None."""
    if value is None:
        return "–"
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"


def _line(cells: list[str], widths: list[int]) -> str:
    first = cells[0].ljust(widths[0])
    rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return f"| {' | '.join([first, *rest])} |"
