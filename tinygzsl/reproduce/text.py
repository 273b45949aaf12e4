"""The records of a table or figure as text."""

from __future__ import annotations

from itertools import groupby

from .others import STAR
from .records import AREA, COUNT, FRACTION, NOT_RUN, Record

DECIMALS = {COUNT: 0, AREA: 3}  # other units have 2
HEAD = ("", "", "measured", "printed", "corrected", "difference")


def as_text(records: list[Record]) -> str:
    """Return one block per dataset, one line per row; accuracies and shares are in percent.

    Details are not shown, only counted.
    """
    shown = [record for record in records if not record.detail]
    blocks = []
    for (dataset, label), group in groupby(shown, lambda r: (r.dataset, r.label)):
        lines = [_line(list(row)) for _, row in groupby(group, lambda r: r.row)]
        blocks.append(_block(f"{dataset}, {label}" if label else dataset, lines))
    if any(record.row.endswith(STAR) for record in shown):
        blocks.append("* uses unseen prototypes in training")
    if any(record.wrong for record in shown):
        blocks.append("? what is right is not known here")
    if len(shown) < len(records):
        blocks.append(f"{len(records) - len(shown)} more figures are in the files of --out")
    return "\n\n".join(blocks)


def _block(title: str, lines: list[tuple[str, ...]]) -> str:
    """Return a block without its empty columns."""
    table = [(title, *HEAD[1:], ""), *lines]
    kept = [i for i in range(len(HEAD) + 1) if i < 3 or any(line[i] for line in lines)]
    widths = {i: max(len(line[i]) for line in table) for i in kept}
    return "\n".join("  ".join(f"{line[i]:{widths[i]}}" for i in kept).rstrip() for line in table)


def _line(row: list[Record]) -> tuple[str, ...]:
    """Return name, quantities, measured, printed, corrected, difference and note of a row."""
    first = row[0]
    measured = first.status
    if any(r.measured is not None for r in row):
        measured = _joined([_spread(r) for r in row])
    elif first.status != NOT_RUN:
        measured = ""
    columns = [[_number(getattr(r, n), r.unit) for r in row] for n in ("published", "corrected")]
    if first.wrong:
        columns[1] = ["?"]
    differences = [_number(r.difference, r.unit, sign="+") for r in row]
    over = f"({first.over})" if first.sd is not None else ""
    note = " ".join(part for part in (over, first.note) if part)
    quantities = " / ".join(r.quantity for r in row)
    others = [_joined(column) for column in (*columns, differences)]
    return (f"  {first.row}", quantities, measured, *others, note)


def _joined(texts: list[str]) -> str:
    if not any(texts):
        return ""
    return " / ".join(text or "-" for text in texts)


def _spread(record: Record) -> str:
    mean = _number(record.measured, record.unit)
    return mean if record.sd is None else f"{mean} ± {_number(record.sd, record.unit)}"


def _number(value: float | None, unit: str, *, sign: str = "") -> str:
    if value is None:
        return ""
    if unit == FRACTION:
        return f"{100 * value:{sign}.1f}"
    return f"{value:{sign}.{DECIMALS.get(unit, 2)}f}"
