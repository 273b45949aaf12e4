"""`tinygzsl gradcheck`: what it prints, and that it exits with 1 for a gradient 0.1% off, wherever
that is: in an activation, in a compiled kernel, in a fused critic.
"""

import io
import json
from inspect import signature

import numpy as np
import pytest

from tinygzsl.baselines.common import ranking_compiled
from tinygzsl.cli.progress import Progress
from tinygzsl.critic import OneLayerCritic, WholeRowCritic
from tinygzsl.explain.checks import PLACES
from tinygzsl.explain.plan import FLOAT32, plan
from tinygzsl.kernels import dispatch
from tinygzsl.kernels.cpu import squared
from tinygzsl.nn import ops
from tinygzsl.runtime.threads import split

OFF = 1.001


@pytest.fixture
def gradcheck(run_cli):
    """gradcheck(*args, code=0) -> the facts of --json."""

    def run(*args, code=0):
        result = run_cli("gradcheck", *args, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    return run


def failed_cells(facts):
    """(name, version, size) of every cell that failed."""
    return {
        (row["name"], cell["version"], cell["size"])
        for row in facts["checks"] + facts["float32"]
        for cell in row["cells"]
        if cell["passed"] is False
    }


# What it prints


@pytest.mark.wheel
def test_it_prints_a_table_and_passes(run_cli):
    result = run_cli("gradcheck")
    assert result.exit_code == 0, result.output
    assert "critic loss with penalty (eq. 6), 3 hidden, tanh" in result.stdout
    assert "FAILED" not in result.stdout
    lines = result.stdout.splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["reference", "compiled", "below"],
        ["small", "large", "small", "large", "(small,", "large)"],
    ]
    names = [line.strip().partition("   ")[0] for line in lines if line.startswith("  ")]
    for task in plan():
        assert task.group in lines
        assert any(name.startswith(task.name) for name in names)
    assert all(len(line) < 130 for line in lines)


@pytest.mark.wheel
def test_json_has_every_cell(gradcheck):
    facts = gradcheck("onelayercritic", "softmax")
    assert facts["passed"] is True
    assert facts["device"] == "cpu"
    assert facts["checks"]
    assert all(check["error"] < 1e-6 for check in facts["checks"])
    assert {"critic_epilogue", "softmax_loss_backward"} <= set(facts["kernels"])
    for row in facts["checks"] + facts["float32"]:
        assert [(cell["version"], cell["size"]) for cell in row["cells"]] == [
            ("reference", "small"),
            ("reference", "large"),
            ("compiled", "small"),
            ("compiled", "large"),
        ]
        assert row["error"] == max(cell["error"] for cell in row["cells"])
        for cell in row["cells"]:
            assert (cell["passed"], cell["not_run"]) == (True, None)
            assert cell["error"] < cell["tolerance"]
            assert bool(cell["kernels"]) == (cell["version"] == "compiled")


def test_what_reaches_no_kernel_shows_a_dash(run_cli, gradcheck):
    (line,) = (x for x in run_cli("gradcheck", "second").stdout.splitlines() if " tanh, " in x)
    assert line.split()[-3:] == ["-", "-", "1.0e-06"]
    (row,) = (row for row in gradcheck("tanh, second")["checks"])
    assert [cell["not_run"] for cell in row["cells"]] == [None, None, "no kernel", "no kernel"]
    assert [cell["passed"] for cell in row["cells"]] == [True, True, None, None]


def test_without_numba_it_says_what_did_not_run(run_cli, gradcheck, monkeypatch):
    monkeypatch.setattr(dispatch, "numba_version", lambda: None)
    text = run_cli("gradcheck", "squared").stdout
    assert text.count("not run   ") == 4
    assert "not run: 4 checks of compiled kernels, as there is no Numba" in text
    for row in gradcheck("squared")["checks"]:
        assert [cell["passed"] for cell in row["cells"]] == [True, True, None, None]
        assert row["cells"][2]["not_run"] == row["cells"][3]["not_run"] == "no Numba"


@pytest.mark.wheel
def test_an_unknown_name_is_one_sentence(run_cli, one_error_line):
    one_error_line(
        run_cli("gradcheck", "gradient penaltie"), "'gradient penaltie'", "did you mean gradient"
    )


@pytest.mark.wheel
def test_an_unknown_device_is_one_sentence(run_cli, one_error_line):
    one_error_line(run_cli("gradcheck", "--device", "tpu"), "tpu", "pass 'cpu' or 'cuda'")


