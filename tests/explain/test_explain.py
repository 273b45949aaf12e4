"""`tinygzsl explain`: it shows the code, its checks can fail, and its examples are right."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

import tinygzsl
from tinygzsl.critic import OneLayerCritic
from tinygzsl.explain.catalogue import ALL, find
from tinygzsl.explain.draw import Draw
from tinygzsl.explain.explanation import source
from tinygzsl.explain.gradcheck import TOLERANCE
from tinygzsl.kernels import dispatch, entropy_hinge
from tinygzsl.nn import losses, ops
from tinygzsl.nn.mlp import MLP

CHECKED = [name for name, e in ALL.items() if e.checks]


@pytest.fixture
def explain(run_cli):
    """explain(name) -> the facts of --json."""

    def run(*args):
        result = run_cli("explain", *args, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


# What there is


@pytest.mark.wheel
def test_without_a_name_all_are_listed_with_a_line_each(run_cli, explain):
    lines = run_cli("explain").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(ALL)
    assert all(len(line) < 100 for line in lines)
    assert explain() == {"names": {name: e.title for name, e in ALL.items()}}


@pytest.mark.wheel
def test_each_is_derived_in_a_section_of_the_page():
    page = Path(tinygzsl.__file__).with_name("MATH.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", page, re.M)
    assert {e.section for e in ALL.values()} <= set(headings)


@pytest.mark.wheel
@pytest.mark.parametrize("name", ALL)
def test_each_has_a_formula_shapes_source_and_something_live(explain, name):
    facts = explain(name)
    assert facts["name"] == name
    assert "=" in facts["formula"] or "<" in facts["formula"]
    assert "(" in facts["shapes"]
    assert all(len(line) <= 100 for line in facts["formula"].splitlines())
    for function in facts["forward"] + facts["backward"]:
        assert function["text"].startswith("def ")
        assert f"def {function['name'].rpartition('.')[2]}(" in function["text"]
    assert ("checks" in facts) != ("example" in facts)
    if "checks" in facts:
        assert facts["passed"]
        for row in (row for check in facts["checks"] for row in check["arrays"]):
            assert row["error"] < TOLERANCE
            assert row["exact"] == pytest.approx(row["difference"], rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("asked", "found"),
    [("double backprop", "double_backprop"), ("Entropy-Hinge", "entropy_hinge"), ("mlp", "mlp")],
)
def test_names_may_be_written_with_spaces_and_dashes(asked, found):
    assert find(asked).name == found


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("gradient_penaltie", "did you mean gradient_penalty?"),
        ("entropy", "did you mean entropy_hinge"),
        ("$%", "`tinygzsl explain` lists all"),
    ],
)
def test_an_unknown_name_is_one_sentence_with_the_nearest(run_cli, asked, nearest):
    result = run_cli("explain", asked)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert f"{asked!r}; {nearest}" in result.stderr


# Source


def test_the_source_of_a_kernel_is_its_definition():
    shown = source(entropy_hinge)
    assert shown.name == "tinygzsl.kernels.reference.hinge.entropy_hinge"
    assert "# eq. 8" in shown.text
    lines = Path(inspect.getsourcefile(inspect.unwrap(entropy_hinge))).read_text("utf-8")
    assert lines.splitlines()[shown.line - 1] == shown.text.splitlines()[0]


def test_a_method_is_shown_without_its_indentation():
    shown = source(MLP.backward)
    assert shown.name == "tinygzsl.nn.mlp.MLP.backward"
    assert shown.text.startswith("def backward(\n    self")


@pytest.mark.wheel
def test_forward_and_backward_stand_side_by_side_where_there_is_room(run_cli, wide):
    lines = run_cli("explain", "tanh").stdout.splitlines()
    pair = next(line for line in lines if "def tanh_forward" in line)
    assert "def tanh_backward" in pair.partition(" | ")[2]
    assert len({line.index(" | ") for line in lines if " | " in line}) == 1


def test_and_below_each_other_where_there_is_none(run_cli, narrow):
    text = run_cli("explain", "gradient_penalty").stdout
    assert text.index("forward: tinygzsl.nn.losses.gradient_penalty_forward") < text.index(
        "backward: tinygzsl.nn.losses.gradient_penalty_backward"
    )
    for function in (losses.gradient_penalty_forward, losses.gradient_penalty_backward):
        assert inspect.getsource(function).rstrip() in text


def test_what_has_both_in_one_function_says_so(run_cli):
    text = run_cli("explain", "embedding_loss").stdout
    assert "forward and backward: tinygzsl.kernels.reference.squared.squared_error" in text


# The checks


@pytest.mark.parametrize("name", CHECKED)
def test_every_array_of_a_check_has_a_row(name):
    for case, (_, rows) in zip(ALL[name].checks, ALL[name].measure(), strict=True):
        assert [row.shape for row in rows] == [array.shape for array in case(Draw(0)).arrays]
        assert any(abs(row.exact) > 1e-3 for row in rows)


@pytest.mark.parametrize("part", ["backward", "second"])
def test_a_derivative_that_is_off_is_shown_and_ends_with_1(run_cli, monkeypatch, part):
    tanh = ops.ACTIVATIONS["tanh"]
    right = getattr(tanh, part)
    wrong = tanh._replace(**{part: lambda *args: 1.001 * right(*args)})
    monkeypatch.setitem(ops.ACTIVATIONS, "tanh", wrong)
    result = run_cli("explain", "double_backprop")
    assert result.exit_code == 1
    tables = result.stdout.partition("2 hidden, leaky_relu")[2].partition("2 hidden, tanh")
    assert "FAILED" not in tables[0]
    assert "FAILED" in tables[2]


def test_a_gradient_that_is_nan_fails_and_is_null_in_json(run_cli, monkeypatch):
    def nan(dloss, cache):
        return np.full_like(cache[0], np.nan)

    monkeypatch.setattr(losses, "gradient_penalty_backward", nan)
    result = run_cli("explain", "gradient_penalty", "--json")
    assert result.exit_code == 1
    row = json.loads(result.stdout)["checks"][0]["arrays"][0]
    assert row["exact"] is row["error"] is None
    assert "nan  FAILED" in run_cli("explain", "gradient_penalty").stdout


# The checks on both versions of the kernels and both sizes


@pytest.mark.wheel
def test_the_checks_run_on_compiled_kernels_and_on_fused_critics_too(run_cli, explain):
    facts = explain("critic_loss")
    checks = [check["name"] for check in facts["checks"]]
    fused = [
        f"critic loss (eq. 6), {name}, leaky_relu" for name in ("OneLayerCritic", "WholeRowCritic")
    ]
    assert [row["name"] for row in facts["everywhere"]] == checks + fused
    for row in facts["everywhere"]:
        assert row["passed"]
        for cell in row["cells"]:
            assert cell["error"] < cell["tolerance"] == TOLERANCE
            assert bool(cell["kernels"]) == (cell["version"] == "compiled")
    table = run_cli("explain", "critic_loss").stdout.partition("largest relative error\n")[2]
    for name in checks + fused:
        assert f"  {name}  " in table


def test_an_error_in_a_fused_critic_alone_ends_with_1(run_cli, monkeypatch):
    right = OneLayerCritic.gradients

    def wrong(self, *args, **kwargs):
        dw, *rest = right(self, *args, **kwargs)
        return [1.001 * dw, *rest]

    monkeypatch.setattr(OneLayerCritic, "gradients", wrong)
    result = run_cli("explain", "critic_loss")
    assert result.exit_code == 1
    failed = [line.split(": ")[1] for line in result.stdout.splitlines() if "FAILED" in line]
    places = ("reference, small", "reference, large", "compiled, small", "compiled, large")
    name = "critic loss (eq. 6), OneLayerCritic, leaky_relu"
    assert failed == [f"{name}, {place}" for place in places]


def test_without_numba_it_says_so(run_cli, monkeypatch):
    monkeypatch.setattr(dispatch, "numba_version", lambda: None)
    result = run_cli("explain", "softmax_entropy")
    assert result.exit_code == 0
    assert "not run: 2 checks of compiled kernels, as there is no Numba" in result.stdout


# The examples


def test_the_score_of_the_example_is_that_of_its_definition(explain):
    values = explain("confidence_score")["example"]
    p = np.array(values["p(y|x)"])
    expected = np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean())
    for name in ("exp of their mean", "exp(H(p(y)) - mean H)", "CS as computed"):
        assert values[name] == pytest.approx(expected, rel=1e-12)


def test_the_router_s_example_has_every_route(explain):
    values = explain("router")["example"]
    assert values["route"] == ["SL", "GZSL", "ZSL"]
    f = np.array(values["F, seen then unseen"])
    assert values["label"] == [
        np.argmax(values["logits"][0]),
        f[1].argmax(),
        3 + f[2, 3:].argmax(),
    ]


def test_the_soft_gate_s_example_agrees_with_its_kernel(explain):
    values = explain("soft_gate")["example"]
    assert values["gate as computed"] == pytest.approx(values["gate by the formula"], rel=1e-12)
    scores = np.array(values["scores, seen then unseen"])
    assert values["label"] == scores.argmax(axis=1).tolist()
    assert values["its score"] == pytest.approx(scores.max(axis=1), rel=1e-12)
    assert values["their sums"] == pytest.approx([1, 1])
    assert values["label"][0] < 3 <= values["label"][1]


def test_the_learned_gate_s_example_agrees_with_its_kernel(explain):
    values = explain("learned_gate")["example"]
    theta = np.array(values["theta"])
    assert values["gate by the formula"] == pytest.approx(1 / (1 + np.exp(-theta)), rel=1e-12)
    assert values["gate as computed"] == pytest.approx(values["gate by the formula"], rel=1e-12)
    scores = np.array(values["scores, seen then unseen"])
    assert values["label"] == scores.argmax(axis=1).tolist()
    assert values["its score"] == pytest.approx(scores.max(axis=1), rel=1e-12)
    assert values["their sums"] == pytest.approx([1, 1])
    assert values["label"][0] < 3 <= values["label"][1]


def test_distances_of_the_example_are_those_of_pairs(explain):
    values = explain("compatibility")["example"]
    assert np.allclose(values["F as computed"], values["F, pair by pair"], rtol=1e-12)


def test_the_accuracies_of_the_example(explain):
    values = explain("accuracies")["example"]
    a = dict(zip(values["classes"], values["accuracy of each"], strict=True))
    s, u = (a["cat"] + a["dog"]) / 2, a["okapi"]
    assert (values["S (cat, dog)"], values["U (okapi)"]) == (s, u)
    assert values["H"] == pytest.approx(2 * s * u / (s + u))
    assert values["H"] < values["arithmetic mean"] != values["right of all samples"]


def test_the_calibration_of_the_example(explain):
    values = explain("calibration")["example"]
    assert values["Brier score"] == pytest.approx(values["mean of (p - t)^2"], rel=1e-12)
    assert values["ECE"] == pytest.approx(values["their sum"], rel=1e-12)
    pairs = np.reshape(values["right"], (4, 2)).mean(axis=1)
    assert values["share right, of each score"] == pairs.tolist()
