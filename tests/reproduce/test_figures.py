"""Figures 2 to 7 by command: the pictures are made, and show what the table says."""

import importlib.util
import xml.etree.ElementTree as ET
from dataclasses import replace
from types import SimpleNamespace

import pytest

import tinygzsl as tz
from tinygzsl.reproduce import evolution, experiments
from tinygzsl.reproduce.pictures import entropy_picture

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec(name) is None, reason=f"{name} is not installed: no figures"
    )
    for name in ("matplotlib", "sklearn")
]
SHORT_GAN = ("--set", "gan.max_epochs=30")


@pytest.fixture
def drawn(reproduce, folder, tmp_path):
    """drawn(target, *options) -> the facts of a figure of the tiny dataset, files checked."""

    def run(target, *options):
        facts = reproduce(target, folder, "--out", tmp_path / target, *options)
        paths = sorted((tmp_path / target).iterdir())
        assert sorted(facts["files"]) == [str(path) for path in paths]
        pictures = [path for path in paths if path.stem != "table"]
        assert {path.suffix for path in pictures} == {".png", ".svg"}
        for path in pictures:
            if path.suffix == ".svg":
                ET.parse(path)
        return facts

    return run


def rows(facts, quantity):
    return {r["row"]: r["measured"] for r in facts["rows"] if r["quantity"] == quantity}


def test_figure2_is_without_separation(drawn, folder, small_model):
    facts = drawn("figure2")
    data = tz.load_dataset(str(folder))
    model = small_model(seed=0, vsmm_weight_es=0.0)
    model.fit(data.X_train, data.y_train, data.seen_prototypes)
    metrics = tz.evaluate(model, data)
    unseen = rows(facts, "unseen")
    assert unseen.pop("testing, mean") == pytest.approx(metrics["entropy"]["unseen"], abs=1e-5)
    assert len(unseen) == experiments.BINS
    assert sum(unseen.values()) == pytest.approx(1)
    assert rows(facts, "AUROC")["testing"] == pytest.approx(metrics["auroc"])
    assert rows(facts, "delta_high") == {"threshold": 1.0}


def test_figure4_has_proxies_in_training(drawn):
    facts = drawn("figure4")
    proxies = rows(facts, "proxy")
    seen = rows(facts, "seen")
    assert proxies["training, mean"] > seen["training, mean"] + 0.3  # the margin is 0.5
    assert len([row for row in seen if row.startswith("testing, 0.")]) > 10


def test_figure3_shows_three_moments(drawn, monkeypatch):
    monkeypatch.setattr(evolution, "SHOWN", 10)
    facts = drawn("figure3", *SHORT_GAN)
    epochs = rows(facts, "epoch")
    assert list(epochs) == ["start", "window", "end"]
    assert epochs["start"] <= epochs["window"] < epochs["end"] == 30
    cs = rows(facts, "CS")
    assert cs["start"] < cs["window"] < cs["end"]


def test_figure5_goes_on_past_the_window(drawn, monkeypatch):
    monkeypatch.setattr(evolution, "VSMMS", 3)
    facts = drawn("figure5", *SHORT_GAN)
    cs, h = rows(facts, "CS"), rows(facts, "H")
    assert set(h) < set(cs)
    assert len(h) == 4  # at the first look, at or after 1/3 and 2/3, and at the end
    assert "epoch 30.00" in h
    assert cs["epoch 30.00"] > rows(facts, "s_h")["window"]
    assert all(0 <= value <= 1 for value in h.values())


def test_the_picture_of_figure5_has_the_curves(drawn, monkeypatch):
    from tinygzsl.reproduce.pictures import curve_picture
    from tinygzsl.reproduce.records import Record

    monkeypatch.setattr(evolution, "VSMMS", 2)
    facts = drawn("figure5", *SHORT_GAN)
    figure = curve_picture("tiny", [Record(**row) for row in facts["rows"] if row["label"]])
    cs, h = (ax.lines[0] for ax in figure.axes)
    assert list(cs.get_ydata()) == list(rows(facts, "CS").values())
    assert list(h.get_ydata()) == [100 * value for value in rows(facts, "H").values()]
    assert h.get_xdata()[-1] == 30


def test_figure6_is_the_routes_of_evaluate(drawn, folder, small_model):
    facts = drawn("figure6")
    data = tz.load_dataset(str(folder))
    model = small_model(seed=0).fit(data.X_train, data.y_train, data.seen_prototypes)
    routes = tz.evaluate(model, data)["routes"]
    for name in ("SL", "GZSL", "ZSL"):
        assert rows(facts, name) == {
            f"{kind} test samples": routes[kind][name] for kind in ("seen", "unseen")
        }


def test_figure7_counts_proxies(drawn, monkeypatch, folder, small_model):
    monkeypatch.setattr(experiments, "PROXY_COUNTS", (10, 200))
    h = rows(drawn("figure7"), "H")
    assert list(h) == ["10 proxies", "200 proxies"]
    data = tz.load_dataset(str(folder))
    model = small_model(seed=0).fit(data.X_train, data.y_train, data.seen_prototypes)
    assert h["200 proxies"] == pytest.approx(tz.evaluate(model, data)["H"], abs=0.02)


def test_nothing_of_the_test_samples_reaches_the_curve(tiny_dataset, small_model, monkeypatch):
    monkeypatch.setattr(evolution, "VSMMS", 1)
    data = tiny_dataset()
    changed = replace(
        data, X_test=data.X_test[::-1] + 1, unseen_prototypes=3 * data.unseen_prototypes
    )
    params = small_model(seed=0, gan_max_epochs=8).get_params()
    job = experiments.Job(dataset="tiny", split=None, seed=0, source={}, params=params)
    curves = [
        [v for v in evolution.curve(job, d).values if v.quantity != "H"] for d in (data, changed)
    ]
    assert len(curves[0]) > 8
    assert curves[0] == curves[1]


def test_without_proxies_there_is_nothing_to_draw(reproduce, folder, tmp_path):
    out, no_proxies = ("--out", tmp_path / "out"), ("--set", "vsmm.weight_es=0")
    for target in ("figure4", "figure5", "figure7"):
        facts = reproduce(target, folder, *out, *no_proxies, exit_code=1)
        assert "vsmm_weight_es is 0" in facts["failed"]["tiny.npz, seed 0"]


def test_missing_packages_are_a_sentence(reproduce, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.manifold", None)
    message = reproduce("figure3", folder, "--out", tmp_path / "out", exit_code=2)
    assert "scikit-learn is not installed" in message
    assert not (tmp_path / "out").exists()


def test_without_a_threshold_nothing_is_dashed():
    """A learned gate has none."""
    counts = [
        SimpleNamespace(row=f"testing, {low} to {low + 1} nats", quantity=kind, measured=0.5)
        for kind in ("seen", "unseen")
        for low in (0, 1)
    ]
    area = SimpleNamespace(row="testing", quantity="AUROC", measured=0.75, detail=False)
    records = [SimpleNamespace(**vars(r), detail=True) for r in counts] + [area]
    (ax,) = entropy_picture("tiny", records).axes
    assert ax.figure.get_suptitle() == "tiny: entropy of C"
    mark = SimpleNamespace(row="threshold", quantity="gate 1/2", measured=0.3, detail=False)
    (ax,) = entropy_picture("tiny", [*records, mark]).axes
    assert ax.figure.get_suptitle() == "tiny: entropy of C; dashed: gate 1/2 = 0.3 nats"
    assert [line.get_xdata()[0] for line in ax.lines] == [0.3]
