"""Which devices can be used, and why not: in words, with the fix."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from ladder import standin

from tinygzsl.runtime.backend import cuda_facts, cuda_status, device_module


class CUDARuntimeError(RuntimeError):
    pass


def fake_cupy(
    driver=12040, runtime=12090, devices=1, capability=(8, 6), nvrtc=(12, 9), library=None
):
    """A CuPy that answers the questions about its device; an exception is an answer, too."""

    def answer(value):
        def ask(*_):
            if isinstance(value, Exception):
                raise value
            return value

        return ask

    major, minor = capability
    properties = {"name": b"Test GPU", "major": major, "minor": minor}
    device = SimpleNamespace(id=0, mem_info=(6 * 10**9, 8 * 10**9))

    class Cuda(SimpleNamespace):
        cublas = property(answer(library))

    cuda = Cuda(
        Device=lambda: device,
        nvrtc=SimpleNamespace(getVersion=answer(nvrtc)),
        runtime=SimpleNamespace(
            CUDARuntimeError=CUDARuntimeError,
            driverGetVersion=answer(driver),
            runtimeGetVersion=answer(runtime),
            getDeviceCount=answer(devices),
            getDeviceProperties=answer(properties),
        ),
    )
    return SimpleNamespace(cuda=cuda, ndarray=type(None), __version__="99.1")


@pytest.fixture
def with_cupy(monkeypatch):
    """with_cupy(...) puts fake_cupy(...) into sys.modules."""
    return lambda **answers: monkeypatch.setitem(sys.modules, "cupy", fake_cupy(**answers))


MISSING = RuntimeError('Failure finding "libnvrtc.so.12":\n  No such file')

PROBLEMS = {
    "no driver": ({"driver": 0}, "there is no CUDA driver; install NVIDIA's driver"),
    "old driver": (
        {"driver": 11040},
        "the driver supports CUDA 11.4, but CuPy 99.1 needs 12.x; update the driver",
    ),
    "CuPy of the next CUDA": (
        {"driver": 12080, "runtime": 13000},
        "supports CUDA 12.8, but CuPy 99.1 needs 13.x; update the driver, or pip install "
        "'tinygzsl[cuda12x]' in its place",
    ),
    "no device": (
        {"devices": CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")},
        "the driver finds no GPU; look at nvidia-smi and at CUDA_VISIBLE_DEVICES",
    ),
    "0 devices": ({"devices": 0}, "the driver finds no GPU"),
    "an error": (
        {"devices": CUDARuntimeError("cudaErrorSystemNotReady:\n not ready")},
        "cupy fails: cudaErrorSystemNotReady: not ready; update the driver",
    ),
    "old device": (
        {"capability": (6, 1)},
        "Test GPU has compute capability 6.1, but 7.0 is needed; use a newer GPU",
    ),
    "no NVRTC": (
        {"nvrtc": MISSING},
        """a library of CUDA (Failure finding "libnvrtc.so.12": No such file); """
        "pip install 'cupy-cuda12x[ctk]'",
    ),
    "no cuBLAS": (
        {"runtime": 13000, "driver": 13000, "library": ImportError("no libcublasLt.so.13")},
        "(no libcublasLt.so.13); pip install 'cupy-cuda13x[ctk]'",
    ),
    "a device too old for CUDA 13": (
        {"nvrtc": (13, 0), "capability": (7, 0)},
        "CUDA 13 can't compile for Test GPU; pip install 'cupy-cuda12x[ctk]'",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_is_said_with_its_fix(with_cupy, sentence, run_cli, name):
    answers, words = PROBLEMS[name]
    with_cupy(**answers)
    usable, reason = cuda_status()
    assert not usable
    assert words in reason
    assert "\n" not in reason
    with sentence(ValueError, "device 'cuda' can't be used", words, "pass device='cpu'"):
        device_module("cuda")
    assert f"cuda      not usable: {reason}" in run_cli("info").stdout
    assert json.loads(run_cli("info", "--json").stdout)["cuda"] == {
        "usable": False,
        "reason": reason,
    }


@pytest.mark.parametrize("driver", [12000, 12090, 13000])
def test_any_driver_from_the_same_major_version_on_will_do(with_cupy, driver):
    with_cupy(driver=driver)
    assert cuda_status() == (True, "Test GPU")


def test_a_broken_cupy_is_told_from_none(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('libcuda.so\\n is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    usable, reason = cuda_status()
    assert not usable
    assert reason.startswith("cupy can't be imported: libcuda.so is missing; pip install")


def test_a_usable_device_is_described(with_cupy, run_cli):
    with_cupy()
    usable, facts = cuda_facts()
    assert usable
    assert facts == {
        "device": "Test GPU",
        "compute_capability": "8.6",
        "memory_free": 6 * 10**9,
        "memory_total": 8 * 10**9,
        "cupy": "99.1",
        "driver": "12.4",
        "runtime": "12.9",
        "nvrtc": "12.9",
    }
    assert json.loads(run_cli("info", "--json").stdout)["cuda"] == {"usable": True, **facts}
    text = run_cli("info").stdout
    assert "usable, Test GPU, compute capability 8.6, 6.00 GB of 8.00 GB free" in text
    assert "CuPy 99.1 for CUDA 12.9, driver for CUDA 12.4" in text


def test_info_says_which_kernels_the_cpu_has(run_cli):
    facts = json.loads(run_cli("info", "--json").stdout)
    assert facts["cpu"]["usable"] is True
    assert f"cpu       usable, kernels by {facts['cpu']['kernels']}" in run_cli("info").stdout


def test_the_stand_in_is_a_usable_device():
    with standin.installed() as cupy:
        assert device_module("cuda") is cupy
        assert cuda_status()[0]
    assert device_module("cpu") is np
