"""`tinygzsl sweep`: its options, what it prints, Ctrl-C, and going on."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tinygzsl.cli.sweep_plan import grid, numbers
from tinygzsl.sweeps.local import LocalEngine
from tinygzsl.sweeps.run import run_row


def test_numbers():
    assert numbers("1-3,7, 9", "--splits") == [1, 2, 3, 7, 9]
    assert numbers("0", "--seeds") == [0]


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1,", "1-2-3", "1.5", "0-999999999"])
def test_numbers_that_make_no_sense(text, sentence):
    with sentence(ValueError, "--seeds has"):
        numbers(text, "--seeds")
    with sentence(ValueError, "--seeds is '1-3,2'", "more than once"):
        numbers("1-3,2", "--seeds")


def test_commas_inside_brackets_belong_to_a_list():
    values = grid(("gan.lr=1e-4,.001", "vsmm.hidden=[], [256],[256,128]", "proxy.from=single,pool"))
    assert values == {
        "gan.lr": [1e-4, 1e-3],
        "vsmm.hidden": [(), (256,), (256, 128)],
        "proxy.from": ["single", "pool"],
    }


@pytest.mark.parametrize(
    ("sets", "parts"),
    [
        (("gan.lr",), ("'gan.lr'", "section.key=value,value")),
        (("gan.lr=1,1.0",), ("each value once",)),
        (("gan.lr=1,,2",), ("none of them empty",)),
        (("gan.lr=1", "gan.lr=2"), ("gan.lr twice",)),
        (("gan.lr=1", "gan_lr=2"), ("gan.lr twice",)),
        (("vsmm.weight_es=1", "vsmm_weight.es=2"), ("vsmm.weight_es twice",)),
        (("seed=1,2",), ("seed is not a setting", "--seeds")),
    ],
)
def test_a_grid_that_makes_no_sense(sets, parts, sentence):
    with sentence(ValueError, *parts):
        grid(sets)


@pytest.fixture
def read(tmp_path):
    """read(name="rows.jsonl") -> the rows of a results file."""
    return lambda name="rows.jsonl": [
        json.loads(line) for line in (tmp_path / name).read_text().splitlines()
    ]


def test_one_row_per_run_in_the_order_of_the_plan(sweep, read):
    options = ("--seeds", "0-1", "--processes", 2, "--json")
    result = sweep(*options, sets=("vsmm.gamma=1,2",))
    assert result.exit_code == 0, result.output
    rows = read()
    keys = [(row["split"], row["vsmm.gamma"], row["seed"]) for row in rows]
    assert keys == [(p, g, s) for p in (1, 2) for g in (1.0, 2.0) for s in (0, 1)]
    assert {row["dataset"] for row in rows} == {"action"}
    facts = json.loads(result.stdout)
    assert (facts["runs"], facts["ran"], facts["failed"], facts["lost"]) == (8, 8, 0, 0)
    group = facts["groups"][0]
    assert (group["over"], group["runs"]) == ("2 splits", 4)
    means = [sum(r["U"] for r in rows if r["split"] == s and r["vsmm.gamma"] == 1) for s in (1, 2)]
    assert group["U"] == pytest.approx(sum(means) / 4)
    assert group["U_sd"] == pytest.approx(abs(means[0] - means[1]) / 2 / 2**0.5)
    again = sweep(*options, sets=("vsmm.gamma=1,2",))
    assert json.loads(again.stdout) == {**facts, "ran": 0}


def test_only_what_is_missing_is_run(sweep, tmp_path):
    for out in ("rows.jsonl", "rows.csv"):
        assert sweep("--seeds", "3", out=out).exit_code == 0
        whole = (tmp_path / out).read_text()
        (tmp_path / out).write_text("".join(whole.splitlines(keepends=True)[:-1]) + whole[-9:-1])
        result = sweep("--seeds", "3", "--json", out=out)
        assert json.loads(result.stdout)["ran"] == 1
        assert "2 runs, 1 of them in" in result.stderr
        again = (tmp_path / out).read_text()
        lines = [[line.rsplit(",", 3)[0] for line in text.splitlines()] for text in (whole, again)]
        assert lines[0] == lines[1]  # but for seconds, host and checksum


def test_one_run_is_one_run(sweep):
    assert "\n1 run, 0 of them in" in "\n" + sweep("--splits", "1").stderr


def test_a_sweep_that_goes_on_keeps_its_threads(run_cli, fast_sets, data, tmp_path, monkeypatch):
    monkeypatch.setattr("tinygzsl.runtime.threads.default_threads", lambda: 4)
    out = tmp_path / "rows.jsonl"
    options = ("--preset", "small", "--splits", "1-2", *fast_sets(), "--out", out)
    assert "threads per run: 2" in run_cli("sweep", data, *options, "--processes", 2).stderr
    out.write_text(out.read_text().splitlines(keepends=True)[0])
    again = run_cli("sweep", data, *options, "--processes", 1)
    assert again.exit_code == 0, again.output
    assert "2 runs, 1 of them" in again.stderr and "threads per run: 2" in again.stderr


def test_another_command_into_the_same_file_is_refused(sweep, read):
    assert sweep().exit_code == 0
    before = read()
    for options, sets, what in (
        (("--seeds", "0-1"), (), "seeds"),
        ((), ("vsmm.gamma=2",), "set"),
        (("--threads", "2"), (), "threads"),
    ):
        result = sweep(*options, sets=sets)
        assert result.exit_code == 2
        assert f"another sweep (different {what}" in result.stderr.splitlines()[-1]
    assert read() == before


def test_failed_runs_are_rows_and_exit_with_1(sweep, read):
    result = sweep(sets=("vsmm.lr=1e-2,1e38",))
    assert result.exit_code == 1
    assert "2 runs failed, the first: " in result.stdout
    rows = read()
    assert ["diverged" in (row["error"] or "") for row in rows] == [False, True, False, True]
    assert [row["H"] is None for row in rows] == [False, True, False, True]
    again = sweep("--json", sets=("vsmm.lr=1e-2,1e38",))
    assert (again.exit_code, json.loads(again.stdout)["ran"]) == (1, 0)


def test_lost_runs_exit_with_1_and_are_tried_again(sweep, read, monkeypatch):
    def lose_one(engine, runs):
        yield None
        yield from (run_row(run) for run in runs[1:])

    with monkeypatch.context() as patched:
        patched.setattr(LocalEngine, "results", lose_one)
        result = sweep()
    assert result.exit_code == 1
    assert "1 run lost the worker process each time" in result.stdout
    assert [row["split"] for row in read()] == [2]
    assert sweep().exit_code == 0
    assert [row["split"] for row in read()] == [1, 2]


def test_a_run_folders_configuration_is_taken(run_cli, fast_sets, read, data, tmp_path):
    run, out = tmp_path / "run", tmp_path / "rows.jsonl"
    options = ("--split", 2, "--seed", 7, "--preset", "small", *fast_sets("vsmm.epochs=40"))
    assert run_cli("train", data, *options, "--threads", 1, "--out", run).exit_code == 0
    result = run_cli("sweep", "--config", run / "config.toml", "--threads", 1, "--out", out)
    assert result.exit_code == 0, result.output
    (row,) = read()
    assert (row["dataset"], row["split"], row["seed"]) == ("action", 2, 7)
    assert run_cli("evaluate", run, "--threads", 1).exit_code == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert [row[name] for name in ("S", "U", "H")] == [metrics[name] for name in ("S", "U", "H")]
    assert row["gzsl_H"] == metrics["gzsl"]["H"]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--set", "gan.rate=1,2"), ("'gan_rate'", "gan_lr")),
        (("--set", "router.delta_low=0.1,2"), ("router_delta_low is 2", "1.5")),
        (("--set", "gan.lr=1979-05-27"), ("gan_lr is '1979-05-27'",)),
        (("--splits", "1-3"), ("has no split 3", "--splits")),
        (("--splits", ""), ("--splits has ''",)),
        (("--seeds", ""), ("--seeds has ''",)),
        (("--splits", "0-1"), ("split 0 does not exist",)),
        (("--seeds", "0-99999", "--set", "vsmm.gamma=1,2"), ("at most 100000",)),
        (("--processes", "0"), ("processes is 0",)),
        (("--threads", "0"), ("threads is 0",)),
        (("--scheduler", "dask"), ("'dask'", "local-cluster")),
        (("--scheduler", "tcp://x:1", "--processes", "2"), ("--processes 2", "tcp://x:1")),
        (("--preset", "huge"), ("'huge'",)),
        (("--config", "none.toml"), ("none.toml",)),
    ],
)
def test_bad_options_leave_nothing_behind(sweep, tmp_path, options, parts):
    result = sweep(*options)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    for part in parts:
        assert part in result.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["action"]


def test_views_that_the_preset_does_not_take(sweep, data, write_mat, tmp_path):
    for split in (1, 2):
        write_mat(data / f"split_{split}" / "sent_splits.mat", {"att": np.ones((3, 9))})
    result = sweep("--prototypes", "att,sent")
    assert result.exit_code == 2, result.output
    assert "dict of views ('att', 'sent')" in result.stderr
    assert not (tmp_path / "rows.jsonl").exists()


def test_datasets_that_would_have_one_name(run_cli, data, tmp_path):
    other = tmp_path / "other" / "action"
    result = run_cli("sweep", data, other, "--splits", 1, "--out", tmp_path / "rows.csv")
    assert result.exit_code == 2
    assert "both be called action" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process group")
def test_ctrl_c_keeps_what_is_finished(sweep, command, tmp_path, read, comparable):
    how = {"sets": ("vsmm.epochs=80", "vsmm.gamma=1,2"), "out": "stopped.jsonl"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tinygzsl", *command("--processes", "2", "--seeds", "0-1", **how)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "stopped.jsonl").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)  # until none of its processes holds stderr
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    done = len(read("stopped.jsonl"))
    rows = f"{done} row" if done == 1 else f"{done} rows"
    stopped = f"stopped with {rows} in {tmp_path / 'stopped.jsonl'}"
    assert f"{stopped}; the same command continues" in errors
    assert 0 < done < 8
    result = sweep("--seeds", "0-1", "--json", **how)
    assert json.loads(result.stdout)["ran"] == 8 - done
    assert sweep("--seeds", "0-1", **{**how, "out": "straight.jsonl"}).exit_code == 0
    assert [row["seed"] for row in read("stopped.jsonl")] == [0, 1] * 4
    assert comparable(read("stopped.jsonl")) == comparable(read("straight.jsonl"))


def test_a_file_that_another_process_sweeps_into_is_refused(sweep, tmp_path):
    from tinygzsl.storage.locks import FileLock

    with FileLock(tmp_path / "rows.jsonl"):
        result = sweep()
        assert result.exit_code == 2
        assert f"the file {tmp_path / 'rows.jsonl'} is in use by process" in result.stderr
        assert not (tmp_path / "rows.jsonl").exists()
        assert sweep("--seeds", "0", out="others.jsonl").exit_code == 0
    assert list(tmp_path.glob(".*.lock")) == []