def test_progress_has_a_title_and_no_step_is_left():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    with Progress(Terminal()) as progress:
        progress(3, {"phase": "gradcheck", "total": 3})
        assert "checking gradients [########################] 3/3" in progress.stream.getvalue()


# An activation


@pytest.mark.parametrize("order", ["first", "second"])
def test_a_derivative_that_is_off(gradcheck, monkeypatch, order):
    tanh = ops.ACTIVATIONS["tanh"]
    if order == "first":
        wrong = tanh._replace(backward=lambda dy, cache: OFF * tanh.backward(dy, cache))
    else:
        wrong = tanh._replace(second=lambda e, t, cache: OFF * tanh.second(e, t, cache))
    monkeypatch.setitem(ops.ACTIVATIONS, "tanh", wrong)
    facts = gradcheck("2 hidden, tanh", "2 hidden, softplus", code=1)
    failed = [check["name"] for check in facts["checks"] if not check["passed"]]
    assert "critic loss with penalty (eq. 6), 2 hidden, tanh" in failed
    assert not any("softplus" in name for name in failed)


# Compiled kernels

RESULT = "result"
PLANTED = [  # the kernel, what of it is off, and a check that has to notice
    ("bias_activation", 0, "MLP, 2 hidden layers, relu"),
    ("activation_gradient", (RESULT, 0), "MLP, 2 hidden layers, relu"),
    ("activation_gradient", (RESULT, 1), "MLP, 2 hidden layers, relu"),
    ("segment_sum", RESULT, "critic loss (eq. 6), OneLayerCritic, leaky_relu"),
    ("segment_sum", RESULT, "VSMM objective (eq. 9), mean, no proxies"),
    ("critic_epilogue", 6, "critic loss (eq. 6), OneLayerCritic, leaky_relu"),
    ("critic_epilogue", 6, "critic loss (eq. 6), WholeRowCritic, leaky_relu"),
    ("critic_epilogue", (RESULT, 1), "critic loss (eq. 6), OneLayerCritic, relu"),
    ("critic_epilogue", (RESULT, 1), "critic loss (eq. 6), WholeRowCritic, relu"),
    ("gradient_penalty", 0, "gradient penalty, in place"),
    ("gradient_penalty", 0, "critic loss (eq. 6), WholeRowCritic, relu"),
    ("penalty_epilogue", RESULT, "critic loss (eq. 6), OneLayerCritic, leaky_relu"),
    ("penalty_epilogue", RESULT, "critic loss (eq. 6), WholeRowCritic, leaky_relu"),
    ("squared_error", (RESULT, 1), "squared error (eqs. 3, 4)"),
    ("log_softmax_entropy", (RESULT, 0), "DSEN objective"),
    ("softmax_loss_forward", (RESULT, 3), "softmax cross-entropy and entropy"),
    ("softmax_loss_backward", RESULT, "softmax entropy"),
    ("softmax_loss_backward", RESULT, "f-CLSWGAN, classification loss"),
    ("softmax_loss", (RESULT, 2), "softmax cross-entropy and entropy, one pass"),
    ("softmax_loss", (RESULT, 2), "PTC objective"),
    ("entropy_hinge", (RESULT, 1), "entropy hinge (eq. 8)"),
]


@pytest.fixture
def plant(monkeypatch):
    """plant(name, where, factor): the compiled kernel's result, a part of it or the argument that
    it writes is off by the factor, in one dtype if that is given.
    """
    find = dispatch.version

    def run(name, where, factor=OFF, dtype=None):
        def wrong(*args, **kwargs):
            kernel = find("cpu", wrong.file, name)
            args = signature(kernel).bind(*args, **kwargs).args
            kernel_result = kernel(*args)
            if dtype and args[0].dtype != dtype:
                return kernel_result
            if where == RESULT:
                return factor * kernel_result
            if isinstance(where, tuple):
                parts = list(kernel_result)
                parts[where[1]] = factor * parts[where[1]]
                return tuple(parts)
            args[where][...] *= args[where].dtype.type(factor)
            return kernel_result

        def version(folder, file, found):
            wrong.file = file
            return wrong if found == name else find(folder, file, found)

        monkeypatch.setattr(dispatch, "version", version)

    return run


@pytest.mark.parametrize(("kernel", "where", "check"), PLANTED)
def test_an_error_of_a_thousandth_in_a_compiled_kernel(run_cli, plant, kernel, where, check):
    plant(kernel, where)
    result = run_cli("gradcheck", check)
    assert result.exit_code == 1, result.output
    for size in ("small", "large"):
        assert f"FAILED: {check}, compiled, {size}: " in result.stdout
    assert ", reference, " not in result.stdout


