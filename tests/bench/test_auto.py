"""bench/auto.py: splits of the classes drawn anew, and its rows."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tinygzsl.baselines import ESZSL, PrototypeRidge
from tinygzsl.datasets import load_dataset, save_npz
from tinygzsl.stacking import StackedGZSL

BENCH = Path(__file__).parents[2] / "bench"
pytestmark = pytest.mark.skipif(
    not BENCH.is_dir(), reason="bench/ is not here, so its script was not run; use a checkout"
)
FIXED = (
    *("scale.features=standard", "gan.output=linear", "gan.generator_hidden=[8]", "vsmm.lr=1e-2"),
    *("gan.critic_hidden=[8]", "gan.batch=16", "gan.lr=1e-2", "gan.max_epochs=8", "cs.low=0.01"),
    *("cs.high=0.3", "proxy.count=50", "vsmm.latent=16", "vsmm.batch=16", "vsmm.epochs=6"),
    *("router.metric=euclidean", "vsmm.weight_es=0"),
)


@pytest.fixture
def auto(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location("bench_auto", BENCH / "auto.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_class_split_is_another_one_of_the_same_samples(auto, tiny_dataset):
    data = tiny_dataset()
    one, again, other = (auto.class_split(data, i, draw=0xC0FFEE) for i in (0, 0, 3))
    drawn_anew = auto.class_split(data, 0, draw=0xC0FFEF)
    np.testing.assert_array_equal(one.X_train, again.X_train)
    assert list(one.unseen_classes) != list(other.unseen_classes)
    assert list(one.unseen_classes) != list(drawn_anew.unseen_classes)
    for split in (one, other):
        assert len(split.unseen_classes) == len(data.unseen_classes)
        assert not np.isin(split.y_train, split.unseen_classes).any()
        assert set(split.y_test) == set(split.seen_classes) | set(split.unseen_classes)
        rows = np.concatenate([split.X_train, split.X_test])
        before = np.concatenate([data.X_train, data.X_test])
        np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(before, axis=0))
        for c in split.seen_classes:
            held, kept = (split.y_test == c).sum(), (split.y_train == c).sum()
            assert held == round(0.2 * (held + kept))
    named = dict(zip(data.seen_classes, data.seen_prototypes, strict=True))
    for label, prototype in zip(other.seen_classes, other.seen_prototypes, strict=True):
        if label in named:
            np.testing.assert_array_equal(prototype, named[label])


def run(auto, tmp_path, *more):
    options = [str(tmp_path / "tiny.npz"), "--out", str(tmp_path / "rows.jsonl"), *more]
    result = CliRunner().invoke(auto.main, options)
    assert result.exit_code == 0, result.output
    return result.stdout, [json.loads(x) for x in open(tmp_path / "rows.jsonl")]


def test_rows_are_written_as_they_come_and_not_measured_again(auto, tiny_dataset, tmp_path):
    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    method = ["--method", "auto", *(part for pair in FIXED for part in ("--set", pair))]
    _, (first,) = run(auto, tmp_path, *method, "--seeds", "0")
    table, rows = run(auto, tmp_path, *method, "--seeds", "0-1")
    assert rows[0] == first
    assert [row["seed"] for row in rows] == [0, 1]
    for row in rows:
        assert (row["oracle"] is None) == (row["chosen"]["gate"] != "learned")
        if row["oracle"] is not None:
            assert row["below_oracle"] == pytest.approx(row["oracle"] - row["H"])
            assert row["below_oracle"] >= -1e-9
        assert f"| {row['H']:.3f} |" in table
    means = [f"{np.mean([row[key] for row in rows]):.3f} ± " for key in ("S", "U", "H")]
    (line,) = [line for line in table.splitlines() if line.startswith("| tiny | auto | 2 |")]
    assert all(mean in line for mean in means)


def test_best_and_the_baselines_have_rows_of_drawn_splits(
    auto, tiny_dataset, tmp_path, monkeypatch
):
    few = {"ESZSL": ESZSL(features="standard"), "ridge": PrototypeRidge(features="standard")}
    monkeypatch.setattr(auto, "StackedGZSL", lambda seed: StackedGZSL(experts=few, seed=seed))
    monkeypatch.setattr(auto, "METHODS", ("ESZSL", "PrototypeRidge"))
    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    drawn = ["--class-splits", "2", "--draw", "1a2b3c4d"]
    _, best = run(auto, tmp_path, "--method", "best", *drawn)
    assert [set(row["chosen"]["unseen_weights"]) for row in best] == [{"ESZSL", "ridge"}] * 2
    assert all(row["below_oracle"] >= -1e-9 for row in best)
    table, rows = run(auto, tmp_path, "--method", "calibrated", *drawn)
    found = [(row["baseline"], row["seed"], row["strict"]) for row in rows[2:]]
    assert found == [(name, i, True) for i in (0, 1) for name in ("ESZSL", "PrototypeRidge")]
    assert all(row["below_oracle"] >= -1e-9 for row in rows[2:])
    assert "| tiny, class splits | PrototypeRidge | 2 |" in table


def test_saved_splits_are_those_that_are_measured(auto, tiny_dataset, tmp_path):
    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    drawn = ["--method", "auto", "--class-splits", "2", "--draw", "1a2b3c4d"]
    command = [str(tmp_path / "tiny.npz"), *drawn, "--save", str(tmp_path)]
    assert CliRunner().invoke(auto.main, command).exit_code == 0
    for i in range(2):
        saved = load_dataset(tmp_path / f"split-{i}.npz")
        split = auto.class_split(load_dataset(tmp_path / "tiny.npz"), i, draw=0x1A2B3C4D)
        np.testing.assert_array_equal(saved.X_test, split.X_test)
        np.testing.assert_array_equal(saved.unseen_classes, split.unseen_classes)


def test_splits_and_their_number_go_together(auto, tmp_path):
    result = CliRunner().invoke(auto.main, ["letters", "--method", "best", "--draw", "1a"])
    assert result.exit_code == 2 and "go together" in result.output
