"""Whether an imported CuPy can use a GPU, and which GPU it is.

The functions take the module cupy as an argument, as only backend.py imports it.
"""

from __future__ import annotations

from typing import Any

from .array import CuPy

LEAST_CAPABILITY = (7, 0)  # the oldest that kernels/cuda/*.cu are written for


def why_unusable(cupy: CuPy) -> str | None:
    """Return why CuPy can't compute here, with the fix, or None if it can.

    Problems without a known fix raise CuPy's own errors.
    """
    return _driver_problem(cupy) or _device_problem(cupy) or _library_problem(cupy)


def device_facts(cupy: CuPy) -> dict[str, Any]:
    """Return name, compute capability, memory in bytes and software versions of the device."""
    runtime, device = cupy.cuda.runtime, cupy.cuda.Device()
    properties = runtime.getDeviceProperties(device.id)
    free, total = device.mem_info
    major, minor = cupy.cuda.nvrtc.getVersion()
    return {
        "device": _name(properties),
        "compute_capability": f"{properties['major']}.{properties['minor']}",
        "memory_free": int(free),
        "memory_total": int(total),
        "cupy": cupy.__version__,
        "driver": _version(runtime.driverGetVersion()),
        "runtime": _version(runtime.runtimeGetVersion()),
        "nvrtc": f"{major}.{minor}",
    }


def _driver_problem(cupy: CuPy) -> str | None:
    driver = cupy.cuda.runtime.driverGetVersion()
    built_for = cupy.cuda.runtime.runtimeGetVersion()
    if driver == 0:
        return "there is no CUDA driver; install NVIDIA's driver for the GPU"
    if driver // 1000 >= built_for // 1000:  # drivers of a major version support all its minors
        return None
    other = ", or pip install 'tinygzsl[cuda12x]' in its place" if driver >= 12000 else ""
    return (
        f"the driver supports CUDA {_version(driver)}, but CuPy {cupy.__version__} needs "
        f"{built_for // 1000}.x; update the driver{other}"
    )


def _device_problem(cupy: CuPy) -> str | None:
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        if "cudaErrorNoDevice" not in str(error):
            raise
        count = 0
    if count == 0:
        return "the driver finds no GPU; look at nvidia-smi and at CUDA_VISIBLE_DEVICES"
    properties = runtime.getDeviceProperties(cupy.cuda.Device().id)
    if _capability(properties) < LEAST_CAPABILITY:
        has, needs = (".".join(map(str, c)) for c in (_capability(properties), LEAST_CAPABILITY))
        return (
            f"{_name(properties)} has compute capability {has}, but {needs} is needed; "
            "use a newer GPU"
        )
    return None


def _library_problem(cupy: CuPy) -> str | None:
    """Look for NVRTC and cuBLAS: since version 14 CuPy itself does so only on first use."""
    wheel = f"cupy-cuda{cupy.cuda.runtime.runtimeGetVersion() // 1000}x"
    try:
        compiler = cupy.cuda.nvrtc.getVersion()
        getattr(cupy.cuda, "cublas", None)  # imports it
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        return f"CuPy lacks a library of CUDA ({reason}); pip install '{wheel}[ctk]'"
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    if compiler >= (13, 0) and _capability(properties) < (7, 5):
        return (
            f"CUDA {compiler[0]} can't compile for {_name(properties)}; "
            "pip install 'cupy-cuda12x[ctk]' in place of the CUDA that CuPy finds"
        )
    return None


def _capability(properties: dict[str, Any]) -> tuple[int, int]:
    return properties["major"], properties["minor"]


def _name(properties: dict[str, Any]) -> str:
    name = properties["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


def _version(number: int) -> str:
    """Return 12040 as "12.4"."""
    return f"{number // 1000}.{number % 1000 // 10}"
