"""Reports and figures of the learned gate and of stacks."""

import json
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from fast_methods import FAST

import tinygzsl as tz
from tinygzsl.baselines import ESZSL, GGM
from tinygzsl.gates.panel import decide
from tinygzsl.report import figures, svg_charts
from tinygzsl.report.charts import gate_chart, run_charts
from tinygzsl.report.gate_sections import IN_WORDS, experts_section, gate_section
from tinygzsl.report.samples import inspect_samples, theta_histogram
from tinygzsl.report.svg import INNER, LEFT
from tinygzsl.report.warnings import find_warnings
from tinygzsl.runs.load import Run, load_run
from tinygzsl.stacking import StackedGZSL
from tinygzsl.storage.checksums import read_json, write_json

needs_matplotlib = pytest.mark.skipif(
    find_spec("matplotlib") is None,
    reason="matplotlib is not installed, so no figure was drawn; pip install 'tinygzsl[plot]'",
)


@pytest.fixture
def best(shared, run_cli, write_xlsa17):
    """A run of preset best that was trained and evaluated, the same one for all tests."""
    if not (shared / "best").exists():
        write_xlsa17(shared / "data")
        out = ("--preset", "best", "--out", shared / "best")
        assert run_cli("train", shared / "data", *out).exit_code == 0
        assert run_cli("evaluate", shared / "best").exit_code == 0
    return shared / "best"


def model_and_data(run):
    return tz.load_model(run / "model.npz"), tz.load_dataset(run.parent / "data")


def check_figures(page, m):
    accuracies = {row[0]: row[1:] for row in page.table("Mean per-class")}
    assert accuracies["router (learned gate)"] == [f"{m[k]:.3f}" for k in "SUH"]
    shifted = m["oracle_offset"]
    name = f"best offset of the gate, {shifted['offset']:.2f}: chosen on the test set"
    assert accuracies[name] == [f"{shifted[k]:.3f}" for k in "SUH"]
    others = dict(page.table("All other figures"))
    detector = "AUROC of the {} as detector of unseen samples"
    assert others[detector.format("entropy")] == f"{m['auroc']:.3f}"
    assert others[detector.format("gate")] == f"{m['gate']['auroc']:.3f}"
    boxes = dict(zip((x[2] for x in page.of("dt")), (x[2] for x in page.of("dd")), strict=True))
    assert boxes["AUROC of the gate"] == f"{m['gate']['auroc']:.3f}"
    assert "they have seen the true labels" in page.text()


def check_features(page, gate):
    rows = page.table("What the gate looks at")[1:]
    assert {row[0]: row[1:] for row in rows} == {
        name: [f"{w:+.3f}", f"{m:.3f}", f"{d:.3f}"]
        for name, w, m, d in zip(
            gate.features, gate.weights, gate.means, gate.deviations, strict=True
        )
    }
    weights = [abs(float(row[1])) for row in rows]
    assert weights == sorted(weights, reverse=True)
    assert f"κ = {gate.kappa:g} and o = {gate.offset:.3g}" in page.text()
    for kind, words in IN_WORDS.items():
        is_feature = any(name.split(" of ")[0] == kind for name in gate.features)
        assert (f"{kind}: {words}" in page.text()) == is_feature


