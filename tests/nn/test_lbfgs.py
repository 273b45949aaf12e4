"""L-BFGS, with and without bounds, against SciPy's and against minima that are known."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from tinygzsl.nn import lbfgs
from tinygzsl.nn.inverse_hessian import CHUNK, InverseHessian, products
from tinygzsl.nn.lbfgs import Minimum, NotFiniteError, minimize
from tinygzsl.runtime.threads import workers

TIGHT = {"max_iterations": 2000, "gradient_tolerance": 1e-9, "decrease": 0.0}


def quadratic(a, b):
    """1/2 x^T a x - b^T x."""
    return lambda x: (0.5 * x @ (a @ x) - b @ x, a @ x - b)


def rosenbrock(x):
    t = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -2 * (1 - x[:-1]) - 400 * x[:-1] * t
    gradient[1:] += 200 * t
    return ((1 - x[:-1]) ** 2).sum() + 100 * (t * t).sum(), gradient


def logistic(seed, n=80, d=8, l2=1e-4, dtype="float64", spread=1.5):
    """A logistic regression whose features differ in size by factors of up to 100 ** spread."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, d)) * np.logspace(-spread, spread, d)).astype(dtype)
    sign = np.where(rng.random(n) < 0.5, 1, -1).astype(dtype)

    def objective(w):
        margin = sign * (x @ w)
        p = 0.5 * (1 - np.tanh(0.5 * margin))
        loss = np.logaddexp(0, -margin).mean() + 0.5 * l2 * (w @ w)
        return loss, -(p * sign) @ x / np.asarray(n, dtype) + np.asarray(l2, dtype) * w

    return objective


def scipy_minimum(objective, start, lower=-np.inf, upper=np.inf):
    bounds = [np.broadcast_to(bound, start.shape) for bound in (lower, upper)]
    options = {"maxiter": 20_000, "maxfun": 100_000, "gtol": 1e-10, "ftol": 0}
    return scipy_minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(*bounds, strict=True)),
        options=options,
    )


# Without bounds


def test_a_quadratic():
    a, b = np.diag([1.0, 10.0, 100.0]), np.array([1.0, 2.0, 3.0])
    found = minimize(quadratic(a, b), np.zeros(3), **TIGHT)
    assert isinstance(found, Minimum)
    np.testing.assert_allclose(found.x, [1, 0.2, 0.03], rtol=1e-9)
    assert found.loss == pytest.approx(-0.5 * (1 + 0.4 + 0.09), rel=1e-12)
    assert np.abs(found.gradient).max() <= 1e-9
    assert found.reason == lbfgs.GRADIENT
    assert found.evaluations < 30


@pytest.mark.parametrize("n", [2, 10, 50])
def test_rosenbrocks_valley(n):
    start = np.full(n, -1.2)
    found = minimize(rosenbrock, start, **TIGHT)
    np.testing.assert_allclose(found.x, 1, atol=1e-8)
    assert found.evaluations < 1.3 * scipy_minimum(rosenbrock, start).nfev
    assert np.all(start == -1.2)


@pytest.mark.parametrize("seed", range(5))
def test_an_ill_conditioned_logistic_regression(seed):
    objective, start = logistic(seed), np.zeros(8)
    found, theirs = minimize(objective, start, **TIGHT), scipy_minimum(objective, start)
    assert found.loss == pytest.approx(theirs.fun, rel=1e-10)
    np.testing.assert_allclose(found.x, theirs.x, rtol=1e-3, atol=1e-4)


def test_one_variable():
    found = minimize(lambda x: (np.cosh(x - 3).sum(), np.sinh(x - 3)), np.zeros(1), **TIGHT)
    assert found.x == pytest.approx(3, abs=1e-9)


def test_a_start_at_the_minimum_is_the_result():
    found = minimize(quadratic(np.eye(2), np.zeros(2)), np.zeros(2), **TIGHT)
    assert (found.iterations, found.evaluations, found.reason) == (0, 1, lbfgs.GRADIENT)
    assert np.array_equal(found.x, [0, 0])


