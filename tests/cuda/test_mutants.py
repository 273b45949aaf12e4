"""The emulated tests can fail: each of these broken kernels is caught."""

from pathlib import Path

import pytest
from ladder import checks, emulator
from ladder.mutants import MUTANTS

from tinygzsl.kernels.cuda import launch

SCHEDULES = [("forward", 1), ("backward", 1), ("random", 1)]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_kernel_is_caught(device, monkeypatch, mutant):
    whole = launch.source
    monkeypatch.setattr(
        launch, "source", lambda file, dtype: mutated(whole(file, dtype), mutant, file)
    )
    assert any(is_caught(device, mutant.kernel, order) for order in SCHEDULES)


def test_the_readme_counts_them():
    readme = Path(__file__).parents[2] / "README.md"
    assert f"| {len(MUTANTS)} broken kernels" in readme.read_text(encoding="utf-8")


def mutated(text, mutant, file):
    return mutant.apply(text) if mutant.file in (file, "common") else text


def is_caught(device, kernel, order):
    try:
        with emulator.schedule(*order):
            checks.run_all(device, [kernel], dtypes=("float32",))
    except (AssertionError, emulator.EmulatorError):
        return True
    return False
