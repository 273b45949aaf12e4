"""`tinygzsl train` with the learned gate: its folds come before the training, and only once."""

import tomllib

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.cli.config import parse_set
from tinygzsl.storage import arrays_file
from tinygzsl.storage.checksums import file_sha256
from tinygzsl.tuning import learned_gate

LEARNED = ("router.gate=learned", "vsmm.weight_es=0", "vsmm.epochs=3")


@pytest.fixture
def options(fast_options):
    """What every training here is started with."""
    return [*fast_options, *(part for pair in LEARNED for part in ("--set", pair))]


@pytest.fixture
def learned(run_cli, data, options, tmp_path):
    """The run folder of a finished training."""
    result = run_cli("train", data, *options, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "fitting the gate and training will take about" in result.stderr
    return tmp_path / "run"


def test_the_numbers_are_those_of_python(learned, data, options):
    dataset = tz.load_dataset(data)
    pairs = tuple(part for part in options if "=" in part)
    model = tz.EntropySeparationGZSL(preset="small", **parse_set(pairs)).fit(
        dataset.X_train,
        dataset.y_train,
        dataset.seen_prototypes,
        validation_classes=dataset.validation_classes,
    )
    run = tz.load_model(learned / "model.npz")
    assert run.settings_ == model.settings_ and run.decision_ == model.decision_
    for one, other in zip(run.vsmm_.params, model.vsmm_.params, strict=True):
        np.testing.assert_array_equal(one, other)
    router = tomllib.loads((learned / "config.toml").read_text())["router"]
    for name, value in learned_gate.numbers(model.settings_).items():
        number = router[name.removeprefix("router_")]
        assert (tuple(number) if isinstance(number, list) else number) == value


def test_a_run_repeats_from_its_config_without_folds(learned, run_cli, tmp_path, monkeypatch):
    monkeypatch.setattr(learned_gate, "disjoint_folds", None)
    again = tmp_path / "again"
    result = run_cli("train", "--config", learned / "config.toml", "--out", again)
    assert result.exit_code == 0, result.output
    assert file_sha256(again / "model.npz") == file_sha256(learned / "model.npz")


def test_a_resumed_run_does_not_fit_the_gate_again(
    learned, run_cli, data, options, tmp_path, monkeypatch
):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    run = tmp_path / "stopped"
    with monkeypatch.context() as patched:
        patched.setattr(tz.EntropySeparationGZSL, "fit", stopped)
        assert run_cli("train", data, *options, "--out", run).exit_code == 130
    assert (run / "config.toml").read_text() == (learned / "config.toml").read_text()
    monkeypatch.setattr(learned_gate, "disjoint_folds", None)
    result = run_cli("train", "--resume", run)
    assert result.exit_code == 0, result.output
    states = [arrays_file.read_npz(folder / "model.npz", "model") for folder in (run, learned)]
    assert states[0].header == states[1].header
    for name, array in states[0].arrays.items():
        np.testing.assert_array_equal(array, states[1].arrays[name], err_msg=name)


def test_stopped_in_its_folds_it_starts_again(
    run_cli, data, options, tmp_path, monkeypatch, one_error_line
):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(learned_gate, "fit_learned", stopped)
        result = run_cli("train", data, *options, "--out", run)
    one_error_line(result, "interrupted", code=130)
    said = "stopped in the fit of the gate, which has no checkpoints; start it again with"
    assert f"{said}: tinygzsl train --resume {run}" in result.stderr
    result = run_cli("train", "--resume", run)
    assert result.exit_code == 0, result.output
    assert "the gate was not fitted to the end, so its folds start again" in result.stderr