def test_a_start_that_is_not_contiguous_or_of_whole_numbers():
    whole = minimize(rosenbrock, np.full(4, -1), **TIGHT)
    part = minimize(rosenbrock, np.full((4, 2), -1.0)[:, 0], **TIGHT)
    assert whole.x.dtype == part.x.dtype == np.float64
    assert np.array_equal(whole.x, part.x)


def test_a_pair_without_curvature_is_left_out():
    """A concave start: s^T y is negative until the step is long enough."""
    found = minimize(lambda x: (-np.cos(x).sum(), np.sin(x)), np.full(3, math.pi - 0.01), **TIGHT)
    np.testing.assert_allclose(found.x / math.pi % 2, 0, atol=1e-9)


# When it ends


def test_callback_and_max_iterations():
    seen = []
    rules = {**TIGHT, "max_iterations": 7}
    found = minimize(
        rosenbrock, np.zeros(5), **rules, callback=lambda step, x: seen.append((step, x))
    )
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert np.array_equal(seen[-1][1], found.x)
    losses = [rosenbrock(x)[0] for _, x in seen]
    assert np.all(np.diff(losses) < 0)
    assert (found.iterations, found.reason) == (7, lbfgs.ITERATIONS)
    none = minimize(rosenbrock, np.zeros(5), **{**TIGHT, "max_iterations": 0})
    assert (none.iterations, none.evaluations) == (0, 1)


def test_the_decrease_ends_it_once_a_step_brings_too_little():
    losses = [rosenbrock(np.full(5, -1.2))[0]]
    found = minimize(
        rosenbrock,
        np.full(5, -1.2),
        max_iterations=500,
        gradient_tolerance=0.0,
        decrease=1e-3,
        callback=lambda _, x: losses.append(rosenbrock(x)[0]),
    )
    falls = -np.diff(losses) / np.maximum(losses[:-1], 1)
    assert found.reason == lbfgs.DECREASE
    assert falls[-1] <= 1e-3
    assert np.all(falls[:-1] > 1e-3)


def test_float32_ends_where_its_precision_does():
    rough, exact = (logistic(0, dtype=dtype, spread=0.5) for dtype in ("float32", "float64"))
    best = scipy_minimum(exact, np.zeros(8)).fun
    for start in (np.zeros(8, "float32"), np.zeros(8)):
        found = minimize(
            lambda x: rough(x.astype("float32")),
            start,
            max_iterations=1000,
            gradient_tolerance=0.0,
            decrease=0.0,
        )
        assert found.x.dtype == start.dtype
        assert exact(found.x.astype("float64"))[0] == pytest.approx(best, rel=1e-6)
        assert found.reason in (lbfgs.DECREASE, lbfgs.PRECISION)
        assert found.evaluations < 1000


def test_a_step_that_only_seems_level_is_no_end():
    """A step over the valley to the same height is shortened, not taken for the end."""
    found = minimize(
        lambda x: (np.float32(((x - 1) ** 2).sum()), 2 * (x - 1)), np.zeros(1), **TIGHT
    )
    assert found.x == pytest.approx(1, abs=1e-6)


def test_a_gradient_that_is_wrong_ends_in_a_sentence_and_not_in_circles():
    found = minimize(lambda x: ((x * x).sum(), -2 * x), np.ones(3), **TIGHT)
    assert found.iterations <= lbfgs.LEVEL
    assert found.evaluations <= 1 + lbfgs.LEVEL * (lbfgs.TRIALS + 1)
    np.testing.assert_allclose(found.x, 1, rtol=1e-9)


def test_the_coarser_dtype_of_loss_and_gradient_states_the_precision():
    """A loss that is a Python float of float32 sums has their rounding error, not float64's."""
    rough = logistic(0, dtype="float32", spread=0.5)

    def objective(x):
        loss, gradient = rough(x.astype("float32"))
        return float(loss), gradient

    rules = {"max_iterations": 1000, "gradient_tolerance": 1e-6, "decrease": 0.0}
    found = minimize(objective, np.zeros(8), **rules)
    stated = minimize(lambda x: rough(x.astype("float32")), np.zeros(8), **rules)
    assert found.reason == stated.reason == lbfgs.GRADIENT
    assert found.evaluations == stated.evaluations <= found.iterations + 8


