"""The launch wrapper checks what CuPy doesn't and names the kernel; dispatch finds it."""

import re
from pathlib import Path

import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.kernels import dispatch, reference_only
from tinygzsl.kernels.cuda import launch


@pytest.fixture
def launched(device):
    """launched(kernel, *args) -> the names of what ran on the device."""
    from ladder import standin

    def run(kernel, *args):
        with standin.recorded(device) as log:
            kernel(*args)
        return [launch.name for launch in log.launches]

    return run


def matrix(device, rows=4, columns=6, dtype="float32"):
    return device.asarray(np.arange(rows * columns, dtype=dtype).reshape(rows, columns))


def test_every_declaration_is_understood():
    declared = launch.signatures("adam", "float32")["adam_update"]
    assert [p.name for p in declared[:2]] == ["p", "g"]
    assert [p.is_array for p in declared] == [True] * 4 + [False] * 6 + [True] + [False] * 2
    assert [str(p.dtype) for p in declared[8:]] == ["float32"] * 2 + ["int32"] * 2 + ["int64"]
    assert str(launch.signatures("router", "float64")["route_rows"][6].dtype) == "int8"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_contiguous_arrays_of_one_dtype_go_to_cuda(device, launched, dtype):
    x = matrix(device, dtype=dtype)
    assert launched(kernels.log_softmax_entropy, x) == ["log_softmax_entropy"]
    assert launched(kernels.squared_error, x, x, 0.5, 1.0) == ["squared_error", "total"]
    words = device.empty(5, "uint32")
    assert launched(kernels.philox_words, words, 1, 2, 3) == ["philox_words"]


def test_all_else_goes_to_the_reference(device, launched):
    x = matrix(device)
    for other in (x.T, x[:, ::2], x.astype("float16")):
        assert "log_softmax_entropy" not in launched(kernels.log_softmax_entropy, other)
    with reference_only():
        assert "log_softmax_entropy" not in launched(kernels.log_softmax_entropy, x)
    assert dispatch.is_reference_only() is False


def test_a_mix_of_host_and_device_is_refused(device, sentence):
    x = matrix(device)
    with sentence(TypeError, "arrays are on different devices", "to_device"):
        kernels.squared_error(x, x.get(), 0.5, 1.0)
    with sentence(TypeError, "numpy", "cupy"):
        kernels.gather_rows(x.get(), device.asarray([1]), matrix(device, 1))


def test_arguments_that_do_not_suit_the_declaration_are_refused(device, sentence):
    x, out = matrix(device), device.empty((), "float32")
    with sentence(TypeError, "total takes 4 arguments but got 3"):
        launch.launch("reduce", "total", (1,), (32,), x, out, 1.0)
    with sentence(TypeError, "total: x is a ndarray", "to_device"):
        launch.launch("reduce", "total", (1,), (32,), x.get(), out, 1.0, x.size)
    with sentence(TypeError, "total: out is float64 but float32 was expected"):
        launch.launch("reduce", "total", (1,), (32,), x, out.astype("float64"), 1.0, x.size)
    with sentence(TypeError, "total: x is not C-contiguous"):
        launch.launch("reduce", "total", (1,), (32,), x.T, out, 1.0, x.size)
    with sentence(TypeError, "gather_rows: rows is int32 but int64 was expected"):
        kernels.gather_rows(x, device.asarray([1], "int32"), matrix(device, 1))


def test_an_array_of_another_device_is_refused(device, monkeypatch, sentence):
    x = matrix(device)
    monkeypatch.setattr(device.cuda.runtime, "getDevice", lambda: 1)
    with sentence(TypeError, "total: x lies on device 0", "the current one is 1"):
        launch.launch("reduce", "total", (1,), (32,), x, device.empty((), "float32"), 1.0, x.size)


def test_scalars_are_packed_by_the_declaration(device):
    x, out = matrix(device), device.empty((), "float32")
    launch.launch("reduce", "total", (1,), (32,), x, out, np.float64(0.5), np.int64(x.size))
    assert out.get() == 0.5 * x.get().sum()


def test_scalars_that_are_kept_are_those_of_the_call(device):
    x, out = matrix(device), device.empty((), "float32")
    for scale in (0.5, 0.0, -0.0, 0.0, 2, 0.5):
        launch.launch("reduce", "total", (1,), (32,), x, out, scale, x.size)
        assert out.get() == scale * x.get().sum()
        assert np.signbit(out.get()) == np.signbit(scale)


def test_nothing_is_launched_for_no_elements(device, launched):
    empty = device.empty((0, 5), "float32")
    assert launched(kernels.log_softmax_entropy, empty) == []


def test_a_kernel_that_does_not_compile_is_named(device, monkeypatch, sentence):
    whole = launch.source
    monkeypatch.setattr(launch, "source", lambda *args: whole(*args) + "extern C;")
    out = device.empty((), "float32")
    with sentence(
        RuntimeError, "kernel total of kernels/cuda/reduce.cu", "can't be compiled", "cpu"
    ):
        launch.launch("reduce", "total", (1,), (32,), matrix(device), out, 1.0, 24)


def test_memory_that_runs_out_while_compiling_stays_a_memory_error(device, monkeypatch):
    def module(**kwargs):
        raise MemoryError("full")

    monkeypatch.setattr(device, "RawModule", module)
    with pytest.raises(MemoryError, match="full"):
        kernels.log_softmax_entropy(matrix(device))


def test_sizes_that_a_kernel_cannot_count_are_refused(device, sentence):
    x, out = matrix(device), device.empty((), "float32")
    with sentence(ValueError, "total: n is 2147483648, too large for int32"):
        launch.launch("reduce", "total", (1,), (32,), x, out, 1.0, 2**31)


def test_no_option_makes_arithmetic_inexact():
    assert launch.OPTIONS == ("--std=c++17",)


def test_memory_that_runs_out_in_the_driver_stays_the_driver_s_error(device, monkeypatch):
    error = device.cuda.driver.CUDADriverError("CUDA_ERROR_OUT_OF_MEMORY: out of memory")

    def module(**kwargs):
        raise error

    monkeypatch.setattr(device, "RawModule", module)
    with pytest.raises(device.cuda.driver.CUDADriverError):
        kernels.log_softmax_entropy(matrix(device))


@pytest.mark.parametrize(
    "path", sorted(Path(launch.__file__).parent.glob("*.cu")), ids=lambda p: p.stem
)
def test_places_in_matrices_are_counted_with_64_bits(path):
    """No test array has 2**31 elements, so the text itself is looked at."""
    text = path.read_text(encoding="utf-8")
    places = re.findall(r"(\(long long\))?\b(i|r) \* (2 \* n|3 \* n|[a-z]+)\b", text)
    assert all(wide for wide, *_ in places), places


@pytest.mark.parametrize("rows", [0, 1, 8, 9, 100_000, 20_000_000])
@pytest.mark.parametrize("columns", [1, 32, 33, 4096, 100_000])
def test_grids_cover_their_data_within_the_limits_of_cuda(rows, columns):
    (across, down), block = launch.tiles(rows, columns)
    assert across * block[0] >= columns
    assert (down == 0) == (rows == 0)
    assert down <= 65535
    (down, across), block = launch.strips(rows, columns)
    assert across * block[0] >= columns
    assert down * launch.STRIP >= rows
    assert down >= 1
    assert across <= 65535
    assert launch.warps(rows)[0][0] * launch.LINES >= rows
    assert launch.flat(rows * columns)[0][0] <= launch.BLOCKS
