"""The emulated tests can fail: each of these broken kernels is caught."""

import pytest
from ladder import checks, emulator
from ladder.mutants import MUTANTS

from tinygzsl.kernels import cuda

SCHEDULES = [("forward", 1), ("backward", 1), ("random", 1)]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_kernel_is_caught(device, monkeypatch, mutant):
    whole = cuda.source
    monkeypatch.setattr(
        cuda, "source", lambda file, dtype: mutated(whole(file, dtype), mutant, file)
    )
    assert any(is_caught(device, mutant.kernel, order) for order in SCHEDULES)


def mutated(text, mutant, file):
    return mutant.apply(text) if mutant.file in (file, "common") else text


def is_caught(device, kernel, order):
    try:
        with emulator.schedule(*order):
            checks.run_all(device, [kernel], dtypes=("float32",))
    except (AssertionError, emulator.EmulatorError):
        return True
    return False
