"""The same on a real GPU: every kernel, the pipeline, the demo's data (`pytest -m gpu`)."""

import json

import numpy as np
import pytest
from ladder import checks, pipeline
from ladder.cases import CASES

import tinygzsl as tz
from tinygzsl import device_memory
from tinygzsl.backend import cuda_status, device_module

USABLE, REASON = cuda_status()

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not USABLE, reason=f"nothing was run on a GPU: {REASON}"),
    pytest.mark.filterwarnings("ignore:the classifier gets"),
    pytest.mark.filterwarnings("ignore:held-out real samples"),
]


@pytest.fixture
def cupy():
    return device_module("cuda")


@pytest.mark.parametrize("kernel", CASES)
def test_a_kernel_computes_its_definition(cupy, kernel):
    checks.run_all(cupy, [kernel])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fit_and_route_are_those_on_numpy(cupy, dtype):
    pipeline.assert_devices_agree(dtype)


def test_the_same_seed_gives_the_same_bits(cupy):
    training, _ = pipeline.letters()
    settings = {**pipeline.SETTINGS, "gan_max_epochs": 1, "device": "cuda"}
    first, second = (
        pipeline.arrays_of(tz.EntropySeparationGZSL(**settings).fit(*training)) for _ in range(2)
    )
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_features_in_pinned_memory_give_the_same_bits(cupy, monkeypatch):
    training, _ = pipeline.letters()
    settings = {**pipeline.SETTINGS, "gan_max_epochs": 1, "device": "cuda"}
    first = pipeline.arrays_of(tz.EntropySeparationGZSL(**settings).fit(*training))
    monkeypatch.setattr(device_memory, "SHARE", 0.0)
    with pytest.warns(UserWarning, match="stays in the host's memory"):
        model = tz.EntropySeparationGZSL(**settings).fit(*training)
    second = pipeline.arrays_of(model)
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_train_evaluate_and_load_on_the_cpu(cupy, tmp_path, run_cli):
    run = tmp_path / "run"
    trained = run_cli("train", "letters", "--device", "cuda", "--out", run, "--json")
    assert trained.exit_code == 0, trained.stderr
    assert json.loads((run / "manifest.json").read_text())["gpu"]
    evaluated = run_cli("evaluate", run, "--json")
    figures = json.loads(evaluated.stdout)
    assert figures["H"] > 0.35  # 0.417 on the CPU
    assert figures["auroc"] > 0.8
    data = tz.load_dataset("letters")
    test = data.X_test[::10], data.unseen_prototypes, data.unseen_classes
    ours, theirs = (tz.load_model(run / "model.npz", name).route(*test) for name in ("cpu", "cuda"))
    pipeline.assert_same_answers(ours, theirs, 1e-3)
