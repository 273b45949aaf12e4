"""Every kernel on the emulator: the same text as on a GPU, against the definition in float64."""

import numpy as np
import pytest
from ladder import checks, emulator
from ladder.cases import CASES

from tinygzsl import kernels

SCHEDULES = [("forward", 1), ("backward", 1), ("random", 1), ("random", 2)]


@pytest.mark.parametrize("flags", ["plain", "fma"])
@pytest.mark.parametrize("order", SCHEDULES, ids=lambda order: f"{order[0]}{order[1]}")
@pytest.mark.parametrize("kernel", CASES)
def test_a_kernel_computes_its_definition(device, kernel, order, flags):
    if emulator.why_not(flags):
        pytest.skip(emulator.why_not(flags))
    with emulator.schedule(*order), emulator.flags(flags):
        checks.run_all(device, [kernel])


@pytest.mark.wheel
def test_an_installed_kernel_computes_its_definition(device):
    checks.run_all(device, ["softmax_loss"])


def test_every_kernel_has_cases():
    home = "tinygzsl.kernels.reference."
    modules = {name: getattr(value, "__module__", "") for name, value in vars(kernels).items()}
    assert {name for name, module in modules.items() if module.startswith(home)} == set(CASES)


@pytest.mark.parametrize("columns", [2, 3, 6, 7, 11, 100])
def test_no_score_is_below_1(device, columns):
    for rows in (1, 3, 50):
        logits = device.asarray(np.full((rows, columns), 0.3, "float32"))
        weights = device.full(rows, 1 / rows, "float32")
        assert float(kernels.confidence_score(logits, weights)) >= 1


def test_a_case_that_is_off_is_noticed(device, monkeypatch):
    exact = checks.cuda_version("bias_activation")
    monkeypatch.setattr(checks, "cuda_version", lambda name: lambda s, b, slope: exact(s, b, 0.201))
    with pytest.raises(AssertionError, match="bias_activation"):
        checks.run_all(device, ["bias_activation"])