def test_a_level_loss_ends_it_even_if_it_falls_at_the_last_level_step():
    """The loss rises by two units of rounding, and falls by one at the step number LEVEL."""
    unit, steps = np.finfo(np.float32).eps, [0]

    def objective(x):
        units = 0 if np.all(x == -1.2) else 1 if steps[-1] == lbfgs.LEVEL - 1 else 2
        return np.float32(1 + units * unit), 1e-12 * rosenbrock(x)[1]

    found = minimize(
        objective,
        np.full(20, -1.2),
        max_iterations=200,
        gradient_tolerance=0.0,
        decrease=0.0,
        callback=lambda step, _: steps.append(step),
    )
    assert (found.iterations, found.reason) == (lbfgs.LEVEL + 1, lbfgs.DECREASE)


@pytest.mark.parametrize(
    ("size", "dtype"),
    [(1e-180, "float64"), (1e-310, "float64"), (1e-25, "float32"), (1e-44, "float32")],
)
@pytest.mark.parametrize("bounds", [{}, {"lower": -9.0, "upper": 9.0}])
def test_gradients_whose_squares_are_0_end_it(size, dtype, bounds):
    start = np.full(3, 2, dtype)
    weight = np.asarray(size, dtype)

    def objective(x):
        return weight * (x * x).sum() / 2, weight * x

    found = minimize(objective, start, **bounds, **{**TIGHT, "gradient_tolerance": 0.0})
    assert found.reason in (lbfgs.GRADIENT, lbfgs.DECREASE, lbfgs.PRECISION)
    assert found.evaluations < 1000
    assert np.all(np.abs(found.x) <= 2)


@pytest.mark.parametrize(
    ("size", "dtype"), [(1e20, "float32"), (1e35, "float32"), (1e140, "float64")]
)
@pytest.mark.parametrize("bounds", [{}, {"lower": -9.0, "upper": 9.0}])
def test_gradients_whose_squares_are_large(size, dtype, bounds):
    weight = np.asarray(size, dtype) * np.array([1, 2, 3], dtype)
    found = minimize(
        lambda x: ((weight * (x - 1) ** 2).sum() / 2, weight * (x - 1)),
        np.full(3, 4, dtype),
        **bounds,
        **{**TIGHT, "gradient_tolerance": 0.0},
    )
    np.testing.assert_allclose(found.x, 1, rtol=1e-5)
    assert found.evaluations < 40


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_nan_and_inf_are_errors(what, bad):
    calls = []

    def objective(x):
        calls.append(x)
        loss, gradient = rosenbrock(x)
        if len(calls) == 4:
            loss = bad if what == "loss" else loss
            gradient = np.append(gradient[:-1], bad) if what == "gradient" else gradient
        return loss, gradient

    for bounds in ({}, {"lower": -2.0, "upper": 2.0}):
        calls.clear()
        with pytest.raises(NotFiniteError, match=f"the {what} is NaN or inf at evaluation 4"):
            minimize(objective, np.full(3, -1.2), **bounds, **TIGHT)


# The inverse Hessian


def test_products_of_float32_are_in_float64():
    rows = np.array([[1e25, 0, 1], [1, 1, 1]], "float32")
    for repeats in (1, 2 * CHUNK):
        found = products(np.tile(rows, repeats), np.tile(rows[0], repeats))
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, [1e50 * repeats, 1e25 * repeats], rtol=1e-6)


def kept(step, change):
    """H after a step (n,) with this change of the gradient, which is its gradient as well."""
    h = InverseHessian(step, 2)
    h.step[...], h.change[...] = step, change
    h.keep(products(h.rows, h.change), products(h.rows, h.change))
    return h


