import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.baselines import METHODS
from tinygzsl.baselines.methods import method
from tinygzsl.explain.checks import PLACES, all_checks
from tinygzsl.explain.gradcheck import (
    DIRECTIONS,
    TOLERANCE,
    Check,
    relative_error,
    run_check,
)
from tinygzsl.explain.plan import FLOAT32, plan
from tinygzsl.nn import losses, ops
from tinygzsl.nn.mlp import MLP
from tinygzsl.settings.table import SETTINGS

CHECKS = list(all_checks())
NAMES = [check.name for check in CHECKS]
CURVED = tuple(name for name, phi in ops.ACTIVATIONS.items() if phi.second)
SMALL_REFERENCE = PLACES[:1]


def small_rows(seed=0):
    """Every gradient with small arrays on the reference kernels."""
    tasks = plan(places=SMALL_REFERENCE, seed=seed)
    return [task.run() for task in tasks if task.group != FLOAT32]


@pytest.fixture
def failing():
    """failing() -> the names of the checks that don't pass."""
    return lambda: {row.name for row in small_rows() if row.failed}


@pytest.fixture
def quadratic():
    """quadratic(gradients) -> a Check of sum (a^2 / 2 + 100 b) with these gradients."""

    def make(gradients=None):
        a, b = np.array([1.0, -2.0, 3.0]), np.ones((2, 2))
        gradients = [a.copy(), np.full((2, 2), 100.0)] if gradients is None else gradients
        return Check("quadratic", [a, b], gradients, lambda: (a * a / 2).sum() + 100 * b.sum())

    return make


def a_thousandth_off(function, part):
    """The function with one of its results, or its only one, 0.1% too large."""

    def wrong(*args, **kwargs):
        result = function(*args, **kwargs)
        if part is None:
            return 1.001 * result
        return tuple(1.001 * r if i == part and r is not None else r for i, r in enumerate(result))

    return wrong


# The library's gradients


@pytest.mark.wheel
@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_gradient(check):
    result = run_check(check)
    assert result.passed, f"relative error {result.error:.2e}"
    assert result.name == check.name
    assert result.directions == DIRECTIONS * len(check.arrays)


@pytest.mark.parametrize("seed", [1, 20, 107, 275])  # three of them put a kink within a step
def test_other_seeds_pass_too(seed):
    rows = small_rows(seed)
    assert [row.name for row in rows] == NAMES
    assert [row for row in rows if row.failed] == []


def test_names_are_unique():
    assert sorted(set(NAMES)) == sorted(NAMES)


def test_the_list_is_complete():
    def some(*parts):
        return any(all(part in name for part in parts) for name in NAMES)

    for name, phi in ops.ACTIVATIONS.items():
        assert some(name)
        assert some("MLP", name) or name == "linear"
        assert some(f"{name}, second derivative") == bool(phi.second)
    for hidden in ("leaky_relu", "tanh"):
        for depth in (1, 2, 3):
            assert some("critic loss", "penalty", f"{depth} hidden", hidden)
            assert some("double backprop", f"{depth} hidden", hidden)
    for output in ("relu", "sigmoid", "linear"):
        assert some("generator loss", output)
    for reduction in ("sum", "mean"):
        for side in ("hinge active", "hinge satisfied", "no proxies"):
            assert some("VSMM objective", reduction, side)
    assert some("PTC")
    without_gradients = ("ConSE", "ESZSL", "SAE", "GGM", "PrototypeRidge")  # closed forms, the PTC
    for name in METHODS:
        assert some(method(name).title.split(" ")[0]) == (name not in without_gradients)


BACKWARD_PARTS = {  # which results of each function are gradients; None for a lone array
    (losses, "softmax_entropy_backward"): [None],
    (losses, "softmax_loss_backward"): [None],
    (losses, "gradient_penalty_backward"): [None],
    (kernels, "squared_error"): [1],
    (kernels, "entropy_hinge"): [1],
    (ops, "linear_backward"): [0, 1, 2],
}


def test_every_loss_is_among_the_planted_errors():
    names = {name for name in vars(losses) if name.endswith("_backward")}
    assert names == {name for module, name in BACKWARD_PARTS if module is losses}


@pytest.mark.parametrize(
    ("module", "name", "part"),
    [(module, name, part) for (module, name), parts in BACKWARD_PARTS.items() for part in parts],
)
def test_an_error_of_a_thousandth_in_a_backward_function_is_found(
    monkeypatch, failing, module, name, part
):
    monkeypatch.setattr(module, name, a_thousandth_off(getattr(module, name), part))
    assert failing()


@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_an_error_of_a_thousandth_in_a_first_derivative_is_found(monkeypatch, failing, name):
    phi = ops.ACTIVATIONS[name]
    wrong = phi._replace(backward=a_thousandth_off(phi.backward, None))
    monkeypatch.setitem(ops.ACTIVATIONS, name, wrong)
    assert name in failing()


