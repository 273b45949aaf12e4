"""The charts of a report: entropies, routes, and the confidence score while the CWGAN trained."""

from __future__ import annotations

from typing import Any

from ..metrics import ROUTES
from ..runs.load import Run
from .html import Html
from .marks import cs_window, threshold_marks
from .samples import Histogram
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

KINDS = {
    "seen": "test samples of seen classes",
    "unseen": "test samples of unseen classes",
    "proxy": "fresh proxies",
}
PANEL = 74.0  # height of a histogram
BAND = 118.0  # height of a curve's panel
GAP = 26.0
LETTER = 8.0  # width of a bold one, rather too much


def entropy_chart(run: Run, histogram: Histogram) -> Html:
    """Histograms of the entropies of seen, unseen and proxy samples, one below the other."""
    edges, top = histogram.edges, float(histogram.edges[-1])
    across, parts, y = Scale(0, top, LEFT, LEFT + INNER), [], TOP + 16
    marks = threshold_marks(run)
    bottom = y + len(histogram.shares) * (PANEL + GAP) - GAP
    for kind, shares in histogram.shares.items():
        up = Scale(0, float(shares.max()), y + PANEL, y + 12)
        for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
            x, height = across(left), up(0) - up(share)
            parts.append(box(x, up(share), across(right) - x - 0.5, height, kind))
        parts.append(line(LEFT, up(0), LEFT + INNER, up(0), "axis"))
        parts.append(label(LEFT - 7, up.end + 4, f"{shares.max():.0%}", "end", "soft"))
        parts.append(label(LEFT + INNER, y + 3, KINDS[kind], "end"))
        y += PANEL + GAP
    for i, (nats, name) in enumerate(marks):
        x = min(across(nats), LEFT + INNER)  # a threshold above ln S stands at the end
        parts.append(line(x, TOP - 2, x, bottom, "rule"))
        anchor = "end" if x > LEFT + INNER / 2 else "start"
        row = TOP - 8 if i == 0 else TOP + 6
        parts.append(label(x + (-4 if anchor == "end" else 4), row, f"{name}: {nats:.3g}", anchor))
    parts += x_axis(across, bottom, f"entropy in nats, 0 to ln S = {top:.2f}")
    names = " and ".join(f"{name} at {nats:.3g} nats" for nats, name in marks)
    described = f"Dashed: {names}. Each histogram has a scale of its own, up to its highest bin."
    return drawing("entropy", "Histograms of the entropy", described, bottom + 42, parts)


def route_chart(routes: dict[str, Any]) -> Html:
    """Shares of seen and unseen test samples per route, as two stacked bars."""
    parts, y = [], TOP
    for kind in ("seen", "unseen"):
        x = LEFT + 8
        width = WIDTH - x - 12
        parts.append(label(x - 7, y + 19, kind, "end"))
        for route in ROUTES:
            share = routes[kind][route]
            parts.append(box(x, y, width * share - 1, 28, route))
            named = f"{route} {share:.0%}"
            if LETTER * len(named) < width * share:
                style = "inside-GZSL" if route == "GZSL" else "inside"
                parts.append(label(x + width * share / 2, y + 19, named, "middle", style))
            x += width * share
        y += 38
    described = "From left to right: SL (a seen class), GZSL (any class), ZSL (an unseen class)."
    return drawing("routes", "Share of test samples per route", described, y + 2, parts)


def score_chart(run: Run) -> Html:
    """CS and r against epochs, with the window and the chosen snapshots."""
    source = run.model.proxy_source_
    epochs, window = [look.epoch for look in source.looks], cs_window(run)
    across, parts, y = Scale(0, max(epochs), LEFT, LEFT + INNER), [], TOP
    panels = (("cs", window.cs, "CS"), ("relative", window.relative, "r = ln CS / ln CS_ref"))
    for field, (low, high), title in panels:
        values = [getattr(look, field) for look in source.looks]
        top = 1.05 * max(*values, high)
        up = Scale(min(*values, low, 1.0 if field == "cs" else 0.0), top, y + BAND, y)
        parts.append(box(LEFT, up(high), INNER, up(low) - up(high), "window"))
        parts.append(curve([across(e) for e in epochs], [up(v) for v in values]))
        parts += y_axis(up)
        parts.append(label(LEFT + 6, y - 5, title))
        for snapshot in source.snapshots:
            parts.append(dot(across(snapshot.look.epoch), up(getattr(snapshot.look, field))))
        y += BAND + GAP
    parts += x_axis(across, y - GAP, "epochs of the CWGAN")
    (low, high), relative = window.cs, window.relative
    dots = "The dots are the snapshots" if len(source.snapshots) > 1 else "The dot is the snapshot"
    described = (
        f"Band: the window, {low:.3g} < CS < {high:.3g}, which is {relative[0]:.3g} < r < "
        f"{relative[1]:.3g}. {dots} that the proxies come from. CS_ref, of held-out real samples, "
        f"is {source.reference:.2f}."
    )
    return drawing("score", "Confidence score while training", described, y + 16, parts)
