"""A run that fails on the GPU goes on without it, and models move between devices."""

import json
import re
import tomllib

import numpy as np
import pytest
from ladder import standin

from tinygzsl import kernels, load_model, vsmm
from tinygzsl.cwgan import CWGAN
from tinygzsl.storage import arrays_file

STEPS = 14  # of the CWGAN, after which the GPU fails
pytestmark = pytest.mark.filterwarnings("ignore:the classifier gets")  # of so little training


@pytest.fixture
def gpu():
    """The stand-in, with the definitions in place of emulated kernels."""
    with standin.installed() as cupy, kernels.reference_only():
        yield cupy


@pytest.fixture
def data(write_xlsa17, tmp_path):
    """A folder in the xlsa17 layout."""
    write_xlsa17(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def options(fast_options):
    """Options of a short training."""
    short = ("gan.critic_steps=2", "cs.low=1e-6", "proxy.from=pool")
    short += ("vsmm.epochs=4", "router.delta_high=1.3")
    sets = (part for s in short for part in ("--set", s))
    return [*fast_options, *sets, "--checkpoint-seconds", "0"]


@pytest.fixture
def failing(gpu, monkeypatch):
    """failing(error) makes training raise it after STEPS steps of a CWGAN on the GPU.

    It returns a list that gets the number of every step on the CPU.
    """
    step, on_cpu = CWGAN.train_step, []

    def install(error):
        def fail(self, x, *arrays):
            if self.step == STEPS and isinstance(x, gpu.ndarray):
                raise error
            if isinstance(x, np.ndarray):
                on_cpu.append(self.step)
            return step(self, x, *arrays)

        monkeypatch.setattr(CWGAN, "train_step", fail)
        return on_cpu

    return install


def weights(run):
    return arrays_file.read_npz(run / "model.npz", "model")[1]


def relative(one, other):
    return np.linalg.norm(one - other) / max(np.linalg.norm(other), 1e-30)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-3), ("float64", 1e-9)])
def test_a_run_that_was_out_of_memory_goes_on_on_the_cpu(
    run_cli, gpu, data, options, tmp_path, failing, dtype, tolerance
):
    options += ["--dtype", dtype]
    steps = failing(gpu.cuda.memory.OutOfMemoryError(2 * 10**9, 10**9))
    run = tmp_path / "run"
    result = run_cli("train", data, *options, "--device", "cuda", "--out", run)
    assert result.exit_code == 1, result.output
    *_, advice, error = result.stderr.strip().splitlines()
    assert advice == f"kept the CWGAN: tinygzsl train --resume {run} --device cpu continues"
    assert error.startswith("Error: the GPU is out of memory: 2.00 GB were asked for and ")
    assert "lower gan_batch" in error
    assert sorted(p.name for p in run.rglob("*") if p.is_file()) == ["config.toml", "gan.npz"]

    result = run_cli("train", "--resume", run, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert steps[0] == STEPS
    assert tomllib.loads((run / "config.toml").read_text())["device"] == "cpu"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["device"] == "cpu"
    assert "gpu" not in manifest

    whole = tmp_path / "whole"
    assert run_cli("train", data, *options, "--out", whole).exit_code == 0
    ours, theirs = weights(run), weights(whole)
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"classes"}:
        assert relative(ours[name], theirs[name]) < tolerance, name


