"""The emulator's launches: arguments, shapes, orders, flags, and what it says when it can't run."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ladder import compiler, emulator

pytestmark = pytest.mark.skipif(emulator.why_not() is not None, reason=str(emulator.why_not()))

SCALE = """\
extern "C" __global__ __launch_bounds__(256)
void scale(const float* __restrict__ x, float* __restrict__ out, const float by, const int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = by * x[i];
}
"""
TICKETS = """\
extern "C" __global__ void tickets(int* out, int* next) {
  out[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(next, 1);
}
"""


def read_only(x):
    x.flags.writeable = False
    return x


def scale_with(grid=(1,), block=(64,), shared_mem=0, **changes):
    """Calls the kernel with right arguments but for these changes."""
    arguments = {
        "x": np.ones(40, "float32"),
        "out": np.zeros(40, "float32"),
        "by": np.float32(3),
        "n": np.int32(40),
    }
    arguments.update(changes)
    kernel = emulator.Module(SCALE).get_function("scale")
    kernel(grid, block, tuple(arguments.values()), shared_mem=shared_mem)
    return arguments["out"]


def test_a_right_call():
    assert (scale_with() == 3).all()


def test_an_array_without_dimensions_is_a_pointer_too():
    out = scale_with(x=np.ones((), "float32"), out=np.zeros((), "float32"), n=np.int32(1))
    assert out == 3


REFUSED = [
    ({"by": 3.0}, "argument 2: float for a parameter of type float32; pass np.float32(...)"),
    ({"n": 40}, "argument 3: int for a parameter of type int32; pass np.int32(...)"),
    ({"by": np.float64(3)}, "argument 2: float64 for a parameter of type float32"),
    ({"n": np.int64(40)}, "argument 3: int64 for a parameter of type int32"),
    ({"n": np.uint32(40)}, "argument 3: uint32 for a parameter of type int32"),
    ({"by": np.ones((), "float32")}, "argument 2: ndarray for a parameter of type float32"),
    ({"x": np.ones(40)}, "argument 0: an array of float64 for a const pointer to float32"),
    ({"x": np.ones(40, "int32")}, "argument 0: an array of int32 for a const pointer to float32"),
    ({"x": [1.0] * 40}, "argument 0: list for a const pointer to float32; pass an array"),
    ({"x": np.float32(1)}, "argument 0: float32 for a const pointer to float32; pass an array"),
    ({"x": np.ones(80, "float32")[::2]}, "argument 0: an array of shape (40,) that is not C-cont"),
    ({"out": np.ones((8, 5), "float32").T}, "argument 1: an array of shape (5, 8) that is not"),
    ({"out": read_only(np.ones(40, "float32"))}, "argument 1: a read-only array"),
    ({"more": np.int32(1)}, "5 arguments for 4 parameters"),
    ({"block": (33,)}, "block (33, 1, 1) has 33 threads; kernels need whole warps of 32"),
    ({"block": (1024, 2)}, "block (1024, 2, 1) has 2048 threads; CUDA allows 1024"),
    ({"block": (2048,)}, "block is (2048,): 2048 is not an int from 1 to 1024"),
    ({"block": (0,)}, "block is (0,): 0 is not an int from 1 to 1024"),
    ({"grid": (0,)}, "grid is (0,): 0 is not an int from 1 to 2147483647"),
    ({"grid": (1, 65536)}, "grid is (1, 65536): 65536 is not an int from 1 to 65535"),
    ({"grid": (1, 1, 65536)}, "65536 is not an int from 1 to 65535"),
    ({"grid": (1.0,)}, "grid is (1.0,): 1.0 is not an int from 1"),
    ({"grid": 1}, "grid is 1, not a tuple of one to three numbers"),
    ({"grid": (1, 1, 1, 1)}, "grid is (1, 1, 1, 1), not a tuple of one to three numbers"),
    ({"shared_mem": 16}, "shared_mem is 16; kernels have static memory only"),
]


@pytest.mark.parametrize("changes, message", REFUSED)
def test_a_wrong_call_is_refused(changes, message):
    with pytest.raises(emulator.EmulatorError) as error:
        scale_with(**changes)
    assert str(error.value).startswith("scale: ")
    assert message in str(error.value)


def tickets(grid=4, block=64):
    """The turn of each thread."""
    out = np.full(grid * block, -1, "int32")
    kernel = emulator.Module(TICKETS).get_function("tickets")
    kernel((grid,), (block,), (out, np.zeros(1, "int32")))
    return out


def test_schedules_are_the_orders_of_their_names():
    threads = np.arange(256)
    np.testing.assert_array_equal(tickets(), threads)
    with emulator.schedule("backward"):
        np.testing.assert_array_equal(tickets(), threads[::-1])
    with emulator.schedule(0):
        np.testing.assert_array_equal(tickets(), threads)


def test_a_random_schedule_depends_on_its_seed():
    found = []
    for seed in (1, 1, 2):
        with emulator.schedule("random", seed):
            found.append(tickets())
    np.testing.assert_array_equal(np.sort(found[0]), np.arange(256))
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()
    blocks = found[0].reshape(4, 64).min(axis=1)
    assert (np.diff(blocks) < 0).any()


def test_one_block_runs_alone():
    with emulator.only_block(2):
        out = tickets().reshape(4, 64)
    np.testing.assert_array_equal(out[2], np.arange(64))
    assert (np.delete(out, 2, axis=0) == -1).all()


def test_a_block_outside_of_the_grid_is_refused():
    with (
        emulator.only_block(4),
        pytest.raises(emulator.EmulatorError, match="only_block is 4"),
    ):
        tickets()


def test_products_are_contracted_under_fma_only():
    code = """
      extern "C" __global__ void f(const float* a, float* out) { *out = a[0] * a[1] - a[2]; }
    """
    kernel = emulator.Module(code).get_function("f")
    a = np.array([1 + 2.0**-12, 1 + 2.0**-12, 1 + 2.0**-11], "float32")
    out = np.zeros(1, "float32")
    kernel((1,), (32,), (a, out))
    assert out[0] == 0
    if why := emulator.why_not("fma"):
        pytest.skip(why)
    with emulator.flags("fma"):
        kernel((1,), (32,), (a, out))
    assert out[0] == np.float32(2.0**-24)


def test_small_numbers_are_flushed_to_zero_under_fma_only():
    x = np.full(40, 1e-40, "float32")
    out = scale_with(x=x)
    assert (out == np.float32(1e-40) * np.float32(3)).all()
    assert (out > 0).all()
    if why := emulator.why_not("fma"):
        pytest.skip(why)
    with emulator.flags("fma"):
        assert (scale_with(x=x) == 0).all()
    assert (x * np.float32(3) > 0).all()  # the rest of the process keeps its rules


@pytest.mark.parametrize("name", ["address", "thread"])
def test_sanitizers_need_their_own_process(name):
    with (
        emulator.flags(name),
        pytest.raises(emulator.EmulatorError, match="need a process started by"),
    ):
        emulator.Module(SCALE)


def test_a_text_that_does_not_compile_is_refused_with_its_place():
    code = '#line 1 "adam.cu"\n' + SCALE.replace("by * x[i]", "__expf(x[i])")
    with pytest.raises(emulator.EmulatorError, match=r"adam\.cu:4:.*__expf"):
        emulator.Module(code)


def test_names_and_an_unknown_name():
    module = emulator.Module(SCALE + TICKETS)
    assert module.names == ["scale", "tickets"]
    with pytest.raises(emulator.EmulatorError, match="no kernel adam; there are scale, tickets"):
        module.get_function("adam")


def test_threads_may_compile_and_run_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler, "_cache", lambda: tmp_path)
    x = np.arange(40, dtype="float32")
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(scale_with, x=x, by=np.float32(k)) for k in range(12)]
    for k, result in enumerate(results):
        np.testing.assert_array_equal(result.result(), k * x)
    assert [file.suffix for file in tmp_path.iterdir()] == [".so", ".so"]  # text and engine


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setenv("CXX", "g++-of-nowhere")
    assert emulator.why_not() == (
        "g++-of-nowhere is not installed, so no kernel was emulated; install g++"
    )


def test_another_machine_is_named(monkeypatch):
    monkeypatch.setattr(compiler.platform, "machine", lambda: "aarch64")
    assert emulator.why_not() == "the emulator needs Linux on x86-64, not Linux on aarch64"
