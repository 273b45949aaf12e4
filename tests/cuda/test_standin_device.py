"""The stand-in for CuPy as a device: what it counts, its memory, its kernels and its failures."""

import gc
from pathlib import Path

import numpy as np
import pytest
from ladder import emulator, standin

from tinygzsl.runtime import labels

DOUBLE = """
extern "C" __global__ void twice(const float* __restrict__ x, float* y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = 2.0f * x[i];
}
"""


@pytest.fixture
def cupy():
    with standin.installed() as module:
        yield module


def test_launches_of_a_known_sequence(cupy):
    a = cupy.asarray(np.ones((4, 8), np.float32))
    b = cupy.asarray(np.ones((8, 2), np.float32))
    index = cupy.asarray(np.array([1, 3]))
    with standin.recorded(cupy) as log:
        product = a @ b
        product += 1
        product.sum(axis=0)
        a[index]
        cupy.where(a > 0, a, cupy.zeros(8, "float32"))
        a[1:3] = 0
        product[:, 0] += product[:, 1]
    assert log.launches == [
        ("matmul", 128 + 64, 32, 2 * 4 * 8 * 2, ()),
        ("add", 32, 32, 8, ()),
        ("sum", 32, 8, 8, ()),
        ("gather", 16 + 64, 64, 16, ()),
        ("gt", 128, 32, 32, ()),
        ("fill", 0, 32, 8, ()),
        ("where", 32 + 128 + 32, 128, 32, ()),
        ("copy", 0, 64, 16, ()),
        ("add", 32, 16, 4, ()),
    ]
    assert (log.to_device, log.to_host, log.syncs) == ([], [], [])


def test_views_launch_nothing(cupy):
    a = cupy.asarray(np.ones((4, 8), np.float32))
    with standin.recorded(cupy) as log:
        a[1:, ::2], a[0], a[:, None], a.T, a.reshape(8, 4), a.ravel()
        (
            cupy.ascontiguousarray(a),
            cupy.asarray(a),
            cupy.split(a, 2),
            cupy.broadcast_to(a, (2, 4, 8)),
        )
        a.astype("float32", copy=False), list(a), cupy.empty(3)
    assert log.launches == []
    with standin.recorded(cupy) as log:
        cupy.ascontiguousarray(a.T), a.T.reshape(-1), a.astype("float32")
    assert [launch.name for launch in log.launches] == ["ascontiguousarray", "reshape", "astype"]


def test_copies_and_waiting(cupy):
    with standin.recorded(cupy) as log:
        a = cupy.asarray(np.ones(6, np.float32))
        cupy.asarray(1, a.dtype)
        a.set(np.zeros(6, np.float32))
        a.get()
        float(a[0])
        cupy.asnumpy(a[:2])
    assert (log.to_device, log.to_host) == ([24, 4, 24], [24, 4, 8])
    assert [s.what for s in log.syncs] == ["get", "float", "get"]
    with standin.recorded(cupy) as log:
        int(a.sum()), bool(a.any()), a[0].item(), f"{a[0]:.1f}", a.tolist()
        a[a > 0], a.nonzero(), cupy.unique(a), cupy.where(a > 0)
        a[a > 0] = 1
        cupy.cuda.get_current_stream().synchronize()
        cupy.cuda.Device().synchronize()
    assert [s.what for s in log.syncs] == [
        *("int", "bool", "item", "format", "tolist"),
        *("boolean mask", "nonzero", "unique", "where", "boolean mask"),
        *("synchronize", "synchronize"),
    ]
    assert all(s.place.startswith("cuda/test_standin_device.py:") for s in log.syncs)


def test_an_event_waits_only_once_it_is_recorded(cupy):
    event = cupy.cuda.Event(disable_timing=True)
    with standin.recorded(cupy) as log:
        event.synchronize()
        event.record()
        event.synchronize()
    assert [s.what for s in log.syncs] == ["event"]


def test_the_place_is_the_line_of_tinygzsl_behind_the_go_between(cupy):
    with standin.recorded(cupy) as log:
        labels.check_labels("y", cupy.zeros(3, "int64"), rows=3)
    (sync,) = log.syncs
    file, _, line = sync.place.partition(":")
    assert file == "runtime/labels.py"
    assert "to_host(y)" in Path(labels.__file__).read_text().splitlines()[int(line) - 1]


def test_memory_is_counted_and_given_back():
    with standin.installed(memory=10_240) as cupy:
        pool = cupy.get_default_memory_pool()
        a = cupy.zeros(256, "float32")
        b, view = a + 1, a[3:]
        assert (pool.used_bytes(), pool.free_bytes()) == (2048, 0)
        small = cupy.zeros(1)
        assert pool.used_bytes() == 2560
        assert cupy.cuda.Device().mem_info == (10_240 - 2560, 10_240)
        del a, b, small
        gc.collect()
        assert (pool.used_bytes(), pool.free_bytes()) == (1024, 1536)
        assert cupy.cuda.Device().mem_info[0] == 10_240 - 2560
        pool.free_all_blocks()
        assert cupy.cuda.Device().mem_info[0] == 10_240 - 1024
        del view
        assert pool.total_bytes() == 1024