def test_the_page_of_a_learned_gate(make_run, report):
    run = make_run("--set", "vsmm.weight_es=0", "--set", "router.gate=learned")
    m = json.loads((run / "metrics.json").read_text())
    page, _ = report(run)
    model, data = model_and_data(run)
    check_figures(page, m)
    check_features(page, model.decision_.gate)
    assert "with 2 to 3 pseudo-unseen classes" in page.text()
    titles = [svg.find("title").text for svg in page.svgs()]
    assert titles[0].startswith("Histograms of the gate's θ")
    assert titles[1] == "Histograms of the entropy of C"
    theta = decide(model.decision_, model.panel(data.X_test, data.unseen_prototypes)).theta
    np.testing.assert_array_equal(model.is_unseen(data.X_test, data.unseen_prototypes), theta < 0)
    # All samples lie between the ends of the axis; 0, where the gate is 1/2, is marked.
    low, high = min(theta.min(), 0), max(theta.max(), 0)
    (rule,) = [x for x in page.svgs()[0].iter("line") if x.get("class") == "rule"]
    assert float(rule.get("x1")) == pytest.approx(LEFT - low / (high - low) * INNER, abs=0.1)
    found = theta_histogram(model, data)
    is_unseen = np.isin(data.y_test, data.unseen_classes)
    for kind, rows in (("seen", ~is_unseen), ("unseen", is_unseen)):
        counts = np.histogram(theta[rows], 30, (low, high))[0]
        np.testing.assert_allclose(found.shares[kind], counts / rows.sum())


def test_metrics_without_the_gate_are_completed(make_run, report):
    run = make_run("--set", "vsmm.weight_es=0", "--set", "router.gate=learned")
    m = read_json(run / "metrics.json", "again")
    old = {key: value for key, value in m.items() if key not in ("gate", "oracle_offset")}
    write_json(run / "metrics.json", old)
    check_figures(report(run)[0], m)
    write_json(run / "metrics.json", {**m, "oracle_offset": {"H": 0.5}})
    with pytest.raises(ValueError, match="can't have written oracle_offset"):
        load_run(run)


def test_the_page_of_a_stack(best, report):
    page, facts = report(best)
    m = json.loads((best / "metrics.json").read_text())
    model, data = model_and_data(best)
    assert facts["warnings"] == []
    check_figures(page, m)
    check_features(page, model.decision_.gate)
    others = dict(page.table("All other figures"))
    assert others["AUSUC over all offsets of the gate"] == f"{m['ausuc']:.3f}"
    folds = page.table("H of the folds")[1:]
    assert [row[0] for row in folds] == ["entropy, gap", "entropy, gap, neighbours"]
    means = [np.mean(h) for h in model.held_out_h_.values()]
    assert [row[1] for row in folds] == [f"{mean:.3f}" for mean in means]

    head, *rows = page.table("The experts")
    assert head == [
        *("expert", "strict", "weight, unseen", "weight, seen", "zero-shot", "supervised")
    ]
    assert [row[0] for row in rows] == list(model.experts_)
    decision = model.decision_
    for column, weights in ((2, decision.unseen_weights), (3, decision.seen_weights)):
        assert [float(row[column]) for row in rows] == pytest.approx(weights, abs=5e-4)
    assert {row[1] for row in rows} == {"yes"}
    y = data.y_test
    f = model.experts_["ESZSL"].decision_function(data.X_test, data.unseen_prototypes)
    zsl = np.mean([np.mean(f[y == c][:, 5:].argmax(axis=1) == i) for i, c in enumerate((3, 8))])
    sup = np.mean(
        [np.mean(f[y == c][:, :5].argmax(axis=1) == i) for i, c in enumerate(data.seen_classes)]
    )
    (own,) = [row[4:] for row in rows if row[0] == "ESZSL"]
    assert own == [f"{zsl:.3f}", f"{sup:.3f}"]
    assert dict(page.table("VSMM standard"))["scale_features"] == "standard"


