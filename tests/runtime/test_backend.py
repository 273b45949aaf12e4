import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tinygzsl.runtime.backend import array_module, cuda_status, device_module, to_device, to_host


class DeviceArray:
    """A stand-in for cupy.ndarray, with the one method that to_host calls."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def get(self):
        return self.values


@pytest.fixture
def fake_cupy(monkeypatch):
    """fake_cupy() puts a stand-in for cupy's arrays into sys.modules."""

    def install():
        cupy = SimpleNamespace(
            ndarray=DeviceArray,
            asarray=lambda x, dtype=None: DeviceArray(np.asarray(x, dtype)),
            ascontiguousarray=lambda x: x,
        )
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        return cupy

    return install


@pytest.fixture
def no_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # import cupy raises ModuleNotFoundError


@pytest.mark.wheel
def test_numpy_arrays_lists_and_scalars_belong_to_numpy(no_cupy):
    assert array_module(np.zeros(2), np.zeros(3)) is np
    assert array_module([1.0], 2.0) is np
    assert array_module() is np


def test_arrays_decide_the_module(fake_cupy):
    cupy = fake_cupy()
    assert array_module(DeviceArray([1])) is cupy
    assert array_module(DeviceArray([1]), DeviceArray([2])) is cupy
    assert array_module(np.zeros(1), np.zeros(1)) is np
    assert array_module() is np


def test_mixed_devices_are_refused(fake_cupy, sentence):
    fake_cupy()
    with sentence(TypeError, "different devices (numpy, cupy)", "to_device"):
        array_module(np.zeros(1), DeviceArray([1]))


def test_device_names(no_cupy, sentence):
    assert device_module("cpu") is np
    for name in ("gpu", "CPU", None):
        with sentence(ValueError, f"device is {name!r}", "'cpu' or 'cuda'"):
            device_module(name)


@pytest.mark.wheel
def test_cuda_without_cupy_says_what_to_install(no_cupy, sentence):
    usable, why = cuda_status()
    assert not usable
    assert "not installed" in why
    assert "pip install" in why
    with sentence(ValueError, "can't be used", why, "device='cpu'"):
        device_module("cuda")


def test_to_device_copies_only_where_it_must():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert to_device(x, np) is x
    assert to_device(x, np, dtype="float32") is x
    turned = to_device(x.T, np)
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, x.T)
    wide = to_device(x, np, dtype="float64")
    assert wide.dtype == np.float64
    assert np.array_equal(wide, x)


def test_arrays_move_to_the_device_and_back(fake_cupy):
    cupy = fake_cupy()
    there = to_device(np.array([1, 2]), cupy, dtype="float32")
    assert isinstance(there, DeviceArray)
    back = to_device(there, np)
    assert back.dtype == np.float32
    assert back.tolist() == [1, 2]


def test_to_host_returns_a_numpy_array_as_it_is(fake_cupy):
    fake_cupy()
    x = np.arange(3)
    assert to_host(x) is x
    assert to_host(DeviceArray([4, 5])).tolist() == [4, 5]
    assert to_host([1, 2]).tolist() == [1, 2]
