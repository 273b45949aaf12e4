"""The charts of a run as plain data: the report draws them as SVG, `plot` with Matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..confidence import cs_window
from ..proxies import ProxySource
from ..router import limits
from ..runs.load import Run
from ..settings import Settings
from ..snapshots import Look
from .samples import Histogram

TITLES = {
    "seen": "seen test samples",
    "unseen": "unseen test samples",
    "proxy": "fresh proxies",
}
LOSSES = {
    "loss": "all of eq. 9",
    "clf": "cross-entropy of C",
    "le": "embedding, eq. 4",
    "ae": "autoencoder, eq. 3",
    "es": "entropy separation, eq. 8",
}
ENTROPIES = {"h_seen": "seen samples", "h_proxy": "proxies"}
LIMITS = {"delta_low": "δ low", "delta_high": "δ high"}
OWN_SCALES = "Each histogram has a scale of its own, up to its highest bin."
CAME_TRUE = {"score": "right labels", "gate": "samples of seen classes"}


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values to draw: a curve or dots at x (n,), or bars between the edges x (n + 1,).

    kind chooses colour and dashes, name is for a legend.
    """

    form: Literal["curve", "dots", "bars"]
    kind: str
    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel of a chart.

    y is the title of its y axis, level a value that the axis includes and a line marks, window a
    band (low, high). The axis is symmetric-logarithmic if logarithmic is set. With diagonal, both
    axes go from 0 to 1 and the diagonal is marked.
    """

    y: str
    series: tuple[Series, ...]
    level: float | None = None
    window: tuple[float, float] | None = None
    logarithmic: bool = False
    diagonal: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Panels above each other, over one x axis from low to high.

    caption describes the chart in full. rules, {name: x}, are vertical lines through all panels.
    whole says that x are whole numbers.
    """

    name: str
    title: str
    caption: str
    x: str
    low: float
    high: float
    panels: tuple[Panel, ...]
    rules: dict[str, float] = field(default_factory=dict)
    whole: bool = False


def run_charts(
    run: Run, histogram: Histogram | None = None, *, theta: Histogram | None = None
) -> list[Chart]:
    """Return all charts.

    They are score and critic (if there is a GAN), vsmm (unless the model is a stack), entropy (with
    its histogram), gate (with that of theta), and those of reliability (if the run was evaluated).
    """
    model, charts = run.single, []
    if model is not None and model.proxy_source_ is not None:
        charts += [score_chart(model.proxy_source_, model.settings_)]
        charts += [critic_chart(model.proxy_source_.looks)]
    if model is not None:
        charts.append(vsmm_chart(model.history_))
    if histogram is not None:
        charts.append(entropy_chart(run, histogram))
    if theta is not None:
        charts.append(gate_chart(theta))
    return charts + reliability_charts((run.metrics or {}).get("calibration", {}))


def score_chart(source: ProxySource, settings: Settings) -> Chart:
    """CS and r while the CWGAN trained, with the window and the chosen snapshots."""
    window = cs_window(settings, source.reference)
    chosen = [snapshot.look for snapshot in source.snapshots]
    panels = []
    for name, title, level, band in (
        ("cs", "CS", 1.0, window.cs),
        ("relative", "r = ln CS / ln CS_ref", 0.0, window.relative),
    ):
        series = (
            _over_epochs(source.looks, name, kind="score", name=title),
            _over_epochs(chosen, name, kind="chosen", name="chosen", form="dots"),
        )
        panels.append(Panel(y=title, series=series, level=level, window=band))
    dots = "The dots are the snapshots" if len(chosen) > 1 else "The dot is the snapshot"
    return Chart(
        name="score",
        title=f"Confidence score; CS_ref, of held-out real samples, is {source.reference:.2f}",
        caption=(
            f"Band: the window, {window.cs[0]:.3g} < CS < {window.cs[1]:.3g}, which is "
            f"{window.relative[0]:.3g} < r < {window.relative[1]:.3g}. {dots} that the proxies "
            f"come from. CS_ref, of held-out real samples, is {source.reference:.2f}."
        ),
        x="epochs of the CWGAN",
        low=0,
        high=max(look.epoch for look in source.looks),
        panels=tuple(panels),
    )


def critic_chart(looks: list[Look]) -> Chart:
    """The critic's distance and the gradient penalty at every look."""
    return Chart(
        name="critic",
        title="Critic: E[D(x)] - E[D(x~)] and its gradient penalty, eq. 6",
        caption="The critic's distance and its gradient penalty, eq. 6, at every look.",
        x="epochs of the CWGAN",
        low=0,
        high=max(look.epoch for look in looks),
        panels=tuple(
            Panel(y=title, series=(_over_epochs(looks, name, kind=name, name=title),), level=0.0)
            for name, title in (("wasserstein", "distance"), ("penalty", "penalty"))
        ),
    )