def test_other_failures_of_the_gpu_end_in_one_sentence(
    run_cli, gpu, data, options, tmp_path, failing
):
    failing(gpu.cuda.runtime.CUDARuntimeError(719))
    result = run_cli("train", data, *options, "--device", "cuda", "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    *_, advice, error = result.stderr.strip().splitlines()
    assert advice.endswith("--device cpu continues")
    assert error.startswith("Error: CUDA failed (")


def test_resume_still_refuses_the_other_options(run_cli, tmp_path):
    result = run_cli("train", "--resume", tmp_path, "--device", "cpu", "--seed", "1")
    assert result.exit_code == 2
    assert "all but --set and --device" in result.stderr
    assert "leave out seed" in result.stderr


def test_a_manifest_names_the_gpu(run_cli, gpu, data, options, tmp_path):
    run = tmp_path / "run"
    result = run_cli("train", data, *options, "--device", "cuda", "--out", run)
    assert result.exit_code == 0, result.output
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["versions"]["cupy"] == gpu.__version__
    assert manifest["gpu"]["device"] == "Stand-in"
    assert manifest["gpu"]["compute_capability"] == "8.6"


@pytest.mark.parametrize("trained_on", ["cuda", "cpu"])
def test_a_saved_model_predicts_the_same_on_both_devices(
    gpu, tiny_dataset, small_model, tmp_path, trained_on
):
    tiny = tiny_dataset()
    model = small_model(
        device=trained_on, gan_max_epochs=2, gan_critic_steps=1, cs_low=1e-6, vsmm_epochs=4
    )
    model.fit(tiny.X_train, tiny.y_train, tiny.seen_prototypes)
    model.save(tmp_path / "model.npz")
    unseen = tiny.unseen_prototypes, tiny.unseen_classes
    expected, proxies = model.route(tiny.X_test, *unseen), model.sample_proxies(20)
    for device in (None, "cpu", "cuda"):
        loaded = load_model(tmp_path / "model.npz", device)
        assert loaded.device == (device or trained_on)
        found = loaded.route(tiny.X_test, *unseen)
        assert np.array_equal(found.label, expected.label)
        assert np.array_equal(found.route, expected.route)
        np.testing.assert_allclose(found.entropy, expected.entropy, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.score, expected.score, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(loaded.sample_proxies(20), proxies, rtol=1e-4, atol=1e-4)


def test_a_nan_on_the_gpu_stops_training_at_the_next_look_with_its_step(
    run_cli, gpu, data, options, tmp_path, monkeypatch
):
    step, last = CWGAN.train_step, []

    def planted(self, *arrays):
        if self.step == STEPS:
            self.generator.params[1][:] = float("nan")
        last.append(self.step + 1)
        return step(self, *arrays)

    monkeypatch.setattr(CWGAN, "train_step", planted)
    rare = [*options[:-2], "--set", "cs.high=0.9"]  # a checkpoint would be a look of its own
    run = tmp_path / "run"
    with np.errstate(all="ignore"):
        result = run_cli("train", data, *rare, "--device", "cuda", "--out", run)
    assert result.exit_code == 1, result.output
    error = result.stderr.strip().splitlines()[-1]
    assert f"the CWGAN diverged at step {STEPS + 1}: " in error
    assert error.endswith("there is no checkpoint of it yet")
    assert last[-1] == 20


def test_a_vsmm_goes_on_on_the_cpu(run_cli, gpu, data, options, tmp_path, monkeypatch):
    loss, steps = vsmm.vsmm_loss, []

    def fail(model, x, *arguments, **options):
        steps.append(isinstance(x, np.ndarray))
        if len(steps) == STEPS:
            raise gpu.cuda.runtime.CUDARuntimeError(719)
        return loss(model, x, *arguments, **options)

    monkeypatch.setattr(vsmm, "vsmm_loss", fail)
    run = tmp_path / "run"
    result = run_cli("train", data, *options, "--device", "cuda", "--out", run)
    assert result.exit_code == 1
    assert (run / "checkpoints" / "vsmm.npz").exists()
    assert run_cli("train", "--resume", run, "--device", "cpu").exit_code == 0
    assert not any(steps[:STEPS])
    assert all(steps[STEPS:])
    epochs = 4 * -(-70 // 16)
    assert len(steps) == STEPS + epochs - (STEPS - 1)


def test_a_nan_on_the_gpu_is_in_no_checkpoint(run_cli, gpu, data, options, tmp_path, monkeypatch):
    step = CWGAN.train_step

    def planted(self, *arrays):
        if self.step == STEPS:
            self.generator.params[1][:] = float("nan")
        return step(self, *arrays)

    monkeypatch.setattr(CWGAN, "train_step", planted)
    run = tmp_path / "run"
    result = run_cli("train", data, *options, "--device", "cuda", "--out", run)
    assert result.exit_code == 1, result.output
    state = arrays_file.read_npz(run / "checkpoints" / "gan.npz", "checkpoint")
    assert int(state.arrays["step"]) == STEPS
    assert all(np.isfinite(array).all() for array in state.arrays.values())


def test_a_divergence_within_an_epoch_says_the_same_on_both_devices(
    run_cli, gpu, data, options, tmp_path, monkeypatch
):
    loss, calls = vsmm.vsmm_loss, []

    def planted(model, *arguments, **options):
        terms, grads = loss(model, *arguments, **options)
        calls.append(terms)
        if len(calls) == 1:
            grads[0][0, 0] = float("nan")
        return terms, grads

    monkeypatch.setattr(vsmm, "vsmm_loss", planted)
    said = []
    for device in ("cpu", "cuda"):
        calls.clear()
        run = tmp_path / device
        with np.errstate(all="ignore"):
            result = run_cli("train", data, *options, "--device", device, "--out", run)
        assert result.exit_code == 1, result.output
        error = result.stderr.strip().splitlines()[-1]
        assert "the VSMM diverged in epoch 1, at step 1: f_v parameter 0 or its gradient" in error
        said.append([float(n) for n in re.findall(r"(?:ae|le|clf|loss) ([0-9.e+-]+)", error)])
        assert len(said[-1]) == 4
        assert len(calls) == 1
    np.testing.assert_allclose(*said, rtol=1e-3)


def test_a_divergence_at_the_end_of_an_epoch_says_the_means_of_its_rows(
    run_cli, gpu, data, options, tmp_path, monkeypatch
):
    """The last batch of 70 rows has 6: the epoch counts as 70 rows, not as 5 batches of 16."""
    loss, calls = vsmm.vsmm_loss, []

    def planted(model, x, y, *arguments, **options):
        terms, grads = loss(model, x, y, *arguments, **options)
        calls.append((float(terms["ae"]), len(y)))
        if len(calls) == 5:
            grads[0][0, 0] = float("nan")
        return terms, grads

    monkeypatch.setattr(vsmm, "vsmm_loss", planted)
    with np.errstate(all="ignore"):
        result = run_cli("train", data, *options, "--device", "cuda", "--out", tmp_path / "run")
    assert result.exit_code == 1, result.output
    error = result.stderr.strip().splitlines()[-1]
    assert "the VSMM diverged in epoch 1, at step 5: f_v parameter 0 or its gradient" in error
    values, rows = zip(*calls, strict=True)
    assert rows == (16, 16, 16, 16, 6)
    said = float(re.search(r"ae ([0-9.e+-]+)", error)[1])
    assert said == pytest.approx(np.average(values, weights=rows), rel=1e-3)