def test_a_pair_whose_squares_are_0_is_not_kept():
    assert kept(np.ones(3), np.full(3, 1e-150)).order == [0]
    assert kept(np.ones(3), np.full(3, 1e-170)).order == []


def test_a_large_curvature_is_kept_with_and_without_bounds():
    """The unit of the loss makes no difference."""
    gradient = np.array([1e20, 1e20, 4e20])
    h = kept(np.ones(3), np.full(3, 1e20))
    free = np.array([True, True, False])
    np.testing.assert_allclose(h.descent_of_free(gradient, free), [-1, -1, 0])
    assert h.descent_of_free(gradient, np.zeros(3, bool)) is None


# With bounds


def test_bounds_that_hold_nothing_back_change_nothing():
    found = minimize(rosenbrock, np.full(4, -1.2), lower=-1e6, upper=1e6, **TIGHT)
    np.testing.assert_allclose(found.x, 1, atol=1e-8)


def test_by_hand_one_variable_at_its_bound_one_free_one_fixed():
    a, b = np.array([[2.0, 1, 0], [1, 2, 0], [0, 0, 1]]), np.array([3.0, -3, 5])  # free: 3, -3, 5
    lower, upper = np.array([-10.0, -1, 2]), np.array([10.0, 10, 2])
    found = minimize(quadratic(a, b), np.zeros(3), lower=lower, upper=upper, **TIGHT)
    np.testing.assert_allclose(found.x, [2, -1, 2], atol=1e-9)  # 2 x + (-1) = 3
    assert found.reason == lbfgs.GRADIENT


def test_no_point_outside_of_the_bounds_is_asked_for():
    asked = []

    def objective(x):
        asked.append(x.copy())
        return rosenbrock(x)

    start = np.array([5.0, -7.0, 0.2])
    found = minimize(objective, start, lower=-0.5, upper=np.array([0.7, 0.6, 3.0]), **TIGHT)
    assert np.array_equal(asked[0], [0.7, -0.5, 0.2])
    assert np.min(asked) >= -0.5
    assert np.all(np.max(asked, axis=0) <= [0.7, 0.6, 3.0])
    theirs = scipy_minimum(rosenbrock, asked[0], -0.5, np.array([0.7, 0.6, 3.0]))
    assert found.loss == pytest.approx(theirs.fun, rel=1e-10)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_a_linear_function_ends_in_a_corner(size):
    slope = np.array([1.0, -2.0, 1e-3, 0.0])
    found = minimize(
        lambda x: (slope @ x, slope), np.zeros(4), lower=-size, upper=3 * size, **TIGHT
    )
    assert np.array_equal(found.x[:3], [-size, 3 * size, -size])
    assert found.iterations < 10


def test_all_at_their_bounds_from_the_start():
    found = minimize(quadratic(np.eye(3), -np.ones(3)), np.zeros(3), lower=0.0, **TIGHT)
    assert np.array_equal(found.x, np.zeros(3))
    assert (found.iterations, found.reason) == (0, lbfgs.GRADIENT)
    assert np.array_equal(found.gradient, np.ones(3))


