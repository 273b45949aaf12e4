"""Draws figures 2 to 7 from their records; needs the extra `plot`."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from ..report.charts import TITLES
from ..report.figures import BLUE, COLOURS, GREEN, GREY, ORANGE, PINK, new_figure
from ..text import printable
from .evolution import MOMENTS
from .records import Outcome, Record

LINES = (BLUE, ORANGE, GREEN, PINK, GREY)
SHIFT = 35  # shift in proxies between datasets in figure 7, so that error bars don't overlap
DASHES = ("-", "--", "-.", ":")
SHORT = {"SL": "SL: supervised", "GZSL": "GZSL: in between", "ZSL": "ZSL: unseen classes only"}
GENERATED = {
    "start": "at the first look",
    "window": "at the first look in the window: proxies",
    "end": "at the end",
}
TRAINED = {"seen": "seen training samples", "proxy": "proxies trained on"}


def pictures(target: str, records: list[Record], outcomes: list[Outcome]) -> dict[str, Any]:
    """Return figures by file name: one per dataset, or one for all (figures 6 and 7).

    It is {} for a table.
    """
    records = [record for record in records if record.measured is not None]
    if target == "figure3":
        return {_file(target, o): map_picture(o) for o in outcomes}
    if target in ("figure6", "figure7"):
        return {target: {"figure6": share_picture, "figure7": count_picture}[target](records)}
    draw = {"figure2": entropy_picture, "figure4": entropy_picture, "figure5": curve_picture}
    if target not in draw:
        return {}
    names = dict.fromkeys(record.dataset for record in records)
    return {
        f"{target}-{name}": draw[target](name, [r for r in records if r.dataset == name])
        for name in names
    }


def _file(target: str, outcome: Outcome) -> str:
    return "-".join([target, outcome.dataset, *outcome.label.replace(",", "").split()])


def entropy_picture(dataset: str, records: list[Record]) -> Any:
    """Figures 2 and 4: histograms in training (if available) and in testing."""
    whens = list(dict.fromkeys(r.row.split(",")[0] for r in records if r.detail))
    figure, axes = new_figure(len(whens), 2.6)
    marks = [r for r in records if r.row == "threshold"]
    for ax, when in zip(axes, whens, strict=True):
        bins = [r for r in records if r.detail and r.row.startswith(when)]
        for kind in dict.fromkeys(r.quantity for r in bins):
            heights = [r.measured for r in bins if r.quantity == kind]
            low, high = zip(*(_edges(r.row) for r in bins if r.quantity == kind), strict=True)
            name = TRAINED[kind] if when == "training" else TITLES[kind]
            edges = [*low, high[-1]]
            style = {"color": COLOURS[kind], "lw": 1.5}
            ax.stairs(heights, edges, fill=True, color=COLOURS[kind], alpha=0.3)
            ax.stairs(heights, edges, label=name, **style)
        for mark in marks:
            ax.axvline(mark.measured, color="black", lw=1, ls="--")
        area = next(r for r in records if r.row == when and r.quantity == "AUROC")
        ax.set_xlim(0, edges[-1])
        ax.set_ylabel("share of samples")
        above = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2}
        ax.legend(frameon=False, fontsize=9, ncols=2, **above)
        ax.set_title(f"{when}, AUROC {area.measured:.3f}", fontsize=10, loc="left")
    named = ", ".join(f"{mark.quantity} = {mark.measured:.3g}" for mark in marks)
    dashed = f"; dashed: {named} nats" if marks else ""  # a learned gate has no threshold
    title = printable(f"{dataset}: entropy of C{dashed}")
    figure.suptitle(title, fontsize=11, parse_math=False)
    axes[-1].set_xlabel(f"entropy in nats, 0 to ln S = {edges[-1]:.2f}")
    return figure


def _edges(row: str) -> tuple[float, float]:
    low, high = row.split(", ")[1].removesuffix(" nats").split(" to ")
    return float(low), float(high)


def map_picture(outcome: Outcome) -> Any:
    """Figure 3: one t-SNE of all points; each panel has the generated ones of one look."""
    found, values = outcome.points, {(v.row, v.quantity): v.value for v in outcome.values}
    figure, axes = new_figure(len(MOMENTS), 3.2, sharey=True)
    dots = {"s": 5, "lw": 0, "alpha": 0.6}
    for ax, name in zip(axes, MOMENTS, strict=True):
        for points, kind, style in (
            (found.seen, "real, seen classes", {"color": BLUE, **dots}),
            (found.unseen, "real, unseen classes", {"color": ORANGE, **dots}),
            (found.generated[name], "generated", {"color": "black", "s": 6, "lw": 0}),
        ):
            ax.scatter(points[:, 0], points[:, 1], label=kind, **style)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[["left", "bottom"]].set_visible(False)
        epoch, cs = values[name, "epoch"], values[name, "CS"]
        title = f"{GENERATED[name]}, epoch {epoch:.2f}, CS {cs:.2f}"
        ax.set_title(title, fontsize=10, loc="left")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, markerscale=2)
    title = printable(f"{outcome.dataset}, {outcome.label}: t-SNE of features")
    figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def curve_picture(dataset: str, records: list[Record]) -> Any:
    """Figure 5: CS above, H below, against the CWGAN's epochs; a line for each split and seed."""
    figure, axes = new_figure(2, 2.4)
    labels = list(dict.fromkeys(r.label for r in records))
    for i, label in enumerate(labels):
        mine = [r for r in records if r.label == label]
        limits = [_measured(r) for r in mine if r.row == "window"]
        style = {"color": LINES[i % len(LINES)], "ls": DASHES[i % len(DASHES)], "lw": 1.5}
        looks = [r for r in mine if r.row != "window" and r.quantity == "CS"]
        cs = [(_epoch(r), _measured(r)) for r in looks]
        h = [(_epoch(r), 100 * _measured(r)) for r in mine if r.quantity == "H"]
        inside = [epoch for epoch, score in cs if limits[0] < score < limits[1]]
        axes[0].plot(*zip(*cs, strict=True), label=label, **style)
        axes[1].plot(*zip(*h, strict=True), marker="o", ms=3, label=label, **style)
        for ax in axes if inside else ():
            ax.axvspan(min(inside), max(inside), color=style["color"], alpha=0.12, lw=0)
    axes[0].set_ylabel("CS")
    axes[1].set_ylabel("H in %")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    title = f"{dataset}; shaded: from the first to the last look with s_l < CS < s_h"
    axes[0].set_title(printable(title), fontsize=11, parse_math=False)
    axes[1].set_xlabel("epochs of the CWGAN")
    return figure


