"""SYNC against LIBLINEAR's solution of the same problem, and its synthesis by hand."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from tinygzsl.baselines import SYNC, sync
from tinygzsl.baselines.sync import one_versus_other_loss, train_one_versus_other
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.nn import lbfgs
from tinygzsl.nn.lbfgs import minimize

PLAIN = {"features": "none", "prototypes": "none", "dtype": "float64"}


@pytest.fixture
def problem():
    """x (80, 6), index (80,), seen prototypes (4, 3) and unseen ones (2, 3)."""
    rng = np.random.default_rng(0)
    index = np.arange(80) % 4
    x = rng.normal(size=(4, 6))[index] + rng.normal(size=(80, 6))
    return x, index, rng.normal(size=(4, 3)), rng.normal(size=(2, 3))


def signs(index):
    return np.where(index[:, None] == np.arange(4), 1.0, -1.0)


def test_the_objective_by_hand_and_its_gradient(problem):
    x, index, _, _ = problem
    w, s = np.random.default_rng(1).normal(size=(4, 6)), signs(index)
    loss, dw = one_versus_other_loss(w, x, s, weight=0.3)
    hinge = [max(0, 1 - s[i, c] * (w[c] @ x[i])) ** 2 for i in range(80) for c in range(4)]
    assert loss == pytest.approx(sum(hinge) / 320 + 0.15 * (w * w).sum())
    assert 0 < np.count_nonzero(hinge) < 320  # both sides of the hinge
    check = Check("sync", [w], [dw], lambda: one_versus_other_loss(w, x, s, weight=0.3)[0])
    assert run_check(check).passed


@pytest.mark.parametrize("weight", [1e-2, 1e-4])
def test_the_classifiers_are_those_of_liblinear(problem, weight):
    x, index, _, _ = problem
    s = signs(index)
    w = train_one_versus_other(x, s, weight=weight)
    svm = LinearSVC(
        C=1 / (s.size * weight), fit_intercept=False, dual=False, tol=1e-10, max_iter=10_000
    )
    other = np.stack([svm.fit(x, s[:, c]).coef_[0] for c in range(4)])
    np.testing.assert_allclose(w, other, atol=2e-5 * np.abs(other).max())
    least, dw = one_versus_other_loss(w, x, s, weight=weight)
    assert least == pytest.approx(one_versus_other_loss(other, x, s, weight=weight)[0], abs=1e-10)
    assert np.abs(dw).max() < 1e-6


@pytest.mark.parametrize("regularize", [-8.0, np.float64(-8)])
def test_float32_takes_hardly_more_evaluations_than_steps(monkeypatch, regularize):
    """The search knows the rounding error of a loss from float32 scores."""
    found = []

    def spy(*args, **named):
        found.append(minimize(*args, **named))
        return found[-1]

    monkeypatch.setattr(sync, "minimize", spy)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        index = np.arange(300) % 10
        x = rng.normal(size=(10, 20))[index] + rng.normal(size=(300, 20))
        SYNC(regularize=regularize, dtype="float32").fit(x, index, rng.normal(size=(10, 5)))
    assert len(found) == 4
    for fit in found:
        assert fit.reason == lbfgs.GRADIENT
        assert fit.iterations + 1 <= fit.evaluations <= fit.iterations + 5


def test_unseen_classifiers_are_synthesised_from_the_phantoms(problem):
    x, index, a, unseen = problem
    model = SYNC(regularize=-10.0, scale=1.0, **PLAIN).fit(x, index, a)
    w = train_one_versus_other(x, signs(index), weight=2**-10)
    every = np.concatenate([a, unseen])
    unit = np.median([np.linalg.norm(p - q) for i, p in enumerate(a) for q in a[:i]])
    s = np.array([[np.exp(-2 * ((p - q) @ (p - q)) / unit**2) for q in a] for p in every])
    s /= s.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.similarities(every), s, rtol=1e-10)
    v = np.linalg.solve(s[:4], w)
    np.testing.assert_allclose(model.decision_function(x, unseen), x @ (s @ v).T, atol=1e-8)
    # s v = w: the classifiers of the seen classes are the ones that were trained
    np.testing.assert_allclose(model.decision_function(x, unseen)[:, :4], x @ w.T, atol=1e-8)


def test_the_phantoms_solve_the_papers_problem(problem):
    """Gradient descent over v, w_c = sum_r s_cr v_r, can't get below what SYNC finds."""
    x, index, a, _ = problem
    model = SYNC(regularize=-8.0, scale=1.0, **PLAIN).fit(x, index, a)
    s, goal = model.similarities(a), signs(index)

    def loss(v):
        value, dw = one_versus_other_loss(s @ v, x, goal, weight=2**-8)
        return value, s.T @ dw

    least, v = loss(model._v)[0], np.zeros((4, 6))
    losses = []
    for _ in range(4000):
        value, dv = loss(v)
        losses.append(value)
        v -= 1.0 * dv
    assert np.all(np.diff(losses) < 1e-12)
    assert least < losses[-1] + 1e-9
    assert losses[-1] == pytest.approx(least, rel=1e-4)


def test_a_large_scale_takes_the_nearest_phantom_and_a_small_one_their_mean(problem):
    x, index, a, _ = problem
    near = SYNC(scale=20.0, **PLAIN).fit(x, index, a)
    np.testing.assert_array_equal(near.similarities(a), np.eye(4))
    np.testing.assert_array_equal(near.similarities(a[:1] + 0.01), np.eye(4)[:1])
    even = SYNC(scale=-30.0, **PLAIN).fit(x, index, a)
    np.testing.assert_allclose(even.similarities(a), 0.25, rtol=1e-6)


def test_equal_prototypes_are_no_trouble(problem):
    x, index, _, unseen = problem
    a = np.ones((4, 3))
    a[3] = 2
    model = SYNC(**PLAIN).fit(x, index, a)
    assert np.isfinite(model.decision_function(x, unseen)).all()


def test_it_reports_its_steps(problem):
    logs = []
    SYNC(callback=lambda step, log: logs.append((step, log["phase"])), **PLAIN).fit(*problem[:3])
    assert logs == [(i, "sync") for i in range(1, len(logs) + 1)]
    assert logs


def test_bad_settings(problem, sentence):
    for name in ("regularize", "scale"):
        for value in (np.nan, 101.0, "x", None):
            with sentence(ValueError, f"{name} is {value!r}", "log2 from -100 to 100"):
                SYNC(**{name: value}, **PLAIN).fit(*problem[:3])
