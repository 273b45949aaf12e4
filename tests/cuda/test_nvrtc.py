"""NVRTC compiles every kernel for every architecture, and none needs more than a thread has."""

from pathlib import Path

import pytest
from ladder import nvrtc

from tinygzsl.kernels.cuda import launch

pytestmark = pytest.mark.skipif(bool(nvrtc.why_not()), reason=str(nvrtc.why_not()))

ARCHITECTURES = (70, 75, 80, 86, 89, 90, 100, 120)
OPTIONS = (*launch.OPTIONS, *nvrtc.CUPY_OPTIONS)
FILES = sorted(p.stem for p in Path(launch.__file__).parent.glob("*.cu") if p.stem != "common")


@pytest.mark.parametrize("dtype", launch.PRELUDES)
@pytest.mark.parametrize("file", FILES)
def test_kernels_compile_for_all_architectures_without_spills(file, dtype):
    declared = launch.signatures(file, dtype)
    for architecture in ARCHITECTURES:
        found = nvrtc.compile_text(launch.source(file, dtype), architecture, OPTIONS)
        assert found.keys() == declared.keys()
        for name, used in found.items():
            assert used.spills == used.stack == 0, (name, architecture, used)
            assert used.registers <= 128, (name, architecture, used)  # 512 threads of a block fit
            assert used.shared <= 48 << 10, (name, architecture, used)


@pytest.mark.wheel
def test_an_installed_kernel_compiles():
    found = nvrtc.compile_text(launch.source("reduce", "float32"), 90, launch.OPTIONS)
    assert set(found) == {"column_sums", "total"}


def test_a_spill_would_be_seen():
    code = """
extern "C" __global__ void __launch_bounds__(1024) many(double* x) {
  double held[200];
  #pragma unroll
  for (int i = 0; i < 200; i++) held[i] = x[i * 1024 + threadIdx.x];
  __syncthreads();
  #pragma unroll
  for (int i = 0; i < 200; i++) x[i * 1024 + threadIdx.x] = held[199 - i] * held[(i * 7) % 200];
}
"""
    assert nvrtc.compile_text(code, 80, launch.OPTIONS)["many"].spills > 0


def test_an_error_names_file_and_line():
    code = launch.source("hinge", "float32").replace("gap > 0", "gapp > 0")
    with pytest.raises(RuntimeError, match=r"hinge\.cu\(\d+\): error: identifier \"gapp\""):
        nvrtc.compile_text(code, 80, launch.OPTIONS)
