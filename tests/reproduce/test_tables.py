"""Tables 1 to 4 by command."""

import csv
import json
from statistics import fmean, stdev

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.proxies import TRAINING_DRAW
from tinygzsl.reproduce import experiments, run
from tinygzsl.reproduce.ground import Ground
from tinygzsl.tuning.auto import Auto


@pytest.mark.wheel
def test_targets_are_listed_without_one(run_cli):
    listed = run_cli("reproduce").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [
        *(f"table{i}" for i in range(1, 5)),
        *(f"figure{i}" for i in range(2, 8)),
    ]


def test_what_is_not_found_is_not_run(reproduce, cell, tmp_path):
    facts = reproduce("table2", "--root", tmp_path)
    assert set(facts["not_run"]) == {"awa1", "cub"}
    assert "no folder awa1" in facts["not_run"]["awa1"]
    ours = cell(facts, "awa1", "ours", "H")
    assert (ours["status"], ours["measured"], ours["published"]) == ("not run", None, 0.578)


def test_table1_counts(reproduce, cell, tmp_path, write_splits):
    write_splits(tmp_path / "hmdb_i3d")
    facts = reproduce("table1", "--root", tmp_path)
    assert set(facts["not_run"]) == {"awa1", "cub", "ucf101"}
    found = {
        name: cell(facts, "hmdb51", "counts", name)["measured"]
        for name in ("seen classes", "unseen classes", "samples", "k", "d")
    }
    assert list(found.values()) == [6, 3, 108, 6, 10]
    assert cell(facts, "hmdb51", "counts", "d")["difference"] == 10 - 8192


def test_measured_figures_are_those_of_evaluate(reproduce, cell, folder, small_model):
    facts = reproduce("table2", folder)
    data = tz.load_dataset(str(folder))
    model = small_model(seed=0, threads=1).fit(data.X_train, data.y_train, data.seen_prototypes)
    metrics = tz.evaluate(model, data)
    for name in ("S", "U", "H"):
        assert cell(facts, "tiny.npz", "ours", name)["measured"] == metrics[name]
    assert cell(facts, "cub", "ours", "H")["status"] == "not run"


def test_all_splits_are_averaged(reproduce, cell, tmp_path, write_splits):
    write_splits(tmp_path / "hmdb51", splits=(1, 2, 3))
    out = tmp_path / "out"
    facts = reproduce("table3", "hmdb51", "--root", tmp_path, "--out", out)
    ours = cell(facts, "hmdb51", "ours", "H")
    assert ours["over"] == "3 splits"
    assert ours["difference"] == ours["measured"] - 0.356
    alone = [
        cell(
            reproduce("table3", "hmdb51", "--root", tmp_path, "--splits", n), "hmdb51", "ours", "H"
        )
        for n in (1, 2, 3)
    ]
    assert ours["measured"] == pytest.approx(fmean(r["measured"] for r in alone))
    assert ours["sd"] == pytest.approx(stdev(r["measured"] for r in alone))
    assert json.loads((out / "table.json").read_text())["rows"] == facts["rows"]
    rows = list(csv.DictReader((out / "table.csv").read_text("utf-8").splitlines()))
    assert [row["row"] for row in rows] == [row["row"] for row in facts["rows"]]
    assert sorted(path.name for path in out.iterdir()) == ["table.csv", "table.json"]


def test_table4_spreads_over_snapshots_and_seeds(reproduce, cell, folder):
    facts = reproduce("table4", folder, "--seeds", "0-1")
    assert cell(facts, "tiny.npz", "ours", "snapshots")["measured"] > 1
    assert cell(facts, "tiny.npz", "ours", "H")["over"] == "2 seeds"
    assert cell(facts, "tiny.npz", "ours", "H")["sd"] >= 0
    assert cell(facts, "tiny.npz", "ours", "sd over snapshots")["measured"] >= 0
    assert 0 <= cell(facts, "tiny.npz", "baseline", "H")["measured"] <= 1


def test_a_snapshots_proxies_are_those_that_fit_trains_on(tiny_dataset, small_model):
    training = tiny_dataset().training()
    model = small_model(seed=3)
    params = {**model.get_params(), "threads": 1}
    model.fit(training.X, training.y, training.prototypes)
    ground = Ground(params, training)
    source = ground.source()
    assert source.snapshots[0].look == model.proxy_source_.snapshots[0].look
    expected = model.sample_proxies(50, TRAINING_DRAW)
    np.testing.assert_array_equal(ground.proxies(source.snapshots[0], 50), expected)


def test_a_failed_training_is_named_and_the_others_go_on(reproduce, folder, monkeypatch):
    measure = experiments.Job.fit

    def fit(job, *arguments, **changes):
        if job.seed == 0:
            raise FloatingPointError("the VSMM diverged")
        return measure(job, *arguments, **changes)

    monkeypatch.setattr(experiments.Job, "fit", fit)
    facts = reproduce("table2", folder, "--seeds", "0-1", exit_code=1)
    assert facts["failed"] == {"tiny.npz, seed 0": "the VSMM diverged"}
    assert [r["over"] for r in facts["rows"] if r["status"] == "measured"] == ["1 seed"] * 3


def test_a_folder_that_cannot_be_is_said_before_training(reproduce, folder, monkeypatch):
    monkeypatch.setattr(experiments.Job, "fit", None)
    message = reproduce("table2", folder, "--out", folder, exit_code=2)
    assert str(folder) in message


def test_preset_auto_searches_once_per_run(reproduce, cell, folder, monkeypatch):
    searched = []

    def tuned(training, params):
        searched.append(training)
        chosen = {k: v for k, v in params.items() if "_" in k and v is not None}
        return Auto("small", {**chosen, "vsmm_epochs": 3}, None)

    monkeypatch.setattr(run, "tuned", tuned)
    facts = reproduce("table4", folder, "--preset", "auto")
    assert len(searched) == 1
    assert not hasattr(searched[0], "X_test")
    assert 0 <= cell(facts, "tiny.npz", "ours", "H")["measured"] <= 1


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (("table9",), ("table9", "table1", "figure7")),
        (("figure2", "letters"), ("figure2", "--out")),
        (("table2", "letters", "--device", "tpu"), ("tpu", "cpu")),
        (("table2", "absent"), ("absent", "known are")),
        (("table2", "letters", "letters"), ("letters", "one at a time")),
        (("table2", "letters", "--seeds", "x"), ("--seeds", "'x'")),
        (("table2", "letters", "--splits", "1"), ("--splits 1", "letters")),
        (("table3", "hmdb51", "--splits", "7"), ("hmdb51", "7", "--splits")),
    ],
)
def test_bad_input_is_one_sentence(reproduce, tmp_path, write_splits, arguments, parts):
    write_splits(tmp_path / "hmdb51")
    message = reproduce(*arguments, "--root", tmp_path, exit_code=2)
    assert len(message.strip().splitlines()) == 1
    assert all(part in message for part in parts)
