"""Reports: warnings, charts of odd values, and what is refused."""

import json
from types import SimpleNamespace

import pytest

from tinygzsl.report.html import breakable, element, text
from tinygzsl.report.svg import ticks
from tinygzsl.report.warnings import find_warnings
from tinygzsl.runs.load import Run
from tinygzsl.settings import Settings
from tinygzsl.snapshots import Look, Snapshot
from tinygzsl.storage.checksums import read_json, write_json


def run_with(values=(0.2, 0.5, 0.8), reference=10.0, metrics=None, **settings):
    """A Run of 20 seen classes whose looks have these values of r."""
    looks = [
        Look(step=i, epoch=i / 2, cs=reference**r, relative=r, wasserstein=1.0, penalty=0.1)
        for i, r in enumerate(values)
    ]
    source = SimpleNamespace(
        looks=looks, snapshots=[Snapshot(looks[len(looks) // 2], None)], reference=reference
    )
    settings = Settings(**settings)
    model = SimpleNamespace(
        settings_=settings, routing_=settings, proxy_source_=source, classes_=list(range(20))
    )
    return Run(folder=None, model=model, source={}, manifest={}, metrics=metrics)


def the_warning(run, metrics=None):
    (found,) = find_warnings(run, metrics)
    return found


def test_nothing_to_warn_of():
    metrics = {"H": 0.6, "auroc": 0.9, "gzsl": {"H": 0.5}, "per_class": {"seen": {"a": 0.1}}}
    assert find_warnings(run_with(), metrics) == []
    assert find_warnings(run_with(), None) == []


def test_warns_of_the_window():
    empty = the_warning(run_with((0.2, 0.35, 0.8)))
    assert empty.startswith("The CS window is empty: no look has 0.4 < r < 0.7")
    assert "r = 0.35" in empty
    assert find_warnings(run_with((0.2, 0.5, 0.6)), None) == []  # a single snapshot is enough
    passed = the_warning(run_with((0.2, 0.5, 0.6), gan_max_epochs=7, proxy_from="pool"))
    assert "never passed: r reached 0.6 of 0.7" in passed
    assert "gan.max_epochs = 7" in passed
    absolute = {"cs_unit": "absolute", "cs_low": 4.0, "cs_high": 5.0}
    assert "no look has 4 < CS < 5" in the_warning(run_with(**absolute))
    assert "only 1.50" in the_warning(run_with(reference=1.5))


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"router_delta_low": 0.0}, "δ low is 0 nats"),
        ({"router_delta_high": 3.0}, "δ high is 3 nats, at the edge of its range"),
        ({"router_gate": "soft", "router_bias": 0.0}, "bias is 0,"),
        ({"router_gate": "soft", "router_bias": 1.0}, "bias is 1,"),
    ],
)
def test_warns_of_thresholds_at_the_edge(settings, part):
    assert part in the_warning(run_with(**settings))


def test_warns_of_results():
    zero = {str(i): 0.0 for i in range(12)}
    found = the_warning(run_with(), {"per_class": {"seen": {"a": 0.5, "b": 0.0}}})
    assert found == "No test sample was labelled correctly in 1 seen class: b."
    found = the_warning(run_with(), {"per_class": {"unseen": zero}})
    assert found.endswith("12 unseen classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more.")
    assert "AUROC is 0.540" in the_warning(run_with(), {"auroc": 0.54})
    assert "The router is worse than eq. 2 for every sample: its H is 0.200" in the_warning(
        run_with(), {"H": 0.2, "gzsl": {"H": 0.3}}
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 4.29, [0, 1, 2, 3, 4]), (-3, 17, [0, 5, 10, 15])],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("span", [1e-9, 0.37, 1.0, 9.99, 1e7])
def test_ticks_stay_within_and_are_few(span):
    for start in (0.0, -span / 3, span):
        found = ticks(start, start + span)
        assert 2 <= len(found) <= 6
        assert all(start - 1e-8 * span <= t <= start + span * (1 + 1e-8) for t in found)
    assert ticks(2.0, 2.0) == [2.0]


def test_html_is_escaped_once():
    made = element("b", "a<b", element("i", "&"), title='"x"')
    assert made == '<b title="&quot;x&quot;">a&lt;b<i>&amp;</i></b>'
    assert text(text("<")) == "&lt;"
    assert breakable("<a>_b") == "&lt;a&gt;_<wbr>b"
    assert text("a\x00\ud800b") == "a\\x00\\ud800b"


@pytest.fixture
def run(run_cli, fast_options, write_xlsa17, tmp_path):
    """A trained and evaluated run without a GAN."""
    write_xlsa17(tmp_path / "data")
    options = (*fast_options, "--set", "vsmm.weight_es=0", "--out", tmp_path / "run")
    assert run_cli("train", tmp_path / "data", *options).exit_code == 0
    assert run_cli("evaluate", tmp_path / "run").exit_code == 0
    return tmp_path / "run"


