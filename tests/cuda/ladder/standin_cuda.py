"""The stand-in's cupy.cuda, cupy.RawModule and cupy.RawKernel; kernels run in the emulator."""

from types import ModuleType

import numpy as np

from . import cupy_names, emulator
from .standin_log import Launch
from .standin_machine import Machine, NotInStandinError, OutOfMemoryError
from .standin_memory import (
    MemoryPointer,
    PinnedMemory,
    UnownedMemory,
    alloc_pinned_memory,
)

PROPERTIES = {"name": b"Stand-in", "major": 8, "minor": 6, "multiProcessorCount": 8}


class CUDADriverError(RuntimeError):
    """As CuPy's, which is raised where a kernel can't be found or started."""


class CUDARuntimeError(RuntimeError):
    """As CuPy's; an error of one kernel appears at a later call."""


class CUBLASError(RuntimeError):
    """As CuPy's, of a product of matrices."""


CUDADriverError.__module__ = "cupy_backends.cuda.api.driver"
CUDARuntimeError.__module__ = "cupy_backends.cuda.api.runtime"
CUBLASError.__module__ = "cupy_backends.cuda.libs.cublas"


class CompileException(Exception):
    """As CuPy's."""

    def __init__(self, msg, source, name, options, backend="nvrtc"):
        super().__init__(msg)
        self._msg, self.source, self.name = msg, source, name
        self.options, self.backend = options, backend

    def get_message(self):
        """The compiler's text."""
        return self._msg

    def __str__(self):
        return self._msg


class RawModule:
    """Kernels from CUDA C++ text; compiled, as CuPy does, when the first one is asked for."""

    _machine = None

    def __init__(self, code=None, *, options=()):
        if not isinstance(code, str) or not isinstance(options, tuple):
            raise TypeError("RawModule takes code as a str and options as a tuple of str")
        self.code, self.options, self._compiled = code, options, None

    def get_function(self, name):
        """The kernel of this name."""
        if self._compiled is None:
            try:
                self._compiled = emulator.Module(self.code)
            except emulator.EmulatorError as error:
                raise CompileException(str(error), self.code, "", self.options) from error
        try:
            return RawKernel(self._machine, name, self._compiled.get_function(name))
        except (AttributeError, KeyError, emulator.EmulatorError) as error:
            message = "CUDA_ERROR_NOT_FOUND: named symbol not found"
            raise CUDADriverError(message) from error


class RawKernel:
    """One kernel, started as kernel(grid, block, args, shared_mem=bytes)."""

    def __init__(self, machine, name, run):
        self.name, self._machine, self._run = name, machine, run

    def __call__(self, grid, block, args, *, shared_mem=0):
        self._machine.recorder.fail_if_due()
        arrays = [a for a in args if isinstance(a, self._machine.array_class)]
        self._run(grid, block, tuple(self._argument(a) for a in args), shared_mem=shared_mem)
        self._machine.recorder.note(Launch(self.name, 0, 0, 0, tuple(a.nbytes for a in arrays)))

    def _argument(self, value):
        if isinstance(value, self._machine.array_class):
            return value._cells
        if isinstance(value, np.ndarray):
            raise TypeError(f"{self.name}: a numpy.ndarray of {value.shape} is host memory")
        return value


class Stream:
    """A stream; everything runs at once here."""

    _machine = None
    null = None

    def __init__(self, null=False, non_blocking=False, ptds=False):
        self.ptr = 0

    def synchronize(self):
        """Wait for the stream."""
        self._machine.recorder.waited("synchronize")

    def use(self):
        """Make it the current stream."""
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


class Event:
    """A mark in the work of a stream."""

    _machine = None

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self._is_recorded = False

    def record(self, stream=None):
        """Set the mark behind all work so far."""
        self._is_recorded = True

    def synchronize(self):
        """Wait for the work before the mark; without one there is nothing to wait for."""
        if self._is_recorded:
            self._machine.recorder.waited("event")


class Device:
    """The only device."""

    _machine = None

    def __init__(self, device=0):
        if device not in (0, None):
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self.id = 0

    compute_capability = property(lambda self: f"{PROPERTIES['major']}{PROPERTIES['minor']}")

    @property
    def mem_info(self):
        """Free and all bytes; what the pool keeps is not free."""
        machine = self._machine
        return machine.total - machine.used - machine.cached, machine.total

    def synchronize(self):
        """Wait for the device."""
        self._machine.recorder.waited("synchronize")

    def use(self):
        """Make it the current device."""
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


class Namespace(ModuleType):
    """A module that says whether a name that it lacks is CuPy's or nobody's."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        known = cupy_names.load()
        if name in known["names"].get(self.__name__, ()):
            raise NotInStandinError(f"the stand-in has no {self.__name__}.{name}")
        versions = " and ".join(known["versions"])
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r} (CuPy {versions})"
        )


def cuda_modules(machine: Machine):
    """cupy.cuda and the modules in it, by their full names."""
    device, stream = _of(Device, machine), _of(Stream, machine)
    stream.null = stream()
    properties = {**PROPERTIES, "totalGlobalMem": machine.total}
    runtime = _namespace(
        "cupy.cuda.runtime",
        getDeviceCount=lambda: 1,
        getDevice=lambda: 0,
        driverGetVersion=lambda: 12080,
        runtimeGetVersion=lambda: 12080,
        getDeviceProperties=lambda index: dict(properties),
        memGetInfo=lambda: device().mem_info,
        deviceSynchronize=lambda: device().synchronize(),
        CUDARuntimeError=CUDARuntimeError,
    )
    driver = ModuleType("driver")
    driver.CUDADriverError = CUDADriverError
    memory = _namespace(
        "cupy.cuda.memory",
        OutOfMemoryError=OutOfMemoryError,
        UnownedMemory=UnownedMemory,
        MemoryPointer=MemoryPointer,
    )
    nvrtc = _namespace("cupy.cuda.nvrtc", getVersion=lambda: (12, 8))
    compiler = _namespace("cupy.cuda.compiler", CompileException=CompileException)
    cuda = _namespace(
        "cupy.cuda",
        is_available=lambda: True,
        Device=device,
        Stream=stream,
        Event=_of(Event, machine),
        get_current_stream=lambda: stream.null,
        UnownedMemory=UnownedMemory,
        MemoryPointer=MemoryPointer,
        PinnedMemory=PinnedMemory,
        alloc_pinned_memory=alloc_pinned_memory,
        driver=driver,
        runtime=runtime,
        memory=memory,
        nvrtc=nvrtc,
        compiler=compiler,
    )
    cuda.cublas = ModuleType("cublas")  # CuPy imports it when it is first asked for
    cuda.cublas.CUBLASError = CUBLASError
    return {module.__name__: module for module in (cuda, runtime, memory, nvrtc, compiler)}


def raw_module(machine):
    """cupy.RawModule of this machine."""
    return _of(RawModule, machine)


def _of(kind, machine):
    return type(kind.__name__, (kind,), {"_machine": machine})


def _namespace(name, **content):
    module = Namespace(name)
    known = cupy_names.load()["names"][name]
    for key, value in content.items():
        if key not in known:
            raise AttributeError(f"CuPy has no {name}.{key}")
        setattr(module, key, value)
    return module
