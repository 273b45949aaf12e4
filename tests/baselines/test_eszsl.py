"""ESZSL against its normal equations solved another way, and its known collapse to seen classes."""

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL
from tinygzsl.metrics import harmonic_mean, mean_class_accuracy

GAMMA, LAMBDA = 0.4, 2.5
PLAIN = {"prototypes": "none", "dtype": "float64"}


@pytest.fixture
def problem():
    """x (30, 5), index (30,), a (4, 3) and the targets y (30, 4), +1 and -1."""
    rng = np.random.default_rng(0)
    index = np.arange(30) % 4
    return rng.normal(size=(30, 5)), index, rng.normal(size=(4, 3)), 2 * np.eye(4)[index] - 1


@pytest.fixture
def solution(problem):
    """V (5, 3) as the class finds it, asked by scores of unit vectors."""
    x, index, a, _ = problem
    weights = np.log10([GAMMA, LAMBDA])
    model = ESZSL(regularize_features=weights[0], regularize_prototypes=weights[1], **PLAIN)
    f = model.fit(x, index, a).decision_function(np.eye(5), np.eye(3))
    return f[:, 4:]


def objective(v, x, a, y):
    def norm(m):
        return (m * m).sum()

    fit = norm(x @ v @ a.T - y) + GAMMA * norm(v @ a.T)
    return fit + LAMBDA * norm(x @ v) + GAMMA * LAMBDA * norm(v)


def test_it_solves_the_vectorised_normal_equations(problem, solution):
    """vec(X V A^T) = (X kron A) vec(V), with rows one after the other: least squares in vec(V)."""
    x, _, a, y = problem
    eye = np.eye
    rows = [
        np.kron(x, a),
        np.sqrt(GAMMA) * np.kron(eye(5), a),
        np.sqrt(LAMBDA) * np.kron(x, eye(3)),
        np.sqrt(GAMMA * LAMBDA) * np.kron(eye(5), eye(3)),
    ]
    targets = np.zeros(sum(len(r) for r in rows))
    targets[: y.size] = y.ravel()
    v = np.linalg.lstsq(np.concatenate(rows), targets, rcond=None)[0]
    np.testing.assert_allclose(solution.ravel(), v, rtol=1e-9, atol=1e-12)


def test_the_gradient_is_zero_and_all_around_is_worse(problem, solution):
    x, _, a, y = problem
    rng = np.random.default_rng(1)
    least = objective(solution, x, a, y)
    for _ in range(20):
        step = rng.normal(size=solution.shape)
        up, down = (objective(solution + h * step, x, a, y) for h in (1e-3, -1e-3))
        assert min(up, down) > least
        assert abs(up - down) / 2e-3 < 1e-7 * least


def test_scores_of_a_class_are_bilinear(problem, solution):
    x, index, a, _ = problem
    weights = np.log10([GAMMA, LAMBDA])
    model = ESZSL(regularize_features=weights[0], regularize_prototypes=weights[1], **PLAIN)
    unseen = np.random.default_rng(2).normal(size=(2, 3))
    f = model.fit(x, index, a).decision_function(x, unseen)
    np.testing.assert_allclose(f, x @ solution @ np.concatenate([a, unseen]).T, atol=1e-12)


def test_bad_settings(problem, sentence):
    x, index, a, _ = problem
    for name in ("regularize_features", "regularize_prototypes"):
        for value in (400.0, -400.0, np.nan, "x", True):
            with sentence(ValueError, f"{name} is {value!r}", "log10 from -9 to 9"):
                ESZSL(**{name: value}).fit(x, index, a)
    same = np.full((30, 2), 2.0**20)
    same[0] *= 2  # of rank 1, though its rows differ
    with sentence(ValueError, "singular", "regularize_features, now -9"):
        ESZSL(regularize_features=-9.0, **PLAIN).fit(same, index, a)


def test_it_collapses_to_the_seen_classes_and_an_offset_mends_it():
    """Published on all benchmarks: S far above U. A class's own score would tell the unseen."""
    data = tz.load_dataset("letters")
    model = ESZSL(features="standard", regularize_features=2.0)
    model.fit(data.X_train, data.y_train, data.seen_prototypes)
    unseen = ~np.isin(data.y_test, data.seen_classes)
    called_seen, H = {}, {}
    for offset in (0.0, 0.5):
        model.offset = offset
        y = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
        called_seen[offset] = np.isin(y[unseen], data.seen_classes).mean()
        S, U = (mean_class_accuracy(data.y_test[r], y[r]) for r in (~unseen, unseen))
        H[offset] = harmonic_mean(S, U)
        if offset == 0:
            assert S > 4 * U
    f = model.decision_function(data.X_test[unseen], data.unseen_prototypes)
    zsl = data.unseen_classes[f[:, len(data.seen_classes) :].argmax(axis=1)]
    assert mean_class_accuracy(data.y_test[unseen], zsl) > 2 / 6  # twice chance
    assert called_seen[0.0] > 0.7
    assert called_seen[0.5] < 0.4
    assert H[0.5] > 1.7 * H[0.0]