def refused(result, *parts):
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    for part in parts:
        assert str(part) in line, line


@pytest.mark.parametrize("command", ["report", "plot"])
def test_refuses_what_is_no_run(run_cli, tmp_path, command):
    if command == "plot":
        pytest.importorskip("matplotlib", reason="matplotlib is not installed; no figure drawn")
    refused(run_cli(command, tmp_path / "none"), "none is not a folder")
    refused(run_cli(command, tmp_path), "model.npz does not exist")
    (tmp_path / "a.npz").write_bytes(b"a model")
    words = "a.npz is a file, but the files beside a model are needed too; pass the run folder"
    refused(run_cli(command, tmp_path / "a.npz"), words, "model.npz, config.toml and manifest.json")


def test_refuses_damaged_and_foreign_metrics(run_cli, run):
    path = run / "metrics.json"
    good = read_json(path, "again")

    def with_curve(mean):
        score = good["calibration"]["score"]
        bad = {**score, "curve": {**score["curve"], "mean": mean}}
        return {**good, "calibration": {"score": bad, "gate": None}}

    was = path.read_text()
    for damaged, part in (
        (json.dumps([good]), "not hold a JSON object"),
        (was.replace('"S": 0.', '"S": 1.', 1), "its checksum"),
        (was.replace('"S": 0.', '"S": NaN, "T": 0.', 1), "not valid JSON"),
    ):
        path.write_text(damaged)
        refused(run_cli("report", run), path, part)
    for bad, part in (
        ({**good, "model_sha256": "0" * 64}, "belongs to another model"),
        ({**good, "new": 10**400}, "too large a number"),
        ({**good, "oracle": {"H": 0.5}}, "can't have written oracle = {'H': 0.5}"),
        ({**good, "routes": {"seen": 3, "unseen": 3}}, "can't have written routes ="),
        ({**good, "S": "high"}, "can't have written S = 'high'"),
        ({**good, "inputs": {"x": []}}, "can't have written inputs = {'x': []}"),
        ({**good, "per_class": {"seen": {}}}, "can't have written per_class ="),
        ({**good, "calibration": {"score": None}}, "can't have written calibration ="),
        ({**good, "calibration": {"score": {"ece": 0}, "gate": None}}, "calibration = {'gate'"),
        (with_curve([0.5, "x"]), "can't have written calibration ="),
        ({**good, "gzsl": None}, "can't have written gzsl = None"),
        ({"U": 0.5, "H": 0.5, "model_sha256": good["model_sha256"]}, "it has no S"),
    ):
        write_json(path, bad)
        refused(run_cli("report", run), path, part)
        assert not (run / "report.html").exists()


@pytest.mark.parametrize("command", ["report", "plot", "evaluate"])
def test_refuses_a_config_with_another_data_section(run_cli, run, command):
    if command == "plot":
        pytest.importorskip("matplotlib", reason="matplotlib is not installed; no figure drawn")
    path = run / "config.toml"
    before, section, after = path.read_text().partition("[data]\n")
    name, rest = after.split("\n", 1)
    for first, part in (
        (f"{name}\ncolour = 1", "has 'colour' in [data], which is not a key"),
        ("name_or_path = 5", "has name_or_path = 5 in [data]; write a text"),
        (f"{name}\nsplit = true", "has split = True in [data]; write an integer"),
        ("", "doesn't name a dataset"),
    ):
        path.write_text(f"{before}{section}{first}\n{rest}")
        refused(run_cli(command, run), path, part)


def test_an_error_of_the_page_is_not_blamed_on_the_metrics(run_cli, run, monkeypatch):
    def broken(*args):
        raise KeyError("of the page")

    monkeypatch.setattr("tinygzsl.report.page.headline", broken)
    result = run_cli("report", run)
    assert result.exit_code == 70
    assert "a fault of tinygzsl (KeyError: 'of the page')" in result.stderr


def test_refuses_what_it_would_ignore_and_bad_places(run_cli, run, tmp_path):
    refused(run_cli("report", run, "--split", "3"), "split would be ignored", "--data")
    own = run / "report.html"
    own.write_text("of the run's own dataset")
    refused(run_cli("report", run, "--data", "letters"), f"would take the place of {own}", "--out")
    assert own.read_text() == "of the run's own dataset"
    out = ("--out", tmp_path / "x.html")
    refused(run_cli("report", run, "--data", "letters", *out), "classes_ holds integers", "text")
    refused(run_cli("report", run, "--out", tmp_path / "no" / "x.html"), "no does not exist")
