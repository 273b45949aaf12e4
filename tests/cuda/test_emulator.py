"""The emulator runs right kernels in any order, and notices wrong ones."""

import numpy as np
import pytest
from ladder import emulator

pytestmark = pytest.mark.skipif(emulator.why_not() is not None, reason=str(emulator.why_not()))

SCHEDULES = [("forward", 1), ("backward", 1), ("random", 1), ("random", 2)]

ROW_SUMS = """\
extern "C" __global__ void row_sums(const float* __restrict__ x, float* out, int n) {
  __shared__ float parts[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float sum = 0;
  for (int j = threadIdx.x; j < n; j += blockDim.x) sum += x[blockIdx.x * n + j];
  #pragma unroll
  for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
  if (lane == 0) parts[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    sum = lane < blockDim.x / 32 ? parts[lane] : 0.0f;
    for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
    if (lane == 0) out[blockIdx.x] = sum;
  }
}
"""


def row_sums(code):
    """The sums of three rows by this text, and the right ones."""
    x = np.random.default_rng(0).standard_normal((3, 300)).astype("float32")
    out = np.zeros(3, "float32")
    kernel = emulator.Module(code).get_function("row_sums")
    kernel((3,), (128,), (x, out, np.int32(300)))
    return out, x.sum(axis=1)


def run(body, *arrays, block=(32,), grid=(1,), types=None):
    """Runs a kernel with this body on the arrays, which it calls a, b and so on."""
    names = {"float32": "float", "float64": "double", "int32": "int", "uint32": "unsigned int"}
    types = types or [names[str(array.dtype)] for array in arrays]
    parameters = ", ".join(f"{t}* {n}" for t, n in zip(types, "abcdef", strict=False))
    code = f'extern "C" __global__ void kernel({parameters}) {{\n{body}\n}}\n'
    emulator.Module(code).get_function("kernel")(grid, block, arrays)


@pytest.mark.parametrize("order, seed", SCHEDULES)
@pytest.mark.parametrize("flags", ["plain", "fma"])
def test_a_right_kernel_is_right_in_any_order(order, seed, flags):
    if why := emulator.why_not(flags):
        pytest.skip(why)
    with emulator.schedule(order, seed), emulator.flags(flags):
        out, expected = row_sums(ROW_SUMS)
    np.testing.assert_allclose(out, expected, rtol=1e-5)


WRONG_RESULTS = {
    "no barrier": ("__syncthreads();", ""),
    "a barrier of the warp only": ("__syncthreads();", "__syncwarp();"),
    "half a reduction": ("int d = 16", "int d = 8"),
    "shared memory read before it is written": ("lane < blockDim.x / 32 ?", "lane < 32 ?"),
    "one column too few": ("j < n", "j < n - 1"),
}


@pytest.mark.parametrize("name", WRONG_RESULTS)
def test_a_wrong_kernel_gives_a_wrong_result(name):
    before, after = WRONG_RESULTS[name]
    assert before in ROW_SUMS
    out, expected = row_sums(ROW_SUMS.replace(before, after))
    assert not np.allclose(out, expected, rtol=1e-3)


def test_memory_that_nobody_wrote_is_nan_again_in_each_block():
    out = np.zeros((2, 32), "float32")
    body = """
      __shared__ float s[32];
      a[32 * blockIdx.x + threadIdx.x] = s[threadIdx.x];
      s[threadIdx.x] = 1.0f;
    """
    run(body, out, grid=(2,))
    assert np.isnan(out).all()


