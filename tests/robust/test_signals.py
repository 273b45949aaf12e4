"""SIGINT and SIGTERM end `train` after a step and a checkpoint, and say how to go on."""

import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from killing.runs import check_tidy, finish, start

from tinygzsl.cli.signals import Stopped, Stopping
from tinygzsl.cwgan import CWGAN
from tinygzsl.settings import given_settings
from tinygzsl.storage import arrays_file
from tinygzsl.tuning import auto
from tinygzsl.tuning.auto import Auto

pytestmark = pytest.mark.filterwarnings("ignore:the classifier gets")  # of so little training


def weights(run):
    return arrays_file.read_npz(run / "model.npz", "model")[1]


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code", "phase"),
    [(signal.SIGINT, 130, "gan"), (signal.SIGTERM, 143, "gan"), (signal.SIGTERM, 143, "vsmm")],
)
def test_a_signal_saves_and_says_how_to_go_on(
    run_cli, fast_options, write_xlsa17, tmp_path, number, code, phase
):
    write_xlsa17(tmp_path / "data")
    train = ("train", tmp_path / "data", *fast_options, "--set", "vsmm.epochs=6", "--threads", 1)
    run, whole = tmp_path / "a run", tmp_path / "whole"
    process = start("slow:0.04", *train, "--checkpoint-seconds", "0.2", "--out", run)
    wait_for(run / "checkpoints" / f"{phase}.npz", process)
    process.send_signal(number)
    stdout, stderr = finish(process, code)
    assert stdout == ""
    *_, advice, error = stderr.strip().splitlines()
    assert advice == f"stopped; continue with: tinygzsl train --resume '{run}'"
    assert error == "Error: interrupted; no half-written file is left"
    assert not (run / "model.npz").exists()
    check_tidy(run)
    for arguments in (("train", "--resume", run, "--threads", 1), (*train, "--out", whole)):
        result = run_cli(*arguments)
        assert result.exit_code == 0, result.output
    ours, theirs = weights(run), weights(whole)
    for name in ours.keys() | theirs.keys():
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def test_the_step_is_finished_and_saved(fast_options, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    run = tmp_path / "run"
    train = ("train", tmp_path / "data", *fast_options, "--checkpoint-seconds", 1e6)
    process = start("slow:0.2", *train, "--out", run)  # no checkpoint is due before the end
    wait_for(run / ".lock", process)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    finish(process, 130)
    path = run / "checkpoints" / "gan.npz"
    if path.exists():  # else it was still before the CWGAN
        assert 1 <= int(arrays_file.read_npz(path, "checkpoint")[1]["step"]) < 50


def test_a_search_stops_at_once_and_can_be_started_again(
    fast_options, write_xlsa17, tmp_path, run_cli
):
    write_xlsa17(tmp_path / "data")
    options = [*fast_options[2:], "--seed", "3"]
    run = tmp_path / "run"
    train = ("train", tmp_path / "data", "--preset", "auto", *options, "--out", run)
    process = start("slow:0.3", *train)
    wait_for(run / ".lock", process)
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    _, stderr = finish(process, 143)
    again = f"start it again with: tinygzsl train --resume {run}"
    assert f"stopped in the search for settings, which has no checkpoints; {again}" in stderr
    text = (run / "config.toml").read_text()
    assert 'preset = "auto"' in text
    assert "seed = 3" in text
    assert "lr = 0.003" in text  # what was given stays
    assert "metric" not in text  # what the search is to find is open


def test_after_the_search_there_is_no_other(
    fast_options, write_xlsa17, tmp_path, run_cli, monkeypatch
):
    write_xlsa17(tmp_path / "data")
    run, step = tmp_path / "run", CWGAN.train_step

    def found(training, params):
        trials = [{"stage": "networks", "H": 0.5, "H_by_fold": [0.5], "gate": "hard"}]
        chosen = {**given_settings(params), "vsmm_epochs": 3}
        return Auto("small", chosen, SimpleNamespace(trials=trials))

    def interrupted(self, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr(auto, "tuned", found)
    monkeypatch.setattr(CWGAN, "train_step", interrupted)
    train = ("train", tmp_path / "data", "--preset", "auto", *fast_options[2:], "--out", run)
    assert run_cli(*train).exit_code == 130
    text = (run / "config.toml").read_text()
    assert 'preset = "small"' in text
    assert "epochs = 3" in text
    assert (run / "trials.csv").exists()
    monkeypatch.setattr(auto, "tuned", None)
    monkeypatch.setattr(CWGAN, "train_step", step)
    result = run_cli("train", "--resume", run)
    assert result.exit_code == 0, result.output
    assert (run / "config.toml").read_text() == text


class Nowhere:
    """A progress line that shows nothing."""

    def __call__(self, step, logs):
        pass


def test_the_first_signal_waits_for_the_step_and_the_second_does_not():
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with Stopping(Nowhere()) as stopping:
        stopping(1, {"phase": "gan"})
        signal.raise_signal(signal.SIGTERM)
        assert stopping.asked()
        with pytest.raises(Stopped) as caught:
            signal.raise_signal(signal.SIGINT)
    assert caught.value.exit_code == 130
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("phase", ["ptc", "tune"])
def test_where_nothing_can_be_saved_the_first_one_stops_at_once(phase):
    with Stopping(Nowhere()) as stopping, pytest.raises(Stopped):
        stopping(1, {"phase": phase})
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_is_switched_off_stays_off():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stopping(Nowhere()):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