@needs_matplotlib
def test_figures_of_a_stack(best, run_cli, tmp_path):
    result = run_cli("plot", best, "--out", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    names = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert names == {"entropy", "gate", "reliability_score", "reliability_gate"}


def test_a_stack_without_its_data_shows_the_weights(best, report, tmp_path):
    run = shutil.copytree(best, tmp_path / "run")
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(config.replace("/data", "/gone"))
    page, _ = report(run)
    assert page.table("The experts")[0] == ["expert", "strict", "weight, unseen", "weight, seen"]
    assert page.table("What the gate looks at")


@needs_matplotlib
def test_both_drawings_of_the_gate_are_the_same(best):
    run = load_run(best)
    data = tz.load_dataset(best.parent / "data")
    histogram = theta_histogram(run.model, data)
    assert run_charts(run, theta=histogram)[0].name == "gate"
    chart = gate_chart(histogram)
    svg, axes = ET.fromstring(svg_charts.draw(chart)), figures.draw(chart).axes
    assert len(axes) == 2
    for ax, (kind, shares) in zip(axes, histogram.shares.items(), strict=True):
        bars = [box for box in svg.iter("rect") if box.get("class") == kind]
        heights = np.array([float(bar.get("height")) for bar in bars])
        np.testing.assert_allclose(heights / heights.max(), shares / shares.max(), atol=2e-3)
        np.testing.assert_array_equal(ax.patches[0].get_data().values, shares)
        assert [line.get_xdata()[0] for line in ax.lines] == [0]
        assert ax.get_xlim() == (chart.low, chart.high)


# Stacks with several views, or with experts that are not strict


def test_an_expert_that_is_not_strict_is_marked(tiny_dataset, page_of):
    data = tiny_dataset()
    t = data.training()
    experts = {"plain": ESZSL(**FAST["ESZSL"]), "looks ahead": GGM(**FAST["GGM"])}
    model = StackedGZSL(experts=experts, features=("gap",), allow_non_strict=("GGM",))
    model.fit(t.X, t.y, t.prototypes, unseen_prototypes=data.unseen_prototypes)
    page = page_of(experts_section(model, None))
    assert {row[0]: row[1] for row in page.table("The experts")[1:]} == {
        "plain": "yes",
        "looks ahead": "no",
    }
    assert [entry[2] for entry in page.of("strong")] == ["no"]
    run = Run(folder=None, model=model, source={}, manifest={}, metrics=None)
    assert find_warnings(run, None)[0] == (
        "The run is not strict: the prototypes of the unseen classes were used to train looks "
        "ahead."
    )
    assert "H of the folds" not in "".join(page_of(gate_section(model, None)).tables())


def test_experts_of_several_views_show_their_view(tiny_dataset, page_of):
    data = tiny_dataset()
    t = data.training()
    views = {"att": t.prototypes, "sent": t.prototypes[:, :3]}
    model = StackedGZSL(experts=[ESZSL(**FAST["ESZSL"])], features=("gap",)).fit(t.X, t.y, views)
    both = {"att": data.unseen_prototypes, "sent": data.unseen_prototypes[:, :3]}
    tested = replace(data, seen_prototypes=views, unseen_prototypes=both)
    details = inspect_samples(model, tested)
    rows = page_of(experts_section(model, details)).table("The experts")
    assert rows[0][:3] == ["expert", "view", "strict"]
    assert [row[:2] for row in rows[1:]] == [["ESZSL, att", "att"], ["ESZSL, sent", "sent"]]
    assert float(rows[1][-2]) == pytest.approx(details.experts["ESZSL, att"].zsl, abs=5e-4)


# Warnings


def warnings_of(offset, metrics=None):
    gate = SimpleNamespace(offset=offset)
    model = SimpleNamespace(
        settings_=SimpleNamespace(router_gate="learned"),
        decision_=SimpleNamespace(gate=gate),
        proxy_source_=None,
        classes_=list(range(20)),
    )
    return find_warnings(
        Run(folder=None, model=model, source={}, manifest={}, metrics=None), metrics
    )


def test_warnings_of_a_learned_gate():
    good = {"H": 0.5, "auroc": 0.5, "gate": {"auroc": 0.9}}
    assert warnings_of(0.3, good) == []  # the entropy alone doesn't decide
    (found,) = warnings_of(4.0, good)
    assert found.startswith("The gate's offset is 4, at the edge of its range of -4 to 4")
    assert len(warnings_of(-4.0)) == 1
    (found,) = warnings_of(0.3, {**good, "gate": {"auroc": 0.54}})
    assert found.startswith("The gate hardly tells unseen from seen: its AUROC is 0.540")