def _over_epochs(
    looks: list[Look], value: str, *, kind: str, name: str, form: Literal["curve", "dots"] = "curve"
) -> Series:
    x, y = [look.epoch for look in looks], [getattr(look, value) for look in looks]
    return Series(form=form, kind=kind, name=name, x=x, y=y)


def vsmm_chart(history: list[dict[str, float]]) -> Chart:
    """The VSMM's losses and the entropies of its batches, means per epoch."""
    epochs = list(range(1, len(history) + 1))

    def panel(title: str, names: dict[str, str], *, logarithmic: bool) -> Panel:
        series = tuple(
            Series(form="curve", kind=key, name=name, x=epochs, y=[h[key] for h in history])
            for key, name in names.items()
            if key in history[0]
        )
        return Panel(y=title, series=series, logarithmic=logarithmic)

    return Chart(
        name="vsmm",
        title="VSMM: unweighted terms, and their weighted sum",
        caption="Means of the VSMM's losses and of the entropies of its batches, per epoch.",
        x="epoch of the VSMM",
        low=1,
        high=len(history),
        panels=(
            panel("loss", LOSSES, logarithmic=True),  # terms differ by orders, and eq. 8 can be 0
            panel("entropy (nats)", ENTROPIES, logarithmic=False),
        ),
        whole=True,
    )


def entropy_chart(run: Run, histogram: Histogram) -> Chart:
    """Histograms of the entropies of seen, unseen and proxy samples, with the thresholds if any."""
    model, top = run.single, float(histogram.edges[-1])
    found = {} if model is None else limits(model.routing_, len(model.classes_))
    rules = {LIMITS.get(name, name): nats for name, nats in found.items()}
    dashed = " and ".join(f"{name} at {nats:.3g} nats" for name, nats in rules.items())
    of = "C" if model is not None else "the experts' probabilities of seen classes"
    return Chart(
        name="entropy",
        title=f"Histograms of the entropy of {of}" + (f"; dashed: {dashed}" if dashed else ""),
        caption=(f"Dashed: {dashed}. " if dashed else "") + OWN_SCALES,
        x=f"entropy in nats, 0 to ln S = {top:.2f}",
        low=0,
        high=top,
        panels=_bars(histogram),
        rules=rules,
    )


def gate_chart(histogram: Histogram) -> Chart:
    """Histograms of theta of seen and unseen samples, by which the learned gate decides."""
    return Chart(
        name="gate",
        title="Histograms of the gate's θ = κ g - o; dashed: gate 1/2",
        caption=(
            "θ is the log-odds of all seen classes together. Where it is above 0, on the right of "
            f"the dashed line, a seen class is more probable than an unseen one. {OWN_SCALES}"
        ),
        x="θ, the log-odds of a seen class",
        low=float(histogram.edges[0]),
        high=float(histogram.edges[-1]),
        panels=_bars(histogram),
        rules={"gate 1/2": 0.0},
    )


def _bars(histogram: Histogram) -> tuple[Panel, ...]:
    panels, edges = [], histogram.edges.tolist()
    for kind, shares in histogram.shares.items():
        bars = Series(form="bars", kind=kind, name=TITLES[kind], x=edges, y=shares.tolist())
        panels.append(Panel(y="share", series=(bars,)))
    return tuple(panels)


def reliability_charts(calibration: dict[str, Any]) -> list[Chart]:
    """Return the reliability of score and gate; calibration is that of `evaluate`."""
    return [_reliability(name, found) for name, found in calibration.items() if found is not None]


def _reliability(name: str, found: dict[str, Any]) -> Chart:
    curve, counts = found["curve"], found["histogram"]
    mean, rate, sizes = curve["mean"], curve["rate"], curve["count"]
    edges = [i / len(counts) for i in range(len(counts) + 1)]
    shares = [n / sum(counts) for n in counts]
    groups = f"{len(sizes)} groups of {min(sizes)} to {max(sizes)} test samples"
    diagram = (
        Series(form="curve", kind="reliability", name="test samples", x=mean, y=rate),
        Series(form="dots", kind="chosen", name="a group of them", x=mean, y=rate),
    )
    bars = Series(form="bars", kind="count", name="all test samples", x=edges, y=shares)
    return Chart(
        name=f"reliability_{name}",
        title=f"Reliability of the {name}: its mean, and the share of {CAME_TRUE[name]}",
        caption=(
            f"Dots: {groups}, by {name}. On the dashed diagonal the {name} is a probability; "
            "below it, it is too high. Bars: where the values lie."
        ),
        x=name,
        low=0,
        high=1,
        panels=(
            Panel(y=f"share of {CAME_TRUE[name]}", series=diagram, diagonal=True),
            Panel(y="share", series=(bars,)),
        ),
    )