def test_every_kernel_with_a_gradient_is_among_the_planted_errors():
    (place,) = (p for p in PLACES if (p.version, p.size) == ("compiled", "small"))
    cells = [task.run().cells[0] for task in plan(places=[place]) if task.group != FLOAT32]
    reached = {kernel for cell in cells for kernel in cell.kernels}
    assert {kernel for kernel, _, _ in PLANTED} == reached - {"ranking_epoch"}


@pytest.mark.parametrize("method", ["ALE", "DeViSE", "SJE"])
def test_an_error_of_a_thousandth_in_the_compiled_ranking_step(gradcheck, monkeypatch, method):
    right = ranking_compiled.compiled_epoch

    def wrong(m, *args, **kwargs):
        before = m.copy()
        loss = right(m, *args, **kwargs)
        m[...] = before + OFF * (m - before)
        return loss

    monkeypatch.setattr(ranking_compiled, "compiled_epoch", wrong)
    name = f"{method}, steps of an epoch"
    assert failed_cells(gradcheck(name, code=1)) == {
        (name, "compiled", "small"),
        (name, "compiled", "large"),
    }


@pytest.mark.parametrize("kernel", ["softmax_loss", "critic_epilogue", "adam_update"])
def test_an_error_in_float32_alone(gradcheck, plant, kernel):
    where = {"softmax_loss": (RESULT, 2), "critic_epilogue": 6, "adam_update": 0}[kernel]
    plant(kernel, where, factor=OFF, dtype="float32")
    facts = gradcheck(kernel, "OneLayerCritic", "one pass", code=1)
    assert all(row["passed"] for row in facts["checks"])
    assert {
        (kernel, "compiled", "small"),
        (kernel, "compiled", "large"),
    } <= failed_cells(facts)


# Fused critics


@pytest.mark.parametrize("array", range(4))
@pytest.mark.parametrize("fused", [OneLayerCritic, WholeRowCritic])
def test_an_error_of_a_thousandth_in_a_fused_critic(gradcheck, monkeypatch, fused, array):
    right = fused.gradients

    def wrong(self, *args, **kwargs):
        grads = list(right(self, *args, **kwargs))
        # That of the output bias is 0; a sample's share in it is 1 / n.
        grads[array] = OFF * grads[array] if array < 3 else grads[array] + (OFF - 1)
        return grads

    monkeypatch.setattr(fused, "gradients", wrong)
    facts = gradcheck("LayerCritic", "RowCritic", code=1)
    rows = facts["checks"] + facts["float32"]
    mine = [row for row in rows if fused.__name__ in row["name"]]
    other = [row for row in rows if row not in mine]
    assert mine
    assert other
    assert not any(cell["passed"] for row in mine for cell in row["cells"])
    assert all(row["passed"] for row in other)


# Shares


def test_an_error_in_the_second_share_of_a_fused_critic(gradcheck, monkeypatch):
    right = OneLayerCritic._backward

    def wrong(self, rows, columns, index):
        right(self, rows, columns, index)
        if rows.start:
            self._grads[1][rows] *= OFF

    monkeypatch.setattr(OneLayerCritic, "_backward", wrong)
    failed = failed_cells(gradcheck("OneLayerCritic", code=1))
    assert {size for _, _, size in failed} == {"large"}
    for version in ("reference", "compiled"):
        assert ("critic loss (eq. 6), OneLayerCritic, leaky_relu", version, "large") in failed


def test_an_error_in_the_second_share_of_a_compiled_kernel(gradcheck, monkeypatch):
    def wrong(part, size, **limits):
        def shifted(low, high):
            return part(low, high - 1) if low else part(low, high)  # the last row is left out

        return split(shifted, size, **limits)

    monkeypatch.setattr(squared, "split", wrong)
    name = "squared error (eqs. 3, 4)"
    assert (name, "compiled", "large") in failed_cells(gradcheck(name, code=1))


def test_nan_fails_and_is_null_in_json(gradcheck, plant):
    plant("squared_error", (RESULT, 1), factor=np.nan)
    row = gradcheck("squared error", code=1)["checks"][0]
    assert (row["error"], row["passed"]) == (None, False)
    assert [cell["passed"] for cell in row["cells"]] == [True, True, False, False]
    assert row["cells"][3]["error"] is None
