"""`tinygzsl gradcheck --device cuda`: cases run on CuPy arrays, and planted errors are found."""

import json

import pytest
from ladder import standin

from tinygzsl.critic import WholeRowCritic
from tinygzsl.kernels import dispatch

OFF = 1.001


@pytest.fixture
def gradcheck(device, run_cli):
    """gradcheck(*names, code=0) -> the facts of --json on the stand-in for CuPy."""

    def run(*names, code=0):
        result = run_cli("gradcheck", "--device", "cuda", *names, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    return run


def test_every_kind_of_case_runs_on_cuda_kernels(device, gradcheck):
    with standin.recorded(device) as log:
        facts = gradcheck(
            "one pass", "1 hidden, leaky_relu", "PTC", "adam_update", "WholeRowCritic, relu"
        )
    assert facts["device"] == "cuda"
    launched = {launch.name for launch in log.launches}
    assert launched >= set(facts["kernels"])
    assert set(facts["kernels"]) == {
        "softmax_loss",
        "bias_activation",
        "activation_gradient",
        "critic_epilogue",
        "gradient_penalty",
        "penalty_epilogue",
        "adam_update",
    }
    for row in facts["checks"] + facts["float32"]:
        assert [bool(cell["kernels"]) for cell in row["cells"]] == [False, False, True, True]


def test_the_baselines_which_are_for_numpy_alone_are_not_among_them(device, run_cli, sentence):
    result = run_cli("gradcheck", "--device", "cuda", "SYNC objective")
    assert result.exit_code == 2
    assert "no check has 'SYNC objective' in its name" in result.stderr


def test_an_error_of_a_thousandth_in_a_cuda_kernel(gradcheck, monkeypatch):
    find = dispatch.version

    def version(folder, file, name):
        def wrong(*args, **kwargs):
            cross, entropy, dlogits = find(folder, file, name)(*args, **kwargs)
            return cross, entropy, OFF * dlogits

        return wrong if (folder, name) == ("cuda", "softmax_loss") else find(folder, file, name)

    monkeypatch.setattr(dispatch, "version", version)
    for row in gradcheck("entropy, one pass", "PTC", code=1)["checks"]:
        assert [cell["passed"] for cell in row["cells"]] == [True, True, False, False]


def test_an_error_of_a_thousandth_in_the_critic_of_cuda(gradcheck, monkeypatch):
    right = WholeRowCritic.gradients

    def wrong(self, *args, **kwargs):
        dw, *rest = right(self, *args, **kwargs)
        return [OFF * dw, *rest]

    monkeypatch.setattr(WholeRowCritic, "gradients", wrong)
    (row,) = gradcheck("WholeRowCritic, relu", code=1)["checks"]
    assert not any(cell["passed"] for cell in row["cells"])
