"""One case of one kernel: the CUDA version on the stand-in against the definition in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from tinygzsl.kernels import reference
from tinygzsl.kernels.cuda import launch
from tinygzsl.kernels.dispatch import version

from .cases import CASES

ERRORS = {"float32": 2e-5, "float64": 1e-12}


def cuda_version(kernel: str) -> Any:
    """The function that launches a kernel."""
    file = getattr(reference, kernel).__module__.rpartition(".")[2]
    return version("cuda", file, kernel)


def run_case(
    cupy: ModuleType, kernel: str, args: tuple, dtype: str, shifted: Callable[[int], bool]
) -> None:
    """Assert that results, and arrays written in place, are those of the definition.

    Argument i, if shifted(i), starts 4 or 8 bytes after a boundary of 16: no wide loads there.
    """
    host = [_cast(a, dtype) for a in args]
    exact = [_cast(a, "float64") for a in host]
    exact = _same_objects(args, exact)
    with np.errstate(all="ignore"):
        expected = getattr(reference, kernel)(*exact)
    device = [_to_device(cupy, a, shifted(i)) for i, a in enumerate(host)]
    device = _same_objects(args, device)
    result = cuda_version(kernel)(*device)
    for got, want in zip(_flat(result) + device, _flat(expected) + exact, strict=True):
        _assert_close(kernel, got, want, dtype)


def run_all(cupy: ModuleType, kernels: list[str], dtypes: tuple = ("float32", "float64")) -> None:
    """Assert this for all cases of the kernels: no array shifted, one of them in turn, and all,
    and with so few blocks that threads have to walk through the data.
    """
    for kernel in kernels:
        for number, args in enumerate(CASES[kernel](np.random.default_rng(0))):
            alone = number % len(args)
            for dtype in dtypes:
                run_case(cupy, kernel, args, dtype, lambda i: False)
                run_case(cupy, kernel, args, dtype, lambda i, alone=alone: i == alone)
                with few_blocks():
                    run_case(cupy, kernel, args, dtype, lambda i: False)
                    run_case(cupy, kernel, args, dtype, lambda i: True)


@contextmanager
def few_blocks() -> Iterator[None]:
    """At most two blocks where there is a limit."""
    before, launch.BLOCKS = launch.BLOCKS, 2
    try:
        yield
    finally:
        launch.BLOCKS = before


def _cast(a: Any, dtype: str) -> Any:
    is_float = isinstance(a, np.ndarray) and a.dtype.kind == "f"
    return a.astype(dtype) if is_float else a.copy() if isinstance(a, np.ndarray) else a


def _same_objects(args: tuple, copies: list) -> list:
    """The copies, one for each array: what is given twice stays one array."""
    first = {id(a): copy for a, copy in zip(reversed(args), reversed(copies), strict=True)}
    pairs = zip(args, copies, strict=True)
    return [first[id(a)] if isinstance(a, np.ndarray) else copy for a, copy in pairs]


def _to_device(cupy: ModuleType, a: Any, shifted: bool) -> Any:
    if not isinstance(a, np.ndarray):
        return a
    if not shifted:
        return cupy.asarray(a)
    flat = cupy.empty(a.size + 1, a.dtype)
    flat[1:] = cupy.asarray(a.reshape(-1))
    return flat[1:].reshape(a.shape)


def _flat(result: Any) -> list:
    return [] if result is None else list(result) if isinstance(result, tuple) else [result]


def _assert_close(kernel: str, got: Any, want: Any, dtype: str) -> None:
    if not hasattr(got, "get"):
        assert got is want or got == want  # a scalar argument
        return
    got, want = got.get(), np.asarray(want)
    assert got.shape == want.shape, kernel
    if want.dtype.kind != "f":
        assert got.dtype == want.dtype, kernel
        np.testing.assert_array_equal(got, want, err_msg=kernel)
        return
    assert got.dtype == dtype, kernel
    scale = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    np.testing.assert_allclose(
        got, want, rtol=ERRORS[dtype], atol=ERRORS[dtype] * scale, err_msg=kernel
    )