ERRORS = {
    "half a mask": (
        ("0xffffffffu", "0x0000ffffu"),
        "calls __shfl_xor_sync (kernel.cu:7), but the calling lane is not in its own mask "
        "(mask 0000ffff)",
    ),
    "a return before a barrier": (
        ("float sum = 0;", "float sum = 0; if (warp == 2) return;"),
        "thread (0, 0, 0) of block (0, 0, 0) waits at __syncthreads (kernel.cu:9), but "
        "thread (95, 0, 0) has returned",
    ),
    "a return before a shuffle": (
        ("float sum = 0;", "float sum = 0; if (blockIdx.x == 1 && threadIdx.x == 70) return;"),
        "thread (64, 0, 0) of block (1, 0, 0) waits at __shfl_xor_sync (kernel.cu:7), but "
        "thread (70, 0, 0) has returned",
    ),
    "a barrier in a branch": (
        ("__syncthreads();", "if (warp == 0) __syncthreads(); else __syncthreads();"),
        "waits at __syncthreads (kernel.cu:9), but thread (127, 0, 0) waits at __syncthreads "
        "(kernel.cu:9)",
    ),
    "a shuffle where half the warp is at a barrier": (
        ("if (lane == 0) parts", "if (lane > 9) __syncwarp(); else __syncthreads(); parts"),
        "thread (10, 0, 0) of block (0, 0, 0) waits at __syncwarp (kernel.cu:8), but "
        "thread (0, 0, 0) waits at __syncthreads (kernel.cu:8)",
    ),
    "two shuffles at once": (
        ("__syncthreads();", "if (lane < 3) __syncwarp(); else __any_sync(0xffffffffu, 1);"),
        "is at __syncwarp (kernel.cu:9) with mask ffffffff, but lane 3 is at __any_sync "
        "(kernel.cu:9) with mask ffffffff",
    ),
    "a lane that is not in the mask": (
        ("__syncthreads();", "if (lane < 8) __shfl_down_sync(0x000000ffu, sum, 1);"),
        "thread (7, 0, 0) of block (0, 0, 0) reads lane 8 at __shfl_down_sync (kernel.cu:9), "
        "which is not in the mask 000000ff",
    ),
    "an odd width": (
        ("sum, d)", "sum, d, 24)"),
        "calls __shfl_xor_sync (kernel.cu:7), but the width is no power of two up to 32",
    ),
    "a distance of 32": (
        ("sum, d)", "sum, 2 * d)"),
        "calls __shfl_xor_sync (kernel.cu:7), but the distance between lanes is not within 0",
    ),
    "a stack overflow": (
        ("float sum = 0;", "float sum = 0; volatile char s[66000]; for (auto& c : s) c = 0;"),
        "thread (0, 0, 0) of block (0, 0, 0) has overflowed its stack",
    ),
    "too much shared memory": (
        ("parts[32]", "parts[12289]"),
        "have 49156 bytes of shared memory; the limit is 49152",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_wrong_kernel_is_refused_with_its_place(name):
    (before, after), message = ERRORS[name]
    assert before in ROW_SUMS
    with pytest.raises(emulator.EmulatorError) as error:
        row_sums(ROW_SUMS.replace(before, after))
    assert str(error.value).startswith("row_sums: ")
    assert message in str(error.value)


def test_a_kernel_runs_again_after_an_error():
    code = ROW_SUMS.replace("float sum = 0;", "float sum = 0; if (n < 0 && lane == 1) return;")
    kernel = emulator.Module(code).get_function("row_sums")
    x, out = np.ones((1, 64), "float32"), np.zeros(1, "float32")
    with pytest.raises(emulator.EmulatorError, match="has returned"):
        kernel((1,), (64,), (x, out, np.int32(-1)))
    kernel((1,), (64,), (x, out, np.int32(64)))
    assert out[0] == 64


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_shuffles_move_numbers_between_lanes(dtype):
    x = (np.arange(32) * 12345678.9).astype(dtype)
    out = np.zeros((5, 32), dtype)
    body = """
      const int i = threadIdx.x;
      b[i] = __shfl_sync(0xffffffffu, a[i], 3, 8);
      b[32 + i] = __shfl_up_sync(0xffffffffu, a[i], 5);
      b[64 + i] = __shfl_down_sync(0xffffffffu, a[i], 2, 16);
      b[96 + i] = __shfl_xor_sync(0xffffffffu, a[i], 7);
      b[128 + i] = __shfl_sync(0xffffffffu, a[i], i + 1);
    """
    run(body, x, out)
    i = np.arange(32)
    sources = [i // 8 * 8 + 3, np.where(i < 5, i, i - 5), np.where(i % 16 < 14, i + 2, i)]
    sources += [i ^ 7, (i + 1) % 32]
    np.testing.assert_array_equal(out, x[np.stack(sources)])


def test_votes_see_all_lanes():
    out = np.zeros((32, 3), "uint32")
    body = """
      const int i = threadIdx.x;
      a[3 * i] = __ballot_sync(0xffffffffu, i % 3 == 0);
      a[3 * i + 1] = __any_sync(0xffffffffu, i == 31);
      a[3 * i + 2] = __all_sync(0xffffffffu, i < 31);
    """
    run(body, out)
    ballot = sum(1 << i for i in range(0, 32, 3))
    np.testing.assert_array_equal(out, np.tile(np.array([ballot, 1, 0], "uint32"), (32, 1)))


def test_atomics():
    counts, sums, doubles = np.zeros(4, "int32"), np.zeros(1, "float32"), np.zeros(1, "float64")
    body = """
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      atomicAdd(&a[0], 2);
      atomicMax(&a[1], i * 7 % 100);
      if (atomicCAS(&a[2], 0, i + 1) == 0) atomicAdd(&a[3], 1);
      atomicAdd(&b[0], 0.5f);
      atomicAdd(&c[0], 0.25);
    """
    with emulator.schedule("backward"):
        run(body, counts, sums, doubles, grid=(2,), block=(64,))
    assert counts.tolist() == [256, 99, 128, 1]
    assert (sums[0], doubles[0]) == (64, 32)


def test_grids_and_blocks_have_three_dimensions():
    out = np.zeros((3 * 2 * 2, 64, 6), "int32")
    body = """
      const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
      const int i = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
      int* o = a + 6 * (64 * block + i);
      o[0] = blockIdx.x; o[1] = blockIdx.y; o[2] = blockIdx.z;
      o[3] = threadIdx.x; o[4] = threadIdx.y; o[5] = threadIdx.z;
    """
    with emulator.schedule("random"):
        run(body, out, grid=(3, 2, 2), block=(8, 4, 2))
    expected = np.indices((2, 2, 3, 2, 4, 8))[[2, 1, 0, 5, 4, 3]].reshape(6, -1).T
    np.testing.assert_array_equal(out.reshape(-1, 6), expected)
