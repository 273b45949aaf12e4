"""Fixtures: a kernel's Numba version, called directly, and its comparison with the definition."""

import inspect
from importlib import import_module

import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.kernels import reference
from tinygzsl.runtime.threads import workers


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def fused(monkeypatch):
    """fused(name) -> the Numba version of a kernel, which splits even the smallest work."""

    def find(name):
        file = getattr(reference, name).__module__.rpartition(".")[2]
        module = import_module(f"tinygzsl.kernels.cpu.{file}")
        if hasattr(module, "LEAST"):
            monkeypatch.setattr(module, "LEAST", 1)
        return getattr(module, name)

    return find


@pytest.fixture
def compare(fused):
    """compare(name, *args, rtol=, atol=): the Numba version, on 1, 2 and 3 threads, gives what the
    definition gives and writes the same into the arrays. Returns the definition's result.
    """

    def run(name, *args, rtol, atol=0.0):
        kernel, definition = fused(name), getattr(reference, name)
        mine = list(inspect.signature(kernel).parameters)
        assert mine == list(inspect.signature(definition).parameters)
        theirs = _copies(args)
        expected = definition(*theirs)
        for threads in (1, 2, 3):
            ours = _copies(args)
            with workers(threads):
                result = kernel(*ours)
            for a, b in zip(_flat(result) + ours, _flat(expected) + theirs, strict=True):
                _assert_close(a, b, rtol, atol)
        return expected

    return run


@pytest.fixture
def all_kernels():
    """The names of all kernels that are dispatched."""
    home = "tinygzsl.kernels.reference."
    modules = {name: getattr(value, "__module__", "") for name, value in vars(kernels).items()}
    return {name for name, module in modules.items() if module.startswith(home)}


def _copies(args):
    """Copies of arrays; one that is given twice stays one array."""
    copies = {id(a): a.copy() for a in args if isinstance(a, np.ndarray)}
    return [copies.get(id(a), a) for a in args]


def _flat(result):
    return [] if result is None else list(result) if isinstance(result, tuple) else [result]


def _assert_close(a, b, rtol, atol):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