def _epoch(record: Record) -> float:
    return float(record.row.removeprefix("epoch "))


def _measured(record: Record) -> float:
    """Return the measured value of a record that has one, as `pictures` passes only these."""
    if record.measured is None:
        raise InputError(f"{record.row} of {record.dataset} was not measured")
    return record.measured


def share_picture(records: list[Record]) -> Any:
    """Figure 6: per dataset one bar for its seen and one for its unseen test samples."""
    datasets = list(dict.fromkeys(r.dataset for r in records))
    figure, (ax,) = new_figure(1, 0.9 + 0.75 * len(datasets))
    bars = list(dict.fromkeys((r.dataset, r.row) for r in records))
    for place, (dataset, row) in enumerate(bars):
        left = 0.0
        mine = [r for r in records if (r.dataset, r.row) == (dataset, row)]
        for record, colour in zip(mine, (BLUE, "#bbbbbb", ORANGE), strict=True):
            share, name = 100 * _measured(record), SHORT[record.quantity]
            ax.barh(
                place, share, left=left, color=colour, height=0.7, label=None if place else name
            )
            if share > 4:
                ink = "black" if record.quantity == "GZSL" else "white"
                middle = left + share / 2
                ax.text(middle, place, f"{share:.0f}", ha="center", va="center", color=ink)
            left += share
    ax.set_yticks(range(len(bars)), [f"{d}, {row.split()[0]}" for d, row in bars])
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("% of the test samples")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure


def count_picture(records: list[Record]) -> Any:
    """Figure 7: H against the number of proxies, a line per dataset, with its runs' spread."""
    figure, (ax,) = new_figure(1, 3.2)
    for i, dataset in enumerate(dict.fromkeys(r.dataset for r in records)):
        mine = [r for r in records if r.dataset == dataset]
        x = [int(r.row.split()[0]) + SHIFT * i for r in mine]
        spread = [100 * (r.sd or 0) for r in mine] if mine[0].sd is not None else None
        style = {"color": LINES[i % len(LINES)], "ls": DASHES[i % len(DASHES)], "marker": "o"}
        over = f", ± over {mine[0].over}" if spread else ""
        y = [100 * _measured(r) for r in mine]
        ax.errorbar(
            x, y, spread, label=dataset + over, ms=4, capsize=3, lw=1.5, elinewidth=1, **style
        )
    ax.set_xlim(left=0)
    ax.set_xlabel("number of proxies")
    ax.set_ylabel("H in %")
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure
