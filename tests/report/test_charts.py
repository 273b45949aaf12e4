"""Charts as plain data, and that both drawings show the same of them."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from tinygzsl.metrics import calibration
from tinygzsl.report import figures, svg_charts
from tinygzsl.report.charts import (
    TITLES,
    entropy_chart,
    reliability_charts,
    run_charts,
    vsmm_chart,
)
from tinygzsl.report.samples import Histogram
from tinygzsl.report.svg import INNER, LEFT, TOP
from tinygzsl.report.verdict import verdict
from tinygzsl.runs.load import Run
from tinygzsl.settings import Settings
from tinygzsl.snapshots import Look, Snapshot

needs_matplotlib = pytest.mark.skipif(
    find_spec("matplotlib") is None,
    reason="matplotlib is not installed, so no figure was drawn; pip install 'tinygzsl[plot]'",
)
VALUES = (0.1, 0.3, 0.45, 0.5, 0.8)  # of r
HISTORY = [{"loss": 1 / n, "clf": 0.5, "h_seen": 0.2, "h_proxy": n} for n in (1, 2, 3)]


@pytest.fixture
def make_run():
    """make_run(**settings) -> a run of 20 seen classes whose pool has two snapshots."""

    def make(**changes):
        settings = Settings(**changes)
        looks = [
            Look(step=i, epoch=i / 2, cs=10.0**r, relative=r, wasserstein=2.0 - r, penalty=0.1 * i)
            for i, r in enumerate(VALUES)
        ]
        chosen = [Snapshot(look, None) for look in looks[2:4]]
        source = SimpleNamespace(looks=looks, snapshots=chosen, reference=10.0)
        model = SimpleNamespace(
            settings_=settings,
            routing_=settings,
            proxy_source_=source,
            history_=HISTORY,
            classes_=list(range(20)),
        )
        return Run(folder=None, model=model, source={}, manifest={}, metrics=None)

    return make


@pytest.fixture
def histogram():
    rng = np.random.default_rng(0)
    shares = {kind: rng.dirichlet(np.ones(30)) for kind in ("seen", "unseen", "proxy")}
    return Histogram(np.linspace(0, np.log(20), 31), shares)


def drawn(chart):
    """The SVG of a chart, and the axes of its figure."""
    return ET.fromstring(svg_charts.draw(chart)), figures.draw(chart).axes


def texts(svg):
    return [element.text for element in svg.iter("text")]


def x_values(chart, places):
    """Places in an SVG as values of the chart's x axis."""
    return chart.low + (np.array(places) - LEFT) / INNER * (chart.high - chart.low)


def relative(values):
    values = np.asarray(values, float)
    return (values - values.min()) / np.ptp(values)


def test_the_score_chart_is_of_the_looks(make_run):
    chart = run_charts(make_run(cs_low=0.4, cs_high=0.7))[0]
    cs, r = chart.panels
    assert (cs.window, cs.level) == (pytest.approx((10**0.4, 10**0.7)), 1.0)
    assert (r.window, r.level) == ((0.4, 0.7), 0.0)
    curve, dots = r.series
    assert (curve.x, curve.y) == ([0, 0.5, 1, 1.5, 2], list(VALUES))
    assert (dots.x, dots.y) == ([1, 1.5], [0.45, 0.5])
    assert "0.4 < r < 0.7" in chart.caption and "10.00" in chart.title
    assert (chart.low, chart.high) == (0, 2)


def test_the_entropy_chart_has_the_limits_of_its_gate(make_run, histogram):
    chart = entropy_chart(make_run(router_delta_low=0.5, router_delta_high=1.5), histogram)
    assert chart.rules == {"δ low": 0.5, "δ high": 1.5}
    assert [panel.series[0].name for panel in chart.panels] == list(TITLES.values())
    soft = entropy_chart(make_run(router_gate="soft", router_bias=0.25), histogram)
    assert soft.rules == {"gate 1/2": pytest.approx(0.25 * np.log(20))}
    assert "gate 1/2 at 0.749 nats" in soft.caption


def test_which_charts_a_run_has(make_run, histogram):
    run = make_run()
    names = [chart.name for chart in run_charts(run, histogram)]
    assert names == ["score", "critic", "vsmm", "entropy"]
    losses, entropies = run_charts(run)[2].panels
    assert [series.kind for series in losses.series] == ["loss", "clf"]  # eq. 8 was not trained
    assert [series.y for series in entropies.series] == [[0.2, 0.2, 0.2], [1, 2, 3]]
    run.model.proxy_source_ = None
    assert [chart.name for chart in run_charts(run)] == ["vsmm"]


@needs_matplotlib
def test_both_drawings_of_the_score_are_the_same(make_run):
    chart = run_charts(make_run(cs_low=0.4, cs_high=0.7))[0]
    svg, axes = drawn(chart)
    curves, dots = list(svg.iter("polyline")), list(svg.iter("circle"))
    bands = [box for box in svg.iter("rect") if box.get("class") == "window"]
    assert (len(curves), len(dots), len(bands), len(axes)) == (2, 4, 2, 2)
    for i, ax in enumerate(axes):
        curve, chosen = ax.lines[:2]
        points = np.array([p.split(",") for p in curves[i].get("points").split()], float)
        np.testing.assert_allclose(x_values(chart, points[:, 0]), curve.get_xdata(), atol=1e-3)
        np.testing.assert_allclose(relative(-points[:, 1]), relative(curve.get_ydata()), atol=2e-3)
        mine = dots[2 * i : 2 * i + 2]
        places = x_values(chart, [float(dot.get("cx")) for dot in mine])
        np.testing.assert_allclose(places, chosen.get_xdata(), atol=1e-3)
        a, b = np.polyfit(curve.get_ydata(), points[:, 1], 1)  # from values to places
        box = ax.patches[0].get_extents().transformed(ax.transData.inverted())
        top, height = float(bands[i].get("y")), float(bands[i].get("height"))
        assert (box.y1, box.y0) == pytest.approx(((top - b) / a, (top + height - b) / a), rel=0.01)
        assert ax.get_ylabel() in texts(svg)
    assert axes[-1].get_xlabel() == chart.x and chart.x in texts(svg)
    assert axes[0].figure.get_suptitle() == svg.find(".//title").text == chart.title


@needs_matplotlib
def test_both_drawings_of_the_entropies_are_the_same(make_run, histogram):
    chart = entropy_chart(make_run(), histogram)
    svg, axes = drawn(chart)
    rules = [line for line in svg.iter("line") if line.get("class") == "rule"]
    for ax, (kind, shares) in zip(axes, histogram.shares.items(), strict=True):
        bars = [box for box in svg.iter("rect") if box.get("class") == kind]
        heights = [float(bar.get("height")) for bar in bars]
        np.testing.assert_allclose(
            np.array(heights) / max(heights), shares / shares.max(), atol=2e-3
        )
        np.testing.assert_array_equal(ax.patches[0].get_data().values, shares)
        assert ax.get_title("right") == TITLES[kind] and TITLES[kind] in texts(svg)
        places = x_values(chart, [float(rule.get("x1")) for rule in rules])
        np.testing.assert_allclose(places, [line.get_xdata()[0] for line in ax.lines], atol=1e-3)
    for name, nats in chart.rules.items():
        assert f"{name}: {nats:.3g}" in texts(svg)
    assert axes[-1].get_xlim() == (0, np.log(20))


@pytest.mark.parametrize("delta_high", [0.5, 2.9, 9.0])
def test_a_threshold_out_of_reach_stands_at_the_end(make_run, histogram, delta_high):
    chart = entropy_chart(make_run(router_delta_low=0.1, router_delta_high=delta_high), histogram)
    svg = ET.fromstring(svg_charts.draw(chart))
    last = [line for line in svg.iter("line") if line.get("class") == "rule"][-1]
    assert float(last.get("x1")) <= LEFT + INNER
    assert f"δ high: {delta_high:g}" in texts(svg)


def test_every_series_has_its_own_name_and_values(make_run, histogram):
    _, critic, vsmm, entropy = run_charts(make_run(), histogram)
    assert [(panel.y, panel.series[0].y) for panel in critic.panels] == [
        ("distance", [2.0 - r for r in VALUES]),
        ("penalty", [0.1 * i for i in range(5)]),
    ]
    losses, entropies = vsmm.panels
    assert (losses.logarithmic, entropies.logarithmic) == (True, False)
    assert {one.name: (one.x, one.y) for one in entropies.series} == {
        "seen samples": ([1, 2, 3], [0.2, 0.2, 0.2]),
        "proxies": ([1, 2, 3], [1, 2, 3]),
    }
    all_terms = {"loss": 1, "clf": 2, "le": 3, "ae": 4, "es": 5, "h_seen": 6, "h_proxy": 7}
    assert {one.name: one.y for one in vsmm_chart([all_terms]).panels[0].series} == {
        "all of eq. 9": [1],
        "cross-entropy of C": [2],
        "embedding, eq. 4": [3],
        "autoencoder, eq. 3": [4],
        "entropy separation, eq. 8": [5],
    }
    bars = [panel.series[0] for panel in entropy.panels]
    assert {one.name: one.y for one in bars} == {
        "seen test samples": histogram.shares["seen"].tolist(),
        "unseen test samples": histogram.shares["unseen"].tolist(),
        "fresh proxies": histogram.shares["proxy"].tolist(),
    }


@needs_matplotlib
def test_matplotlib_draws_the_losses_symmetric_logarithmic(make_run):
    chart = run_charts(make_run())[2]
    assert [ax.get_yscale() for ax in figures.draw(chart).axes] == ["symlog", "linear"]


# Reliability


@pytest.fixture
def measured():
    """The calibration of a score that is too high by 0.2, and of a gate that is calibrated."""
    rng = np.random.default_rng(0)
    score, gate = 0.4 + 0.6 * rng.random(300), rng.random(300)
    return {
        "score": calibration(score, rng.random(300) < score - 0.2),
        "gate": calibration(gate, rng.random(300) < gate),
    }


def test_the_reliability_charts_are_of_what_was_measured(make_run, measured):
    assert reliability_charts({"score": None, "gate": None}) == []
    score, gate = reliability_charts(measured)
    assert (score.name, gate.name) == ("reliability_score", "reliability_gate")
    diagram, bars = score.panels
    curve, dots = diagram.series
    assert diagram.diagonal and (score.low, score.high) == (0, 1)
    assert curve.x == dots.x == measured["score"]["curve"]["mean"]
    assert curve.y == dots.y == measured["score"]["curve"]["rate"]
    assert "15 groups of 20 to 20 test samples" in score.caption
    np.testing.assert_allclose(bars.series[0].x, np.linspace(0, 1, 21))
    np.testing.assert_allclose(300 * np.array(bars.series[0].y), measured["score"]["histogram"])
    assert (diagram.y, gate.panels[0].y) == (
        "share of right labels",
        "share of samples of seen classes",
    )
    run = make_run()
    run = replace(run, metrics={"calibration": {**measured, "gate": None}})
    assert [chart.name for chart in run_charts(run)][-1] == "reliability_score"
    assert [c.name for c in run_charts(replace(run, metrics={"H": 0.5}))][-1] == "vsmm"


@needs_matplotlib
def test_both_drawings_of_the_reliability_are_the_same(measured):
    (chart,) = reliability_charts({"score": measured["score"]})
    svg, (diagram, bars) = drawn(chart)
    curve, dots, diagonal = diagram.lines
    places = np.array([[dot.get("cx"), dot.get("cy")] for dot in svg.iter("circle")], float)
    bottom = TOP + svg_charts.DIAGONAL
    points = np.column_stack([dots.get_xdata(), dots.get_ydata()])
    np.testing.assert_allclose(x_values(chart, places[:, 0]), points[:, 0], atol=1e-3)
    np.testing.assert_allclose(
        (bottom - places[:, 1]) / svg_charts.DIAGONAL, points[:, 1], atol=1e-3
    )
    np.testing.assert_array_equal(curve.get_ydata(), dots.get_ydata())
    (rule,) = [line for line in svg.iter("line") if line.get("class") == "rule"]
    ends = [float(rule.get(name)) for name in ("x1", "y1", "x2", "y2")]
    assert ends == [LEFT, bottom, LEFT + INNER, TOP]  # from 0, 0 to 1, 1
    assert (list(diagonal.get_xdata()), list(diagonal.get_ydata())) == ([0, 1], [0, 1])
    assert (diagram.get_xlim(), diagram.get_ylim()) == ((0, 1), (0, 1))
    heights = [float(b.get("height")) for b in svg.iter("rect") if b.get("class") == "count"]
    shares = np.array(measured["score"]["histogram"]) / 300
    np.testing.assert_allclose(np.array(heights) / max(heights), shares / shares.max(), atol=2e-3)
    np.testing.assert_allclose(bars.patches[0].get_data().values, shares)


def test_the_verdict_says_in_which_direction_it_errs(measured):
    found = {"calibrated": False, "ece": 0.2, "mean": 0.75, "rate": 0.5}
    too_high = "not calibrated: over-confident, its mean is 0.750, the share of right labels 0.500"
    assert verdict("score", found) == too_high
    assert "under-confident" in verdict("score", {**found, "mean": 0.3})
    both = {**found, "mean": 0.6}  # 0.1 of the error of 0.2 is in one direction, no more
    assert verdict("score", both) == "not calibrated: too high for some samples, too low for others"
    assert "too high, its mean is 0.750" in verdict("gate", found)
    assert "too low, its mean is 0.300" in verdict("gate", {**found, "mean": 0.3})
    assert verdict("score", measured["score"]).startswith("not calibrated: over-confident")
    assert verdict("gate", measured["gate"]) == "calibrated as far as these samples show"
