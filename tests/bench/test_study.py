"""The study of entropy separation: paired rows, resuming, proxies without a GAN, tables."""

import csv
import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tinygzsl as tz

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "bench"
pytestmark = [
    pytest.mark.skipif(
        not (BENCH / "study.py").exists(), reason="bench/ is in a checkout only, and this is none"
    ),
    pytest.mark.filterwarnings("ignore:the classifier gets"),  # after two epochs it is weak
    pytest.mark.filterwarnings("ignore:held-out real samples"),
]
SETS = {
    **{"gan_generator_hidden": (8,), "gan_critic_hidden": (8,), "ptc_l2": (1e-3,)},
    **{"vsmm_latent": 8, "vsmm_epochs": 2, "gan_batch": 16, "router_delta_high": 1.0},
}


@pytest.fixture
def load(monkeypatch):
    """load("study") imports bench/study.py, which has neighbours there."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


def measured(study, data, out, seeds=2, epochs=4):
    """The rows of a short study, as text by column."""
    study.run(
        data, "small", sets=SETS, seeds=seeds, gammas=[1.0, 1.6], base=1.0, epochs=epochs, out=out
    )
    with open(out, encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def short(load, monkeypatch):
    """bench/study.py with five settings instead of some fifty."""
    study, parts = load("study"), load("study_parts")
    default = parts.Variant("minmax", "single", "0.00-9.00", 1.0, 1.0, 50)
    monkeypatch.setattr(parts, "WINDOWS", ("0.00-9.00", "8.00-9.00"))
    some = [
        *(parts.Variant("minmax"), default, default._replace(window="8.00-9.00")),
        *(default._replace(source="mixture", window=""), parts.Variant("standard")),
    ]
    monkeypatch.setattr(study, "variants", lambda *_, **options: some)
    return study


def test_rows_of_a_seed_are_paired(short, tiny_dataset, tmp_path):
    data = tiny_dataset()
    rows = measured(short, data, tmp_path / "rows.csv")
    assert [int(row["seed"]) for row in rows] == [0, 1] * 5
    none = {row["seed"]: row for row in rows if row["source"] == "none"}
    alone = tz.EntropySeparationGZSL(preset="small", seed=1, **SETS, vsmm_weight_es=0.0)
    alone.fit(data.X_train, data.y_train, data.seen_prototypes)
    standard = {**SETS, "scale_features": "standard", "vsmm_weight_es": 0.0}
    other = tz.EntropySeparationGZSL(preset="small", seed=1, **standard)
    other.fit(data.X_train, data.y_train, data.seen_prototypes)
    for row, model in ((rows[1], alone), (rows[9], other)):
        found = tz.evaluate(model, data)
        for name in ("S", "U", "H", "auroc"):
            assert float(row[name]) == pytest.approx(found[name], abs=1e-4)
        assert float(row["H_best"]) == pytest.approx(found["oracle"]["H"], abs=1e-4)
        assert float(row["H_eq2"]) == pytest.approx(found["gzsl"]["H"], abs=1e-4)
    none = {row["seed"]: row for row in rows[:2]}
    for row in rows[2:8]:
        if row["H"]:
            assert row["seen_before"] == none[row["seed"]]["seen"]
            assert row["unseen_before"] == none[row["seed"]]["unseen"]
    unreached = [row for row in rows if row["window"] == "8.00-9.00"]
    assert all(row["H"] == "" and float(row["r"]) < 8 for row in unreached)


def test_what_was_interrupted_goes_on_where_it_stopped(short, tiny_dataset, tmp_path):
    def without_seconds(rows):
        return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]

    out, data = tmp_path / "rows.csv", tiny_dataset()
    complete = without_seconds(measured(short, data, out))
    text = out.read_text()
    lines = text.splitlines(keepends=True)
    out.write_text("".join(lines[:5]) + lines[5][:20])  # killed while it wrote the fifth row
    assert without_seconds(measured(short, data, out)) == complete
    before = out.read_text()
    assert measured(short, data, out)  # nothing is left to do
    assert out.read_text() == before
    assert before.startswith("".join(lines[:5]))


def test_training_depends_on_no_test_sample_and_no_unseen_class(short, tiny_dataset, tmp_path):
    data = tiny_dataset()
    other = replace(
        data, X_test=data.X_test[::-1] * 3, unseen_prototypes=data.unseen_prototypes[::-1]
    )
    rows = [measured(short, d, tmp_path / f"{i}.csv", 1) for i, d in enumerate((data, other))]
    for row, same in zip(*rows, strict=True):
        for name in ("proxy", "proxy_before", "hinge_first", "hinge_last", "r", "cs", "step"):
            assert row[name] == same[name]
    assert rows[0][0]["S"] != rows[1][0]["S"]


def test_proxies_without_a_gan_are_made_of_samples_of_seen_classes(load, tiny_dataset):
    parts, data = load("study_parts"), tiny_dataset()
    X, y = data.X_train.astype(float), data.y_train

    def made(kind, draw=0):
        return parts.made_of_samples(kind, X, y, 12, seed=3, draw=draw)

    for kind in parts.NO_GAN:
        assert made(kind).shape == (12, X.shape[1])
        np.testing.assert_array_equal(made(kind), made(kind))
        assert not np.array_equal(made(kind), made(kind, draw=1))
    different = y[:, None] != y
    halves = (X[:, None] + X) / 2
    for proxy in made("mixture 1:1"):
        assert np.isclose(halves[different], proxy).all(axis=1).any()
    for proxy in made("mixture"):  # on the line between two samples of different classes
        pairs = X[:, None] - X
        share = ((proxy - X) * pairs).sum(axis=2) / np.maximum((pairs**2).sum(axis=2), 1e-12)
        nearest = X + share[..., None] * pairs
        on_line = np.isclose(nearest, proxy, atol=1e-8).all(axis=2) & (share >= 0) & (share <= 1)
        assert (on_line & different).any()
    assert (made("uniform") >= X.min(axis=0)).all()
    assert (made("uniform") <= X.max(axis=0)).all()
    many = parts.made_of_samples("normal", X, y, 20_000, seed=0, draw=0)
    np.testing.assert_allclose(many.mean(axis=0), X.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(many.std(axis=0), X.std(axis=0), atol=0.05)
    many = parts.made_of_samples("noise", X, y, 20_000, seed=0, draw=0)
    np.testing.assert_allclose(many.std(axis=0), np.sqrt(2) * X.std(axis=0), atol=0.05)


def test_every_setting_changes_one_factor_or_is_in_the_crossing(load):
    parts = load("study_parts")
    every = parts.variants("minmax", [0.5, 1.0, 4.29], base=3.0)
    assert len(every) == len(set(every))
    default = parts.Variant("minmax", "single", parts.DEFAULT, 3.0, 1.0, 4000)
    assert every[:2] == [parts.Variant("minmax"), default]
    for variant in every:
        changed = {k for k, v in variant._asdict().items() if v != getattr(default, k)}
        if variant.source != "none" and variant.scaler == "minmax":
            assert len(changed - {"gamma", "window"}) <= 1, variant
    assert {v.window for v in every if v.source == "single"} == set(parts.WINDOWS)


def test_the_tables_are_those_of_the_rows(load):
    report, rows = load("study_report"), load("study_rows")
    every = rows.load()
    assert [results.name for results in every] == list(rows.TITLES)
    assert all(results.seeds == [0, 1, 2, 3, 4] for results in every)
    assert report.report(every) == (BENCH / "study" / "tables.md").read_text(encoding="utf-8")
    assert report.key_table(every) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_dataset_has_its_panels(load):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    every, figures = load("study_rows").load(), load("study_figures")
    titles = list(load("study_rows").TITLES.values())
    windows, factors = figures.windows_figure(every), figures.factors_figure(every)
    assert [ax.get_title() for ax in windows.axes[:3]] == titles
    assert [ax.get_title() for ax in factors.axes] == titles
    names = [text.get_text() for text in factors.axes[0].get_yticklabels()]
    assert "default" in names
    assert "no GAN: mixture 1:1" in names
