"""A strict stand-in for CuPy over NumPy, to run the CUDA path where there is no GPU.

    with standin.installed(memory=8 << 30) as cupy:
        ...                                     # `import cupy` finds the stand-in
        with standin.recorded(cupy) as log:     # log.launches, .to_device, .to_host, .syncs
            ...

It has only names and keywords that CuPy has (cupy_names.json), refuses what CuPy refuses, and
some things that CuPy does in silence: copies of host arrays used as an index, indices out of range,
an index twice in an assignment. What CuPy has and the stand-in hasn't raises NotInStandinError.
"""

import sys
from contextlib import contextmanager

import numpy as np

from . import cupy_names
from .standin_array import DeviceArray
from .standin_cuda import Namespace, cuda_modules, raw_module
from .standin_functions import functions, norm
from .standin_log import Log
from .standin_machine import Machine

DTYPES = (
    "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 "
    "complex128 dtype finfo iinfo pi inf nan newaxis"
)
__all__ = ["fail_after", "installed", "recorded"]


@contextmanager
def installed(memory=8 << 30):
    """The stand-in as sys.modules["cupy"] in the block, with a device of so many bytes."""
    modules = _modules(Machine(memory))
    before = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "cupy"}
    for name in before:
        del sys.modules[name]
    sys.modules.update(modules)
    try:
        yield modules["cupy"]
    finally:
        for name in modules:
            sys.modules.pop(name, None)
        sys.modules.update(before)


@contextmanager
def recorded(cupy):
    """The Log of what happens in the block."""
    log, logs = Log(), cupy.ndarray._machine.recorder.logs
    logs.append(log)
    try:
        yield log
    finally:
        logs.remove(log)


@contextmanager
def fail_after(cupy, n_launches, error):
    """In the block, the operation after n_launches raises error, once."""
    recorder = cupy.ndarray._machine.recorder
    recorder.failure = [n_launches, error]
    try:
        yield
    finally:
        recorder.failure = None


def _modules(machine):
    """The modules of a stand-in by their names."""
    array_class = type("ndarray", (DeviceArray,), {"__slots__": (), "_machine": machine})
    array_class.__module__ = "cupy"
    machine.array_class = array_class
    known = cupy_names.load()
    cupy, linalg = Namespace("cupy"), Namespace("cupy.linalg")
    for name in DTYPES.split():
        setattr(cupy, name, getattr(np, name))
    for name, function in functions(machine).items():
        setattr(cupy, name, function)
    linalg.norm = norm(machine)
    cuda = cuda_modules(machine)
    cupy.ndarray, cupy.RawModule, cupy.cuda = array_class, raw_module(machine), cuda["cupy.cuda"]
    cupy.linalg, cupy.__version__, cupy.__path__ = linalg, known["versions"][-1], []
    return {"cupy": cupy, "cupy.linalg": linalg, **cuda}
