"""The local engine: rows, a worker killed in mid-run, what runs raise, no process left behind."""

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.sweeps import run as run_module
from tinygzsl.sweeps.local import LocalEngine
from tinygzsl.sweeps.run import columns, run_row

needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")


def test_a_row_is_the_same_in_this_process_and_in_a_worker(runs_of, comparable):
    runs = runs_of(sets=("vsmm.epochs=2,3",))
    here = [run_row(run) for run in runs]
    assert all(set(row) == set(columns(runs[0])) for row in here)
    assert all(0 <= row["H"] <= 1 and row["seconds"] >= 0 for row in here)
    assert len({row["model_sha256"] for row in here}) == len(runs) == 8
    assert comparable(LocalEngine(1).results(runs)) == comparable(here)
    assert multiprocessing.active_children() == []


def test_values_reach_the_run_as_what_they_are(runs_of):
    runs = runs_of(splits="1", seeds="0", sets=("gan.train_on=true,false", "gan_lr=1e-5,.5"))
    values = [(run.params["gan_train_on"], run.params["gan_lr"]) for run in runs]
    assert values == [(True, 1e-5), (True, 0.5), (False, 1e-5), (False, 0.5)]
    assert runs[3].key["gan.train_on"] is False and runs[3].key["gan.lr"] == 0.5


def test_a_dataset_is_loaded_once_per_split(runs_of, monkeypatch):
    loaded, original = [], run_module.load_dataset

    def load(**source):
        loaded.append(source["split"])
        return original(**source)

    monkeypatch.setattr(run_module, "load_dataset", load)
    monkeypatch.setattr(run_module, "_loaded", run_module._Loaded())
    rows = [run_row(run) for run in runs_of(seeds="0-2")]
    assert loaded == [1, 2]
    assert len({row["data_sha256"] for row in rows}) == 2


@needs_sigkill
def test_a_killed_worker_costs_its_run_only(runs_of, comparable):
    short, long = runs_of(splits="1", seeds="0", sets=("vsmm.epochs=2,800",))
    runs = [short, long, *runs_of(splits="2", seeds="0-1")]
    expected = comparable(run_row(run) for run in runs)
    engine, rows, killed = LocalEngine(2), [], None
    answers = engine.results(runs)
    for row in answers:
        rows.append(row)
        if killed is None:  # the short run is done, so the long one is under way
            (killed,) = [worker for worker in engine.workers if worker.run is long]
            others = [worker for worker in engine.workers if worker is not killed]
            os.kill(killed.process.pid, signal.SIGKILL)
    assert killed.process.exitcode == -signal.SIGKILL
    assert not any(worker.process.exitcode == -signal.SIGKILL for worker in others)
    assert comparable(rows) == expected
    assert multiprocessing.active_children() == []


@needs_sigkill
def test_a_run_whose_worker_dies_twice_is_given_up(runs_of):
    long, short = runs_of(splits="1", seeds="0", sets=("vsmm.epochs=200000,2",))
    engine, killed = LocalEngine(1), set()

    def kill_two():
        while len(killed) < 2:
            for worker in list(engine.workers):
                if worker.run is long and worker.process.pid not in killed:
                    killed.add(worker.process.pid)
                    os.kill(worker.process.pid, signal.SIGKILL)
            time.sleep(0.01)

    killer = threading.Thread(target=kill_two)
    killer.start()
    lost, row = engine.results([long, short])
    killer.join()
    assert lost is None
    assert row["vsmm.epochs"] == 2


def test_what_a_run_raises_ends_the_sweep(runs_of, data, sentence):
    runs = runs_of()
    (data / "split_2" / "att_splits.mat").unlink()
    with sentence(ValueError, "split 2 does not exist", "has split 1"):
        list(LocalEngine(2).results(runs))
    assert multiprocessing.active_children() == []


def test_a_diverged_training_is_a_row_without_figures(runs_of):
    (run,) = runs_of(splits="1", seeds="0", sets=("vsmm.lr=1e38",))
    with np.errstate(all="ignore"):
        row = run_row(run)
    assert "diverged" in row["error"]
    assert row["H"] is None and row["model_sha256"] is None and row["data_sha256"]


def test_a_worker_of_another_version_is_refused(runs_of, sentence):
    run = replace(runs_of()[0], version="0.0.1")
    with sentence(ValueError, "has tinygzsl", "0.0.1", "install the same version"):
        run_row(run)
