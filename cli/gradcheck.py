"""`tinygzsl gradcheck`: every hand-written gradient against finite differences."""

from typing import Any

import click

from .common import FAILED, emit, errors_as_sentences, json_option
from .gradient_table import NOTE, facts, failures, not_run, table
from .progress import Progress


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@json_option
@errors_as_sentences
def gradcheck(names, device, as_json):
    """Check every gradient against finite differences, or those with NAME in their name.

    Each check runs with the reference and the compiled kernels, with small arrays, for which
    training does not use compiled kernels, and with large ones, whose work is split into shares
    as among threads. Then every kernel of a training step in float32 is compared with its reference
    in float64. Prints tables of relative errors; the exit code is 1 if one is above its tolerance.
    """
    from ..explain.gradcheck import TOLERANCE
    from ..explain.plan import FLOAT32, plan
    from ..runtime.backend import device_module

    tasks = plan(names, xp=device_module(device))
    groups: dict[str, list[Any]] = {}
    with Progress() as progress:
        for i, task in enumerate(tasks, start=1):
            groups.setdefault(task.group, []).append(task.run())
            progress(i, {"phase": "gradcheck", "total": len(tasks)})
    rows = [row for group in groups.values() for row in group]
    result = {
        "passed": not any(row.failed for row in rows),
        "device": device,
        "tolerance": TOLERANCE,
        "checks": [facts(row) for group in groups if group != FLOAT32 for row in groups[group]],
        "float32": [facts(row) for row in groups.get(FLOAT32, [])],
        "kernels": sorted({name for row in rows for cell in row.cells for name in cell.kernels}),
    }
    emit(result, as_json=as_json, text=_text(groups))
    if not result["passed"]:
        raise SystemExit(FAILED)


def _text(groups: dict[str, Any]) -> str:
    from ..explain.gradcheck import STEPS, TOLERANCE

    rows = [row for group in groups.values() for row in group]
    ran = [cell for row in rows for cell in row.cells if cell.why_not is None]
    count = f"{sum(not cell.failed for cell in ran)} of {len(ran)}"
    lines = [
        NOTE,
        f"{count} errors are below their tolerance, {TOLERANCE:g} for gradients (float64, central",
        f"differences of step {STEPS[0]:g} along random directions)",
    ]
    return "\n".join([*table(groups), "", *lines, *not_run(rows), *failures(rows)])