def test_out_of_memory_is_cupys_error():
    with standin.installed(memory=4096) as cupy:
        kept = cupy.zeros(512, "float32")
        for ask in (lambda: cupy.empty(513, "float32"), lambda: cupy.concatenate([kept, kept])):
            with pytest.raises(cupy.cuda.memory.OutOfMemoryError) as caught:
                ask()
            error = caught.value
            assert isinstance(error, MemoryError)
            assert error._total == 2048
        assert (error._size, error._limit) == (4096, 0)
        assert str(error) == (
            "Out of memory allocating 4,096 bytes (allocated so far: 2,048 bytes)."
        )
        cupy.empty(512, "float32")  # takes the place of what has been freed
        cupy.empty(512, "float32")
        cupy.get_default_memory_pool().set_limit(2048)
        with pytest.raises(MemoryError, match="limit set to: 2,048 bytes"):
            cupy.empty(1)


def test_pinned_memory_is_the_hosts(cupy):
    pinned = cupy.cuda.alloc_pinned_memory(64)
    host = np.frombuffer(pinned, np.float32, 16)
    host[:] = np.arange(16)
    memory = cupy.cuda.UnownedMemory(pinned.ptr, 64, pinned)
    a = cupy.ndarray((3, 4), "float32", cupy.cuda.MemoryPointer(memory, 16))
    assert a.get().tolist() == [[4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]
    assert isinstance(a[1:].data.mem, cupy.cuda.UnownedMemory)
    assert not isinstance((a + 1).data.mem, cupy.cuda.UnownedMemory)
    a *= 2
    assert host[15] == 30
    assert cupy.get_default_memory_pool().used_bytes() == 0
    with pytest.raises(ValueError, match="not inside 64 bytes"):
        cupy.ndarray((4, 4), "float32", cupy.cuda.MemoryPointer(memory, 4))
    page = cupy.cuda.PinnedMemory(32)
    memory = cupy.cuda.UnownedMemory(page.ptr, page.size, page)
    b = cupy.ndarray(8, "float32", cupy.cuda.MemoryPointer(memory, 0))
    b[...] = a.ravel()[:8]
    del page, memory
    gc.collect()
    assert b.sum().item() == 2 * sum(range(4, 12))


@pytest.mark.skipif(emulator.why_not() is not None, reason=str(emulator.why_not()))
def test_kernels_run_in_the_emulator(cupy):
    kernel = cupy.RawModule(code=DOUBLE, options=("--std=c++17",)).get_function("twice")
    x, y = cupy.arange(100, dtype="float32"), cupy.zeros(101, "float32")
    with standin.recorded(cupy) as log:
        kernel((4,), (32,), (x, y[1:], np.int32(100)))
    assert y.get().tolist() == [0, *range(0, 200, 2)]
    assert log.launches == [("twice", 0, 0, 0, (400, 400))]
    for wrong in (100, 1.0, np.int64(100), np.float32(1)):
        with pytest.raises(emulator.EmulatorError, match="int32"):
            kernel((4,), (32,), (x, y, wrong))
    with pytest.raises(TypeError, match="host memory"):
        kernel((4,), (32,), (x.get(), y, np.int32(100)))
    with pytest.raises(emulator.EmulatorError, match="grid"):
        kernel((0,), (32,), (x, y, np.int32(100)))


@pytest.mark.skipif(emulator.why_not() is not None, reason=str(emulator.why_not()))
def test_kernels_that_do_not_compile_or_are_not_there(cupy):
    broken = cupy.RawModule(code=DOUBLE.replace("2.0f", "two"))  # compiled when first needed
    with pytest.raises(cupy.cuda.compiler.CompileException, match="two"):
        broken.get_function("twice")
    with pytest.raises(RuntimeError, match="named symbol not found"):
        cupy.RawModule(code=DOUBLE).get_function("thrice")
    with pytest.raises(TypeError, match="tuple"):
        cupy.RawModule(code=DOUBLE, options=["--std=c++17"])


def test_failing_on_purpose(cupy):
    a = cupy.zeros(3)
    error = cupy.cuda.runtime.CUDARuntimeError("cudaErrorIllegalAddress: an illegal access")
    with standin.fail_after(cupy, 2, error):
        a += 1
        b = a * 2
        with pytest.raises(RuntimeError, match="cudaErrorIllegalAddress"):
            a += 1
        a += b
    assert a.get().tolist() == [3, 3, 3]
    with standin.fail_after(cupy, 0, error):
        pass
    a += 1


def test_many_arrays_are_joined_by_a_copy_from_the_host(cupy):
    parts = [cupy.ones(3) for _ in range(9)]
    with standin.recorded(cupy) as log:
        cupy.concatenate(parts[:8])
        assert log.to_device == []
        cupy.stack(parts)
    assert log.to_device == [9 * 8]