@pytest.mark.parametrize("bound", ["none", "lower", "upper", "both"])
@pytest.mark.parametrize("seed", range(8))
def test_convex_problems_against_scipy(bound, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    a = rng.normal(size=(n + 5, n)) * np.exp(rng.normal(size=n))
    b = rng.normal(size=n + 5)

    def objective(x):
        r = a @ x - b
        return 0.5 * r @ r + np.logaddexp(0, x).sum(), a.T @ r + 1 / (1 + np.exp(-x))

    lower = rng.normal(size=n) * 0.1 - 0.1 if bound in ("lower", "both") else np.full(n, -np.inf)
    upper = np.full(n, np.inf)
    if bound in ("upper", "both"):
        upper = np.where(np.isfinite(lower), lower, -0.1) + rng.random(n) * rng.integers(0, 2, n)
    start = rng.normal(size=n)
    found = minimize(objective, start, lower=lower, upper=upper, **TIGHT)
    theirs = scipy_minimum(objective, start, lower, upper)
    assert found.loss == pytest.approx(theirs.fun, rel=1e-8)
    np.testing.assert_allclose(found.x, theirs.x, atol=1e-5)


def test_a_start_or_memory_that_can_not_be_used(sentence):
    with sentence(TypeError, "start is of type list", "pass an array (n,)"):
        minimize(rosenbrock, [0.0, 1.0], **TIGHT)
    for start in (np.zeros(0), np.zeros((2, 3)), np.float64(1)):
        with sentence(ValueError, f"shape {start.shape}", "pass an array (n,)"):
            minimize(rosenbrock, start, **TIGHT)
    for memory in (0, -1):
        with sentence(ValueError, f"memory is {memory}", "at least 1"):
            minimize(rosenbrock, np.zeros(2), memory=memory, **TIGHT)


def test_one_step_of_memory_is_enough():
    found = minimize(rosenbrock, np.full(2, -1.2), memory=1, **TIGHT)
    np.testing.assert_allclose(found.x, 1, atol=1e-8)


def test_bounds_that_cross_or_are_nan(sentence):
    for lower, upper in ((np.array([0.0, 2.0]), 1.0), (0.0, np.array([1.0, math.nan]))):
        with sentence(ValueError, "the bounds of variable 1 are", "pass numbers"):
            minimize(rosenbrock, np.zeros(2), lower=lower, upper=upper, **TIGHT)


# The same bits


def test_threads_change_no_bit():
    n = 30_000  # OpenBLAS would split a sum of so many
    weight = np.linspace(1, 50, n)

    def objective(x):
        return float((weight * np.cosh(x - 1)).sum()), weight * np.sinh(x - 1)

    found = []
    for count in (1, 2, 3):
        with workers(count):
            found.append(minimize(objective, np.zeros(n), **TIGHT))
    found.append(minimize(objective, np.zeros(n), **TIGHT))  # with BLAS as it is
    for other in found[1:]:
        assert np.array_equal(found[0].x, other.x)
        assert other.evaluations == found[0].evaluations


def test_a_step_that_lowers_the_loss_by_too_small_a_share_of_the_slope_is_shortened():
    """x^2 - x: the first trial, x = 1, is lower by 1e-5 of the slope and as steep."""
    seen = []
    minimize(
        lambda x: (float((x * x - (1 + 1e-5) * x).sum()), 2 * x - (1 + 1e-5)),
        np.zeros(1),
        **TIGHT,
        callback=lambda _, x: seen.append(float(x[0])),
    )
    assert seen[0] == pytest.approx(0.5, abs=1e-4)


def test_above_1_the_decrease_is_a_share_of_the_loss():
    losses = [1000 + rosenbrock(np.full(5, -1.2))[0]]
    found = minimize(
        lambda x: (1000 + rosenbrock(x)[0], rosenbrock(x)[1]),
        np.full(5, -1.2),
        max_iterations=500,
        gradient_tolerance=0.0,
        decrease=1e-3,
        callback=lambda _, x: losses.append(1000 + rosenbrock(x)[0]),
    )
    falls = -np.diff(losses) / losses[:-1]
    assert found.reason == lbfgs.DECREASE
    assert 1e-6 < falls[-1] <= 1e-3
    assert np.all(falls[:-1] > 1e-3)


def test_ten_steps_on_a_level_end_it():
    """A loss that rounding makes constant; lbfgs.LEVEL is written out, as any would pass else."""
    found = minimize(
        lambda x: (np.float32(1e12 + rosenbrock(x)[0]), rosenbrock(x)[1]), np.full(5, -1.2), **TIGHT
    )
    assert (found.iterations, found.reason) == (10, lbfgs.DECREASE)


def test_as_many_pairs_are_kept_as_the_memory_has_places():
    h = InverseHessian(np.zeros(2), 3)
    for i in range(1, 6):
        h.step[...], h.change[...] = i, 2.0 * i
        h.keep(products(h.rows, h.change), products(h.rows, np.ones(2)))
    assert [float(h.pairs[p, 0, 0]) for p in h.order] == [3, 4, 5]
