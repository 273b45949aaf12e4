"""Training processes that are killed by SIGKILL: the folder loads, resume ends with the same bits.

The processes are real ones. They write a checkpoint after every step, so that any moment is close
to one. Resuming, too, is done by real processes where it is killed again, else in this one.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from killing.runs import (
    KILLED,
    check_tidy,
    check_whole,
    differences,
    finish,
    result,
    start,
)

pytestmark = pytest.mark.filterwarnings("ignore:the classifier gets")  # of so little training
ALWAYS = ("--threads", "1", "--checkpoint-seconds", "0")
RANDOM = np.random.default_rng(7)
FINISHED = {"config.toml", "curves.csv", "model.npz", "manifest.json"}
LAST = {"config": 3, "curves": 2, "model": 1, "manifest": 0}  # of the final save, from the end


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A folder with a dataset of one .npz file."""
    folder, rng = tmp_path_factory.mktemp("ground"), np.random.default_rng(0)
    prototypes, to_features = rng.random((7, 6)), rng.normal(size=(6, 12))

    def samples(classes, per_class):
        y = np.repeat(classes, per_class)
        x = prototypes[y] @ to_features + 0.15 * rng.normal(size=(len(y), 12))
        return x.astype(np.float32), y

    X, y = samples([0, 1, 3, 4, 6], 30)
    X_test, y_test = samples(np.arange(7), 10)
    arrays = {"X_train": X, "y_train": y, "X_test": X_test, "y_test": y_test}
    np.savez(folder / "own.npz", prototypes=prototypes, classes=np.arange(7), **arrays)
    return folder


@pytest.fixture
def options(fast_options):
    """What every training here is started with."""
    return [*fast_options, "--set", "vsmm.epochs=4", *ALWAYS]


@pytest.fixture
def evaluate(run_cli):
    """evaluate(run) -> the metrics of a run."""

    def evaluate(run):
        found = run_cli("evaluate", run, "--json", "--threads", 1)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    return evaluate


WHOLE = {}


@pytest.fixture
def whole(ground, options, evaluate):
    """The uninterrupted run's Result, its number of renames and of steps, and its seconds."""
    if not WHOLE:
        counts, started = ground / "counts", time.monotonic()
        out = ground / "whole"
        finish(start(f"count:{counts}", "train", ground / "own.npz", *options, "--out", out), 0)
        seconds = time.monotonic() - started
        renames, steps = map(int, counts.read_text().split())
        WHOLE.update(result=result(out, evaluate), renames=renames, steps=steps, seconds=seconds)
    return WHOLE


@pytest.fixture
def check_resumed(run_cli, whole, evaluate):
    """check_resumed(run): what is there is whole, and resume ends with the uninterrupted bits."""

    def check(run):
        check_whole(run)
        resumed = run_cli("train", "--resume", run, *ALWAYS)
        assert resumed.exit_code == 0, resumed.output
        assert check_whole(run) >= FINISHED
        check_tidy(run)
        assert differences(whole["result"], result(run, evaluate)) == []
        return resumed

    return check


def moment(act, at, whole):
    """The driver's argument: at is a share of all writes or steps, or a name in LAST."""
    count = whole["steps" if act == "step" else "renames"]
    number = count - LAST[at] if at in LAST else max(2, round(at * count))
    return f"{act}:{number}"


AIMED = [
    *(("step", share) for share in RANDOM.random(5)),
    *(("write", share) for share in RANDOM.random(3)),
    *(("before", share) for share in RANDOM.random(2)),
    *(("after", share) for share in RANDOM.random(2)),
    *(("write", "model"), ("before", "config"), ("after", "curves")),
    *(("before", "model"), ("after", "model"), ("write", "manifest")),
]


@pytest.mark.parametrize(("act", "at"), AIMED)
def test_killed_at_a_moment_that_is_aimed_at(
    ground, options, whole, check_resumed, tmp_path, act, at
):
    run = tmp_path / "run"
    train = ("train", ground / "own.npz", *options, "--out", run)
    finish(start(moment(act, at, whole), *train), KILLED)
    if act != "step":
        left = list(run.rglob(".*.tmp"))
        assert len(left) == (act != "after")
    if "manifest.json" in check_whole(run):
        assert check_whole(run) >= FINISHED
    check_resumed(run)


@pytest.mark.parametrize("share", RANDOM.random(4))
def test_killed_by_the_clock(ground, options, whole, check_resumed, tmp_path, share):
    run = tmp_path / "run"
    process = start("none:", "train", ground / "own.npz", *options, "--out", run)
    while not run.exists():
        time.sleep(0.002)
    time.sleep(share * 0.5 * whole["seconds"])
    process.kill()
    finish(process, KILLED, 0)  # 0: it was done before
    check_resumed(run)


def test_killed_again_and_again(ground, options, whole, check_resumed, tmp_path):
    run = tmp_path / "run"
    train = ("train", ground / "own.npz", *options, "--out", run)
    finish(start(f"step:{whole['steps'] // 5}", *train), KILLED)
    again = ("train", "--resume", run, *ALWAYS)
    for act in ("write:20", "before:25", f"step:{whole['steps'] // 3}", "after:20", "write:1"):
        before = check_whole(run)
        finish(start(act, *again), KILLED)
        assert check_whole(run) >= before
    check_resumed(run)


def test_killed_before_the_folder_is_there(ground, options, tmp_path, check_resumed):
    run = tmp_path / "run"
    train = ("train", ground / "own.npz", *options, "--out", run)
    for act in ("write:1", "before:1"):
        finish(start(act, *train), KILLED)
        assert not run.exists()
    finish(start("step:3", *train), KILLED)
    assert not list(tmp_path.glob(".*.tmp"))
    check_resumed(run)


def test_a_finished_run_is_not_trained_again(
    ground, options, whole, check_resumed, tmp_path, run_cli, monkeypatch
):
    run = tmp_path / "run"
    train = ("train", ground / "own.npz", *options, "--out", run)
    finish(start(moment("after", "manifest", whole), *train), KILLED)  # and before it was printed
    from tinygzsl import EntropySeparationGZSL

    monkeypatch.setattr(EntropySeparationGZSL, "fit", None)
    facts = [run_cli("train", "--resume", run, "--json", *ALWAYS) for _ in range(2)]
    assert [f.exit_code for f in facts] == [0, 0]
    assert "is finished" in facts[0].stderr
    assert facts[0].stdout == facts[1].stdout
    assert json.loads(facts[0].stdout)["last_epoch"] == whole["result"].header["history"][-1]
    monkeypatch.undo()
    check_resumed(run)


def test_lost_outputs_are_made_again(ground, options, check_resumed, tmp_path):
    run = tmp_path / "run"
    finish(start("none:", "train", ground / "own.npz", *options, "--out", run), 0)
    for lost in ("model.npz", "curves.csv", "manifest.json"):
        (run / lost).unlink()
        check_resumed(run)
