"""A chart as inline SVG: a column of panels over one x axis, drawn with the page's colours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .html import Html, element

WIDTH, LEFT, RIGHT, TOP = 440.0, 46.0, 12.0, 20.0  # in the units of the drawing
INNER = WIDTH - LEFT - RIGHT


class Scale:
    """Maps data from low..high to drawing units from start..end."""

    def __init__(self, low: float, high: float, *, start: float, end: float):
        self.low, self.high = low, high if high > low else low + 1
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        """Return the position of a value, in drawing units."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Return at most `most` round numbers within low..high, with steps of 1, 2 or 5 times 10^n."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(power * m for m in (1, 2, 5, 10, 20) if (high - low) / (power * m) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """Return a number as short text for a label: 0.4, 12, 1500."""
    return f"{value:.10g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.1e}"


def label(
    x: float, y: float, content: str, *, anchor: str = "start", kind: str | None = None
) -> Html:
    """Return a text whose baseline starts, ends or is centred (middle) at x, y."""
    return element("text", content, x=_f(x), y=_f(y), text_anchor=anchor, class_=kind)


def line(x1: float, y1: float, x2: float, y2: float, *, kind: str) -> Html:
    """Return a straight line."""
    return element("line", x1=_f(x1), y1=_f(y1), x2=_f(x2), y2=_f(y2), class_=kind)


def box(x: float, y: float, width: float, height: float, *, kind: str) -> Html:
    """Return a filled rectangle."""
    size = {"width": _f(max(width, 0)), "height": _f(max(height, 0))}
    return element("rect", x=_f(x), y=_f(y), **size, class_=kind)


def curve(xs: Sequence[float], ys: Sequence[float]) -> Html:
    """Return a polyline through points in drawing units."""
    points = " ".join(f"{_f(x)},{_f(y)}" for x, y in zip(xs, ys, strict=True))
    return element("polyline", points=points, class_="line")


def dot(x: float, y: float) -> Html:
    """Return a marked point."""
    return element("circle", cx=_f(x), cy=_f(y), r=5, class_="mark")


def x_axis(scale: Scale, y: float, *, title: str) -> list[Html]:
    """Return ticks and the title below y."""
    parts = [line(scale.start, y, scale.end, y, kind="axis")]
    for value in ticks(scale.low, scale.high, most=7):
        parts.append(line(scale(value), y, scale(value), y + 4, kind="axis"))
        parts.append(label(scale(value), y + 17, number(value), anchor="middle", kind="soft"))
    return [*parts, label((scale.start + scale.end) / 2, y + 34, title, anchor="middle")]


def y_axis(scale: Scale, *, most: int = 5) -> list[Html]:
    """Return ticks on the left of the panel; the scale's end is above its start."""
    parts = [line(LEFT, scale.start, LEFT, scale.end, kind="axis")]
    for value in ticks(scale.low, scale.high, most=most):
        parts.append(line(LEFT - 4, scale(value), LEFT, scale(value), kind="axis"))
        parts.append(label(LEFT - 7, scale(value) + 4, number(value), anchor="end", kind="soft"))
    return parts


def drawing(name: str, title: str, *, described: str, height: float, parts: Sequence[Html]) -> Html:
    """Return a figure with a drawing of width WIDTH; screen readers read title and description."""
    svg = element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", described, id=f"{name}-desc"),
        "\n",
        *parts,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )
    return element("figure", svg, "\n", element("figcaption", described))


def _f(value: float) -> str:
    return f"{value:.1f}"