@pytest.mark.wheel
@pytest.mark.parametrize("name", CURVED)
def test_an_error_of_a_thousandth_in_a_second_derivative_is_found(monkeypatch, failing, name):
    phi = ops.ACTIVATIONS[name]
    wrong = phi._replace(second=a_thousandth_off(phi.second, None))
    monkeypatch.setitem(ops.ACTIVATIONS, name, wrong)
    assert f"{name}, second derivative" in failing()


@pytest.mark.parametrize("name", [n for n in SETTINGS["gan_activation"].choices if n in CURVED])
@pytest.mark.parametrize("factor", [1.001, 0.0])  # wrong by a thousandth, and left out altogether
def test_second_order_terms_of_the_critic_are_checked(monkeypatch, failing, name, factor):
    phi = ops.ACTIVATIONS[name]
    wrong = phi._replace(second=lambda *args: factor * phi.second(*args))
    monkeypatch.setitem(ops.ACTIVATIONS, name, wrong)
    found = failing()
    for depth in (1, 2, 3):
        assert f"double backprop, {depth} hidden, {name}" in found
        assert f"critic loss with penalty (eq. 6), {depth} hidden, {name}" in found
    assert all(name in failed for failed in found)


def test_a_double_backprop_without_its_second_pass_is_found(monkeypatch, failing):
    def nothing(self, second, cache, grads, need_dx):
        return np.zeros_like(cache.linear[0][0]) if need_dx else None

    monkeypatch.setattr(MLP, "_add_second_order", nothing)
    found = failing()
    assert {n for n in NAMES if "double backprop" in n and n.endswith(CURVED)} <= found
    assert not any("relu" in name for name in found)


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_an_error_in_any_one_gradient_array_is_found(check):
    for array, gradient in zip(check.arrays, check.gradients, strict=True):
        wrong = 1.001 * gradient if abs(gradient).max() > 1e-12 else gradient + 0.01
        alone = check._replace(arrays=[array], gradients=[wrong])
        assert not run_check(alone).passed


# The checker


@pytest.mark.wheel
def test_right_gradients_pass_and_arrays_are_restored(quadratic):
    check = quadratic()
    before = [array.copy() for array in check.arrays]
    assert run_check(check).passed
    for array, saved in zip(check.arrays, before, strict=True):
        assert np.array_equal(array, saved)


def test_an_error_in_one_small_array_does_not_hide_behind_a_large_one(quadratic):
    right = quadratic().gradients
    assert not run_check(quadratic([1.001 * right[0], right[1]])).passed
    assert not run_check(quadratic([right[0], 1.001 * right[1]])).passed


def test_an_error_in_a_single_entry_is_found(quadratic):
    right = quadratic().gradients
    right[0][1] *= 1.001
    assert not run_check(quadratic(right)).passed


@pytest.mark.wheel
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_fails(quadratic, value):
    right = quadratic().gradients
    right[1][0, 1] = value
    with np.errstate(invalid="ignore"):
        assert not run_check(quadratic(right)).passed


def test_a_function_that_is_nan_fails():
    x = np.ones(3)
    assert not run_check(Check("nan", [x], [np.zeros(3)], lambda: float("nan"))).passed


def test_a_missing_gradient_is_an_error(quadratic, sentence):
    right = quadratic().gradients
    with sentence(ValueError, "quadratic has 1 gradients for 2 arrays"):
        run_check(quadratic(right[:1]))


def test_a_wrong_shape_is_an_error(quadratic, sentence):
    right = quadratic().gradients
    with sentence(ValueError, "quadratic: gradient 1 has shape (4,) but its array (2, 2)"):
        run_check(quadratic([right[0], right[1].ravel()]))


def test_a_slope_of_zero_is_compared_absolutely():
    x = np.array([3.0])
    assert run_check(Check("constant", [x], [np.zeros(1)], lambda: 5.0)).error == 0
    wrong = run_check(Check("constant", [x], [np.array([1e-5])], lambda: 5.0))
    assert TOLERANCE < wrong.error < 0.1


@pytest.mark.parametrize("x", [1e-7, -1e-7])
def test_a_kink_within_a_step_hides_neither_a_right_nor_a_wrong_gradient(x):
    array = np.array([x, 0.5])
    slope = np.array([np.sign(x), 1.0])

    def run(gradient):
        return run_check(Check("kink", [array], [gradient], lambda: abs(array).sum()))

    assert run(slope).passed
    assert not run(1.001 * slope).passed
    assert not run(slope * [-1, 1]).passed


def test_relative_error_by_hand():
    assert relative_error(2.0, 2.0) == 0
    assert relative_error(0.0, 0.0) == 0
    assert relative_error(3.0, 4.0) == 0.25
    assert relative_error(-4.0, 4.0) == 2
    assert relative_error(1e-9, 0.0, floor=1e-3) == pytest.approx(1e-6)
    assert np.isnan(relative_error(np.nan, 1.0))
    assert np.isnan(relative_error(1.0, np.nan, floor=1.0))
