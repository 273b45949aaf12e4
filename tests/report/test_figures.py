"""`tinygzsl plot`: which figures a run gets, and what is in them."""

import json
import shutil
import sys
import xml.etree.ElementTree as ET
from importlib.util import find_spec

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.confidence import cs_window
from tinygzsl.report.charts import run_charts, score_chart
from tinygzsl.report.figures import draw, save_figures
from tinygzsl.report.samples import entropy_histogram
from tinygzsl.runs.load import load_run

needs_matplotlib = pytest.mark.skipif(
    find_spec("matplotlib") is None,
    reason="matplotlib is not installed, so no figure was drawn; pip install 'tinygzsl[plot]'",
)
GAN, VSMM, ENTROPY = ("score", "critic"), ("vsmm",), ("entropy",)
RELIABILITY = ("reliability_score",)


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the run, to be changed."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def files(*names):
    return {f"{name}.{form}" for name in names for form in ("png", "svg")}


@needs_matplotlib
@pytest.mark.wheel
def test_plot_writes_every_figure_twice(finished, run_cli, tmp_path):
    result = run_cli("plot", finished, "--json", "--out", tmp_path / "new" / "figures")
    assert result.exit_code == 0, result.output
    made = sorted((tmp_path / "new" / "figures").iterdir())
    assert {path.name for path in made} == files(*GAN, *VSMM, *ENTROPY, *RELIABILITY)
    assert sorted(json.loads(result.stdout)["figures"]) == [str(path) for path in made]
    for path in made:
        if path.suffix == ".svg":
            assert ET.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        else:
            assert path.read_bytes().startswith(b"\x89PNG\r\n")


@needs_matplotlib
def test_the_curves_are_the_models(finished):
    run = load_run(finished)
    figures = {chart.name: draw(chart) for chart in run_charts(run)}
    looks = run.model.proxy_source_.looks
    top, bottom = figures["score"].axes
    np.testing.assert_array_equal(top.lines[0].get_xdata(), [k.epoch for k in looks])
    np.testing.assert_array_equal(top.lines[0].get_ydata(), [k.cs for k in looks])
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), [k.relative for k in looks])
    chosen = run.model.proxy_source_.snapshots[0].look
    assert list(bottom.lines[1].get_ydata()) == [chosen.relative]
    windows = cs_window(run.model.settings_, run.model.proxy_source_.reference)
    for ax, window in zip((top, bottom), windows, strict=True):
        extents = ax.patches[0].get_extents().transformed(ax.transData.inverted())
        assert (extents.y0, extents.y1) == pytest.approx(window)
    for ax, field in zip(figures["critic"].axes, ("wasserstein", "penalty"), strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), [getattr(k, field) for k in looks])
    losses = {line.get_label(): line.get_ydata() for line in figures["vsmm"].axes[0].lines}
    history = run.model.history_
    np.testing.assert_array_equal(losses["cross-entropy of C"], [h["clf"] for h in history])
    assert len(losses) == 5


@needs_matplotlib
def test_the_histogram_has_all_samples(finished):
    run = load_run(finished)
    data = tz.load_dataset(**run.source)
    found = entropy_histogram(run.model, data)
    assert found.shares.keys() == {"seen", "unseen", "proxy"}
    h = run.model.entropy(data.X_test_unseen)
    assert found.shares["unseen"].sum() == pytest.approx(1)
    low, high = found.edges[10], found.edges[11]
    assert found.shares["unseen"][10] == pytest.approx(np.mean((h >= low) & (h < high)))
    (chart,) = [chart for chart in run_charts(run, found) if chart.name == "entropy"]
    axes = draw(chart).axes
    assert len(axes) == 3
    for ax, shares in zip(axes, found.shares.values(), strict=True):
        np.testing.assert_array_equal(ax.patches[0].get_data().values, shares)
        assert [line.get_xdata()[0] for line in ax.lines] == [0.5, 1.0]


@needs_matplotlib
def test_the_same_run_gives_the_same_bytes(finished, tmp_path):
    run = load_run(finished)
    chart = score_chart(run.model.proxy_source_, run.model.settings_)
    figures = [{"score": draw(chart)} for _ in range(2)]
    one, other = (save_figures(f, tmp_path / n) for f, n in zip(figures, "ab", strict=True))
    for a, b in zip(one, other, strict=True):
        assert a.read_bytes() == b.read_bytes()


@needs_matplotlib
def test_before_evaluation_no_test_sample_is_looked_at(copy, run_cli, monkeypatch):
    (copy / "metrics.json").unlink()
    monkeypatch.setattr("tinygzsl.datasets.load_dataset", None)  # would fail if it were called
    result = run_cli("plot", copy)
    assert "no entropy histogram before `tinygzsl evaluate" in result.stderr
    assert {p.name for p in (copy / "figures").iterdir()} == files(*GAN, *VSMM)


@needs_matplotlib
def test_without_the_data_the_curves_are_drawn(copy, run_cli):
    config = (copy / "config.toml").read_text()
    (copy / "config.toml").write_text(config.replace("/data", "/gone"))
    result = run_cli("plot", copy)
    assert result.exit_code == 0, result.output
    assert "no entropy histogram: " in result.stderr
    assert {p.name for p in (copy / "figures").iterdir()} == files(*GAN, *VSMM, *RELIABILITY)


@needs_matplotlib
def test_a_run_without_a_gan(run_cli, fast_options, finished, tmp_path):
    options = (*fast_options, "--set", "vsmm.weight_es=0")
    data = finished.parent / "data"
    assert run_cli("train", data, *options, "--out", tmp_path / "run").exit_code == 0
    assert run_cli("plot", tmp_path / "run").exit_code == 0
    assert {p.name for p in (tmp_path / "run" / "figures").iterdir()} == files(*VSMM)


@pytest.mark.wheel
def test_without_matplotlib_one_sentence(finished, run_cli, monkeypatch, tmp_path):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    result = run_cli("plot", finished, "--out", tmp_path / "figures")
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    assert "pip install 'tinygzsl[plot]'" in line
    assert not (tmp_path / "figures").exists()
