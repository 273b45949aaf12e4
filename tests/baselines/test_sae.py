"""SAE against SciPy's Sylvester solver, and what is published of its two directions."""

import numpy as np
import pytest
from scipy.linalg import solve_sylvester as scipy_sylvester

import tinygzsl as tz
from tinygzsl.baselines import SAE
from tinygzsl.baselines.sae import solve_sylvester
from tinygzsl.metrics import ausuc, harmonic_mean, mean_class_accuracy

WEIGHT = 0.7


@pytest.fixture
def problem():
    """x (40, 6), index (40,), a (5, 3)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 6)), np.arange(40) % 5, rng.normal(size=(5, 3))


def scipy_solution(x, a_y):
    return scipy_sylvester(a_y.T @ a_y, WEIGHT * x.T @ x, (1 + WEIGHT) * a_y.T @ x)


def unit(m):
    return m / np.linalg.norm(m, axis=1, keepdims=True)


@pytest.mark.parametrize("direction", ["encoder", "decoder"])
def test_scores_are_those_of_scipys_solution(problem, direction):
    x, index, a = problem
    model = SAE(
        direction=direction,
        encoding_weight=WEIGHT,
        features="none",
        prototypes="none",
        dtype="float64",
    )
    others = np.random.default_rng(1).normal(size=(2, 3))
    f = model.fit(x, index, a).decision_function(x, others)
    w, every = unit(scipy_solution(x, a[index])), np.concatenate([a, others])
    if direction == "encoder":
        expected = unit(x @ w.T) @ unit(every).T
    else:
        expected = unit(x) @ unit(every @ w).T
    np.testing.assert_allclose(f, expected, rtol=0, atol=1e-12)


def test_the_solution_minimises_the_objective(problem):
    x, index, a = problem
    a_y = a[index]

    def objective(w):
        return ((x - a_y @ w) ** 2).sum() + WEIGHT * ((x @ w.T - a_y) ** 2).sum()

    w = solve_sylvester(a_y.T @ a_y, WEIGHT * x.T @ x, (1 + WEIGHT) * a_y.T @ x)
    np.testing.assert_allclose(w, scipy_solution(x, a_y), rtol=1e-10)
    least, rng = objective(w), np.random.default_rng(2)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=w.shape)
        up, down = objective(w + step), objective(w - step)
        assert min(up, down) > least
        assert abs(up - down) < 1e-9 * least


def test_singular_equations_have_the_solution_of_least_norm():
    """A constant feature and a constant attribute: Kronecker's matrix and its pseudo-inverse."""
    rng = np.random.default_rng(3)
    x, a_y = rng.normal(size=(20, 5)), rng.normal(size=(20, 3))
    x[:, 2] = a_y[:, 1] = 0
    a, b, c = a_y.T @ a_y, x.T @ x, a_y.T @ x
    whole = np.kron(a, np.eye(5)) + np.kron(np.eye(3), b)
    w = solve_sylvester(a, b, c)
    np.testing.assert_allclose(w.ravel(), np.linalg.pinv(whole) @ c.ravel(), atol=1e-12)
    np.testing.assert_allclose(a @ w + w @ b, c, atol=1e-12)


def test_more_weight_gives_the_regression_of_prototypes(problem):
    """lambda to infinity leaves the encoder alone: w = A_y^T X (X^T X)^-1."""
    x, index, a = problem
    model = SAE(encoding_weight=1e9, features="none", prototypes="none", dtype="float64")
    model.fit(x, index, a)
    regression = np.linalg.lstsq(x, a[index], rcond=None)[0].T
    np.testing.assert_allclose(
        model.decision_function(x, a[:1])[:, :5],
        unit(x @ unit(regression).T) @ unit(a).T,
        atol=1e-7,
    )


def test_it_collapses_to_the_seen_classes_and_an_offset_mends_it():
    """Published: S far above U, and semantics to features (decoder) ahead of the encoder."""
    data, H, AUSUC = tz.load_dataset("letters"), {}, {}
    unseen = ~np.isin(data.y_test, data.seen_classes)
    for direction, weight in (("encoder", 3.2), ("decoder", 0.8)):
        model = SAE(direction=direction, encoding_weight=weight, features="standard")
        model.fit(data.X_train, data.y_train, data.seen_prototypes)
        f = model.decision_function(data.X_test, data.unseen_prototypes)
        S, U = f[:, : len(data.seen_classes)], f[:, len(data.seen_classes) :]
        AUSUC[direction] = ausuc(S, U, data.y_test, data.seen_classes, data.unseen_classes)
        for offset in (0.0, 0.5):
            model.offset = offset
            y = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
            S, U = (mean_class_accuracy(data.y_test[r], y[r]) for r in (~unseen, unseen))
            H[direction, offset] = harmonic_mean(S, U)
            if offset == 0:
                assert S > 3 * U
                assert np.isin(y[unseen], data.seen_classes).mean() > 0.6
        assert H[direction, 0.5] > 1.4 * H[direction, 0.0]
    assert H["decoder", 0.0] > H["encoder", 0.0]
    assert AUSUC["decoder"] > AUSUC["encoder"]


def test_bad_settings(problem, sentence):
    with sentence(ValueError, "direction is 'up'", "encoder or decoder"):
        SAE(direction="up").fit(*problem)
    for weight in (0, -1, np.nan, np.inf):
        with sentence(ValueError, f"encoding_weight is {weight}"):
            SAE(encoding_weight=weight).fit(*problem)
