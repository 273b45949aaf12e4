"""ESZSL against its normal equations solved another way, and its known collapse to seen classes."""

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL
from tinygzsl.metrics import harmonic_mean, mean_class_accuracy

GAMMA, LAMBDA = 0.4, 2.5
WEIGHTS = dict(
    zip(("regularize_features", "regularize_prototypes"), np.log10([GAMMA, LAMBDA]), strict=True)
)
PLAIN = {"prototypes": "none", "dtype": "float64"}
OTHERS = {"signs": -1, "zero_one": 0}


@pytest.fixture(params=OTHERS)
def targets(request):
    return request.param


@pytest.fixture
def problem(targets):
    """x (30, 5), index (30,), a (4, 3) and the targets y (30, 4): 1, and -1 or 0 elsewhere."""
    rng = np.random.default_rng(0)
    index = np.arange(30) % 4
    y = np.where(np.eye(4)[index] == 1, 1, OTHERS[targets])
    return rng.normal(size=(30, 5)), index, rng.normal(size=(4, 3)), y


@pytest.fixture
def solution(problem, targets):
    """V (5, 3) as the class finds it, asked by scores of unit vectors."""
    x, index, a, _ = problem
    model = ESZSL(targets=targets, **WEIGHTS, **PLAIN)
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


def test_scores_of_a_class_are_bilinear(problem, solution, targets):
    x, index, a, _ = problem
    model = ESZSL(targets=targets, **WEIGHTS, **PLAIN)
    unseen = np.random.default_rng(2).normal(size=(2, 3))
    f = model.fit(x, index, a).decision_function(x, unseen)
    np.testing.assert_allclose(f, x @ solution @ np.concatenate([a, unseen]).T, atol=1e-12)


def test_bad_settings(problem, sentence):
    x, index, a, _ = problem
    for name in ("regularize_features", "regularize_prototypes"):
        for value in (400.0, -400.0, np.nan, "x", True):
            with sentence(ValueError, f"{name} is {value!r}", "log10 from -9 to 9"):
                ESZSL(**{name: value}).fit(x, index, a)
    for value in ("ones", 0, None, ["signs"]):
        with sentence(ValueError, f"targets is {value!r}", "signs or zero_one"):
            ESZSL(targets=value).fit(x, index, a)
    same = np.full((30, 2), 2.0**20)
    same[0] *= 2  # of rank 1, though its rows differ
    with sentence(ValueError, "singular", "regularize_features, now -9"):
        ESZSL(regularize_features=-9.0, **PLAIN).fit(same, index, a)


def test_targets_of_zero_suit_features_that_are_not_centred():
    """Without a bias, signs make an offset of the features fit the mean of the targets first.

    That leaves less of the fit to the classes; on centred features both are equally good.
    """
    data, found = tz.load_dataset("letters"), {}
    for features in ("none", "standard"):
        for targets in OTHERS:
            model = ESZSL(features=features, targets=targets)
            model.fit(data.X_train, data.y_train, data.seen_prototypes)
            found[features, targets] = model.score(data.X_train, data.y_train)
    assert found["none", "zero_one"] > found["none", "signs"] + 0.05
    assert abs(found["standard", "zero_one"] - found["standard", "signs"]) < 0.02


def test_the_published_settings_are_the_defaults():
    model = ESZSL()
    assert (model.regularize_features, model.regularize_prototypes) == (3.0, 0.0)
    assert (model.targets, model.features) == ("zero_one", "none")


def test_it_collapses_to_the_seen_classes_and_an_offset_mends_it():
    """Published on all benchmarks: S far above U. A class's own score would tell the unseen."""
    data = tz.load_dataset("letters")
    model = ESZSL(features="standard", regularize_features=2.0, targets="signs")
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
