"""The same on a real GPU: every kernel, the pipeline, the demo's data (`pytest -m gpu`)."""

import json

import numpy as np
import pytest
from ladder import checks, pipeline
from ladder.cases import CASES

import tinygzsl as tz
from tinygzsl import kernels
from tinygzsl.kernels.cuda import launch
from tinygzsl.nn import device_memory
from tinygzsl.runtime.backend import cuda_status, device_module

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


def test_memory_that_is_not_there(cupy, sentence):
    with sentence(MemoryError, "were asked for", "are free; lower it"):  # noqa: SIM117
        with device_memory.device_errors("lower it"):
            cupy.empty(1 << 50, "uint8")


def test_a_kernel_that_does_not_compile(cupy, monkeypatch, sentence):
    whole = launch.source
    monkeypatch.setattr(launch, "source", lambda *args: whole(*args) + "extern C;")
    launch._module.cache_clear()
    launch._compiled.cache_clear()
    try:
        with sentence(RuntimeError, "kernel total of kernels/cuda/reduce.cu", "can't be compiled"):
            out = cupy.empty((), "float32")
            launch.launch("reduce", "total", (1,), (32,), cupy.ones(3, "float32"), out, 1.0, 3)
    finally:
        launch._module.cache_clear()
        launch._compiled.cache_clear()


def test_a_nan_is_flagged_with_its_step(cupy):
    p, flag = cupy.full(1000, np.nan, "float32"), cupy.zeros(1, "int32")
    moments = [cupy.zeros_like(p) for _ in range(3)]
    for step in (7, 8):
        kernels.adam_update(p, *moments, 0.1, 0.5, 0.9, 1e-8, flag, step)
    assert int(flag[0]) == 7


def test_a_run_goes_on_without_the_gpu(cupy, tmp_path, run_cli):
    run = tmp_path / "run"
    failed = run_cli(
        *("train", "letters", "--device", "cuda", "--out", run),
        *("--set", "gan.max_epochs=1", "--set", "cs.low=0.3", "--set", "cs.high=0.9"),
    )
    assert "no snapshot has" in failed.stderr
    resumed = run_cli(
        *("train", "--resume", run, "--device", "cpu"),
        *("--set", "gan.max_epochs=20", "--set", "vsmm.epochs=1"),
    )
    assert resumed.exit_code == 0, resumed.stderr
    assert json.loads((run / "manifest.json").read_text())["device"] == "cpu"


def test_the_demo(cupy, run_cli):
    shown = run_cli("demo", "--device", "cuda", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["separation"]["H"] > 0.35


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
