"""A run that is resumed with other settings of the VSMM, and what a cut-off one leaves behind."""

import json

import numpy as np
import pytest

from tinygzsl import cwgan, vsmm
from tinygzsl.storage.arrays_file import read_npz


@pytest.fixture
def train(run_cli, fast_options, write_xlsa17, tmp_path):
    """train(*options, out=NAME) -> click's Result; data and settings are the same each time."""
    write_xlsa17(tmp_path / "data")

    def train(*options, out="run"):
        where = (tmp_path / "data", *fast_options, "--checkpoint-seconds", 0)
        return run_cli("train", *where, *options, "--out", tmp_path / out)

    return train


def cut_off(monkeypatch, module, name, at):
    """Make call `at` of a function end the program."""
    function, calls = getattr(module, name), []

    def cut(*args, **options):
        calls.append(0)
        if len(calls) == at:
            raise KeyboardInterrupt
        return function(*args, **options)

    monkeypatch.setattr(module, name, cut)


def weights(run):
    return read_npz(run / "model.npz", "model")[1]


def test_other_settings_of_the_vsmm_begin_it_anew_and_are_kept(
    train, run_cli, tmp_path, monkeypatch
):
    assert train().exit_code == 0
    with monkeypatch.context() as patch:
        cut_off(patch, vsmm, "vsmm_loss", 5)
        run = tmp_path / "run"
        result = run_cli(
            *("train", "--resume", run, "--set", "vsmm.lr=5e-3", "--checkpoint-seconds", 0)
        )
    assert result.exit_code == 130
    assert "checkpoint has other settings, so the VSMM is trained again" in result.stderr
    result = run_cli("evaluate", run)  # the model is still the old one
    assert result.exit_code == 2
    resume = f"continue it with `tinygzsl train --resume {run}`"
    assert f"its run is not finished; {resume}" in result.stderr
    assert run_cli("train", "--resume", run).exit_code == 0
    assert train("--set", "vsmm.lr=5e-3", out="fresh").exit_code == 0
    fresh = weights(tmp_path / "fresh")
    for name, array in weights(run).items():
        np.testing.assert_array_equal(array, fresh[name])


def test_what_a_second_process_is_told(train, tmp_path):
    from tinygzsl.runs.folder import RunLock

    assert train().exit_code == 0
    assert "--resume" in train().stderr
    with RunLock(tmp_path / "run"):
        assert "is in use by process" in train().stderr


def test_a_damaged_checkpoint_says_how_to_go_on(train, run_cli, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        cut_off(patch, cwgan.CWGAN, "train_step", 12)
        assert train().exit_code == 130
    path = tmp_path / "run" / "checkpoints" / "gan.npz"
    path.write_bytes(path.read_bytes()[:-100])
    result = run_cli("train", "--resume", tmp_path / "run")
    assert result.exit_code == 2
    assert "or delete it to train this phase again" in result.stderr
    assert "max_epochs" not in result.stderr
    path.unlink()
    assert run_cli("train", "--resume", tmp_path / "run").exit_code == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["outputs"]["model.npz"]
