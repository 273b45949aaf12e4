"""Draws charts with Matplotlib, and writes them as PNG and SVG; needs the extra `plot`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..storage.atomic_write import written_aside
from .charts import Chart, Panel, Series

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, PINK, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#666666"
COLOURS = {"seen": BLUE, "unseen": ORANGE, "proxy": GREEN, "count": BLUE}
CURVES = {
    "score": (BLUE, "-"),
    "wasserstein": (BLUE, "-"),
    "penalty": (ORANGE, "-"),
    "loss": (GREY, "-"),
    "clf": (BLUE, "--"),
    "le": (ORANGE, "-."),
    "ae": (GREEN, ":"),
    "es": (PINK, (0, (5, 1, 1, 1, 1, 1))),
    "h_seen": (BLUE, "-"),
    "h_proxy": (GREEN, "--"),
    "reliability": (BLUE, "-"),
}
HISTOGRAM, CURVE, DIAGONAL = 1.35, 2.3, 4.5  # heights of a panel in inches
FORMATS = ("png", "svg")
DPI = 150


def save_figures(figures: dict[str, Any], folder: Path) -> list[Path]:
    """Write {name: figure} to folder/NAME.png and .svg, and return the paths.

    The same figures give the same bytes with the same version of Matplotlib.
    """
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures.items():
        figure.align_ylabels()
        for form in FORMATS:
            path = folder / f"{name}.{form}"
            metadata = {"Date": None} if form == "svg" else None
            # Without a salt the ids are random; as text the letters would depend on the fonts.
            svg: Any = {"svg.hashsalt": name, "svg.fonttype": "path"}
            with rc_context(svg), written_aside(path) as aside:
                figure.savefig(aside, format=form, dpi=DPI, metadata=metadata)
            paths.append(path)
    return paths


def new_figure(panels: int, height: float, **options: Any) -> tuple[Any, Sequence[Any]]:
    """Return a figure with that many panels above each other, and their axes.

    height is that of one panel in inches. pyplot is not used, because it keeps global state.
    Raises ImportError without Matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "matplotlib is not installed, and figures need it; pip install 'tinygzsl[plot]'"
        ) from None
    figure = Figure(figsize=(7, height * panels + 0.6), layout="constrained")
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False, **options)[:, 0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=9)
    return figure, axes


def draw(chart: Chart) -> Any:
    """Return the chart as a figure. Raises ImportError without Matplotlib."""
    heights = [_height(panel) for panel in chart.panels]
    figure, axes = new_figure(
        len(heights), sum(heights) / len(heights), gridspec_kw={"height_ratios": heights}
    )
    for ax, panel in zip(axes, chart.panels, strict=True):
        if panel.window:
            low, high = panel.window
            ax.axhspan(low, high, color=BLUE, alpha=0.15, lw=0, label="window")
        for series in panel.series:
            _draw_series(ax, series)
        for value in chart.rules.values():
            ax.axvline(value, color="black", lw=1, ls="--")
        if panel.level is not None:
            ax.axhline(panel.level, color=GREY, lw=0.6)
        if panel.diagonal:
            ax.plot([0, 1], [0, 1], color="black", lw=1, ls="--", label="a probability", zorder=1)
            ax.set_ylim(0, 1)
        ax.set_ylabel(panel.y)
        if panel.logarithmic:
            ax.set_yscale("symlog", linthresh=1e-2)
        if len(panel.series) > 1:
            place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
            ax.legend(frameon=False, fontsize=9, **place)
    if chart.panels[-1].series[0].form == "bars":
        axes[-1].set_xlim(chart.low, chart.high)
    axes[-1].set_xlabel(chart.x)
    if chart.whole:
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(chart.title, fontsize=11)
    return figure


def _height(panel: Panel) -> float:
    if panel.series[0].form == "bars":
        return HISTOGRAM
    return DIAGONAL if panel.diagonal else CURVE


def _draw_series(ax: Any, series: Series) -> None:
    if series.form == "bars":
        colour = COLOURS[series.kind]
        ax.stairs(series.y, series.x, fill=True, color=colour)
        ax.set_title(series.name, fontsize=10, loc="right", pad=-10, color=colour)
    elif series.form == "dots":
        ax.plot(series.x, series.y, "o", color=ORANGE, label=series.name, zorder=3)
    else:
        colour, dashes = CURVES[series.kind]
        marker = "o" if len(series.x) == 1 else None
        style = {"color": colour, "ls": dashes, "lw": 1.6, "marker": marker}
        ax.plot(series.x, series.y, label=series.name, **style)
