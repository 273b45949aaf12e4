"""The sanitizers find planted faults in kernels, at their lines, and nothing in right ones."""

import sys

import pytest
from ladder import sanitize

REVERSE = """
#line 1 "reverse.cu"
extern "C" __global__ void reverse(const float* x, float* out, int* count) {
  __shared__ float tile[64];
  const int i = threadIdx.x;
  tile[i] = x[i];
  __syncthreads();
  float sum = tile[63 - i];
  __syncthreads();
  tile[i] = sum;
  __syncthreads();
  sum += tile[63 - i] + __shfl_xor_sync(0xffffffffu, sum, 1);
  out[64 * blockIdx.x + i] = sum;
  atomicAdd(count, 1);
}
"""
SCRIPT = """
import sys
import numpy as np
from ladder import emulator

x, out, count = np.arange(64, dtype="float32"), np.zeros(192, "float32"), np.zeros(1, "int32")
kernel = emulator.Module(sys.argv[1]).get_function("reverse")
with emulator.schedule(sys.argv[2]):
    kernel((3,), (64,), (x, out, count))
i = np.arange(192) % 64
assert len(sys.argv) > 3 or (out == i + (63 - i) + (63 - (i ^ 1))).all()
assert count[0] == 192
"""


@pytest.fixture
def run(tmp_path):
    """run(kind, before, after): the kernel with that change under that sanitizer."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")

    def change_and_run(kind, before="", after="", order="forward"):
        if why := sanitize.why_not(kind):
            pytest.skip(why)
        assert before in REVERSE
        changed = ["changed"] if before else []
        code = REVERSE.replace(before, after, 1)
        return sanitize.run(kind, script, code, order, *changed)

    return change_and_run


@pytest.mark.parametrize("kind", ["thread", "address"])
def test_a_right_kernel_is_clean(run, kind):
    for order in ("forward", "random"):
        assert run(kind, order=order) == (False, "", "")


RACES = {
    "the first barrier": ("= x[i];\n  __syncthreads();", "= x[i];\n", 4, 6),
    "the second barrier": ("[63 - i];\n  __syncthreads();", "[63 - i];\n", 6, 8),
    "a barrier of the warp only": ("= x[i];\n  __syncthreads();", "= x[i];\n  __syncwarp();", 4, 6),
    "two threads, one place": ("64 * blockIdx.x + i", "64 * blockIdx.x + i / 2", 11, 11),
    "no atomic": ("atomicAdd(count, 1)", "*count += 1", 12, 12),
}


@pytest.mark.parametrize(
    "name, order", [*((name, "forward") for name in RACES), ("the second barrier", "backward")]
)
def test_a_race_is_found_at_its_lines(run, name, order):
    before, after, *lines = RACES[name]
    found = run("thread", before, after, order)
    assert found.found
    assert "data race" in found.report
    for line in lines:
        assert f"reverse.cu:{line} " in found.report


OUT_OF_BOUNDS = {
    "a read": ("= x[i]", "= x[i + 1]", ("heap-buffer-overflow", "READ of size 4", "cu:4")),
    "a write": ("64 * blockIdx.x + i", "64 * blockIdx.x + i + 1", ("WRITE of size 4", "cu:11")),
    "shared memory": ("tile[i] = sum", "tile[i + 1] = sum", ("index 64 out of bounds", "cu:8")),
    "shared memory by a pointer": (
        "float sum = tile[63 - i]",
        'float* p = tile; asm volatile("" : "+r"(p)); float sum = p[64 - i]',
        ("global-buffer-overflow", "cu:6"),
    ),
}


@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
def test_an_access_out_of_bounds_is_found_at_its_line(run, name):
    before, after, texts = OUT_OF_BOUNDS[name]
    found = run("address", before, after)
    assert found.found
    for text in texts:
        assert text in found.report


def test_a_script_that_fails_is_no_clean_result(tmp_path):
    if why := sanitize.why_not("address"):
        pytest.skip(why)
    script = tmp_path / "script.py"
    script.write_text("assert 1 == 2, 'no sum'\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="no sum"):
        sanitize.run("address", script)


def test_a_sanitizer_that_is_missing_is_named(monkeypatch):
    if sys.platform != "linux":
        pytest.skip("the sanitizers are looked for on Linux only")
    monkeypatch.setitem(sanitize.LIBRARIES, "other", "libother.so")
    assert "libother.so is not installed" in sanitize.why_not("other")
