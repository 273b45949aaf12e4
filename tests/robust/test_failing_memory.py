"""Memory that is refused at a line of the package: a sentence, no half file, and then the same."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from failing.commands import Command, Sweep, evaluated, predicted, trained

pytestmark = pytest.mark.filterwarnings("ignore")  # of the short training
LEAST = 2048  # bytes: arrays of the tiny dataset are smaller than those of real ones
SHORT = ("vsmm.epochs=2", "gan.max_epochs=8", "cs.low=0.0005")


@pytest.fixture
def options(fast_options):
    """Options of a training of a tenth of a second."""
    return [*fast_options, *(part for s in SHORT for part in ("--set", s)), "--threads", 1]


@pytest.fixture
def sweep(run_cli, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # hundreds would take a minute
    return Sweep(run_cli, tmp_path / "work", least=LEAST)


def test_training(sweep, options, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    options = [*options, "--checkpoint-seconds", 0]
    command = Command(
        "train", lambda work: ["train", tmp_path / "data", *options, "--out", work / "run"], trained
    )
    sweep.over(command, every=3)
    assert sweep.counts["train: lines"] > 20
    assert sweep.counts["train: refused"] > 8
    assert sweep.counts["train: resumed"] > 2


def test_a_finished_run(sweep, run_cli, options, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    run = tmp_path / "trained"
    assert run_cli("train", tmp_path / "data", *options, "--out", run).exit_code == 0
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((400, 10), np.float32))

    def before(work):
        shutil.copytree(run, work / "run")
        (work / "p.csv").write_text("old\n")

    threads = ("--threads", 1)
    for name, arguments, result in (
        ("evaluate", lambda w: ["evaluate", w / "run", "--json", *threads], evaluated),
        (
            "predict",
            lambda w: ["predict", w / "run", tmp_path / "x.npy", "--out", w / "p.csv", *threads],
            predicted,
        ),
    ):
        sweep.over(Command(name, arguments, result, before))
        assert sweep.counts[f"{name}: refused"] > 4, sweep.counts
