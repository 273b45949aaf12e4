"""Draws a chart as inline SVG, and the routes as bars."""

from __future__ import annotations

from typing import Any

from ..metrics import ROUTES
from .charts import Chart, Panel
from .html import Html
from .svg import (
    INNER,
    LEFT,
    TOP,
    WIDTH,
    Scale,
    box,
    curve,
    dot,
    drawing,
    label,
    line,
    x_axis,
    y_axis,
)

HISTOGRAM, CURVE, DIAGONAL = 74.0, 118.0, 260.0  # heights of a panel
GAP = 26.0
RULES = 16.0  # height of the second line of names above the panels
LETTER = 8.0  # maximum width of a bold letter


def draw(chart: Chart) -> Html:
    """Return the chart as a figure with its caption."""
    across = Scale(chart.low, chart.high, start=LEFT, end=LEFT + INNER)
    y, parts = TOP + (RULES if chart.rules else 0), []
    for panel in chart.panels:
        if panel.series[0].form == "bars":
            height, shape = HISTOGRAM, _histogram
        else:
            height, shape = (DIAGONAL if panel.diagonal else CURVE), _curves
        parts += shape(panel, across, y, y + height)
        y += height + GAP
    bottom = y - GAP
    parts += _rules(chart, across, bottom)
    parts += x_axis(across, bottom, title=chart.x)
    return drawing(
        chart.name, chart.title, described=chart.caption, height=bottom + 42, parts=parts
    )


def _histogram(panel: Panel, across: Scale, top: float, bottom: float) -> list[Html]:
    (bars,) = panel.series
    up, parts = Scale(0, max(bars.y), start=bottom, end=top + 12), []
    for left, right, share in zip(bars.x[:-1], bars.x[1:], bars.y, strict=True):
        x, width = across(left), across(right) - across(left) - 0.5
        parts.append(box(x, up(share), width, bottom - up(share), kind=bars.kind))
    return [
        *parts,
        line(LEFT, bottom, LEFT + INNER, bottom, kind="axis"),
        label(LEFT - 7, up.end + 4, f"{max(bars.y):.0%}", anchor="end", kind="soft"),
        label(LEFT + INNER, top + 3, bars.name, anchor="end"),
    ]


def _curves(panel: Panel, across: Scale, top: float, bottom: float) -> list[Html]:
    level = () if panel.level is None else (panel.level,)
    values = [*level, *(panel.window or ()), *(v for one in panel.series for v in one.y)]
    low, high = (0, 1) if panel.diagonal else (min(values), 1.05 * max(values))
    up, parts = Scale(low, high, start=bottom, end=top), []
    if panel.diagonal:
        parts.append(line(LEFT, bottom, LEFT + INNER, top, kind="rule"))
    if panel.window:
        low, high = (up(value) for value in panel.window)
        parts.append(box(LEFT, high, INNER, low - high, kind="window"))
    parts += [line(LEFT, up(value), LEFT + INNER, up(value), kind="axis") for value in level]
    for one in panel.series:
        xs, ys = [across(x) for x in one.x], [up(y) for y in one.y]
        if one.form == "dots":
            parts += [dot(x, y) for x, y in zip(xs, ys, strict=True)]
        else:
            parts.append(curve(xs, ys))
    axis = y_axis(up, most=7 if panel.diagonal else 5)
    return [*parts, *axis, label(LEFT + 6, top - 5, panel.y)]


def _rules(chart: Chart, across: Scale, bottom: float) -> list[Html]:
    """Return the dashed lines, with a name above each, on two lines so that they don't overlap."""
    parts = []
    for row, (name, value) in enumerate(chart.rules.items()):
        x = min(across(value), LEFT + INNER)  # a threshold above ln S stands at the end
        anchor, shift = ("end", -4) if x > LEFT + INNER / 2 else ("start", 4)
        parts.append(line(x, TOP - 2, x, bottom, kind="rule"))
        parts.append(label(x + shift, TOP - 8 + 14 * row, f"{name}: {value:.3g}", anchor=anchor))
    return parts


def draw_routes(routes: dict[str, Any]) -> Html:
    """Return the shares of seen and unseen test samples per route as two stacked bars."""
    parts, y = [], TOP
    for kind in ("seen", "unseen"):
        x = LEFT + 8
        width = WIDTH - x - 12
        parts.append(label(x - 7, y + 19, kind, anchor="end"))
        for route in ROUTES:
            share = routes[kind][route]
            parts.append(box(x, y, width * share - 1, 28, kind=route))
            named = f"{route} {share:.0%}"
            if LETTER * len(named) < width * share:
                style = "inside-GZSL" if route == "GZSL" else "inside"
                parts.append(
                    label(x + width * share / 2, y + 19, named, anchor="middle", kind=style)
                )
            x += width * share
        y += 38
    described = "From left to right: SL (a seen class), GZSL (any class), ZSL (an unseen class)."
    return drawing(
        "routes", "Share of test samples per route", described=described, height=y + 2, parts=parts
    )
