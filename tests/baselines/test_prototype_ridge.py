"""Prototype ridge: its scores by hand, what they don't depend on, and what it refuses."""

import numpy as np
import pytest

from tinygzsl.baselines import PrototypeRidge

PLAIN = {"features": "none", "prototypes": "none", "dtype": "float64"}


@pytest.fixture
def problem():
    """x (80, 6), index (80,) with 5 classes of unequal size, a (5, 3) and unseen ones (2, 3)."""
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(5), (8, 12, 16, 20, 24))
    x = 2 * rng.normal(size=(5, 6))[index] + rng.normal(size=(80, 6)) @ rng.normal(size=(6, 6))
    return x, index, rng.normal(size=(5, 3)), rng.normal(size=(2, 3))


def by_hand(x, index, a, everything, *, gamma, ridge, shrink):
    """The formulas of the docstring, class by class."""
    means = np.stack([x[index == c].mean(axis=0) for c in range(len(a))])
    c = sum(np.outer(r, r) for r in x - means[index]) / len(x)
    c += shrink * np.trace(c) / x.shape[1] * np.eye(x.shape[1])
    pairs = [((a[i] - a[j]) ** 2).sum() for i in range(len(a)) for j in range(i)]
    unit = np.median(pairs)

    def kernel(b):
        return np.array([np.exp(-gamma * ((b - row) ** 2).sum() / unit) for row in a])

    inverse = np.linalg.inv(np.stack([kernel(row) for row in a]) + ridge * np.eye(len(a)))
    scores = []
    for b in everything:
        off = x - means.mean(axis=0) - kernel(b) @ inverse @ (means - means.mean(axis=0))
        scores.append(-np.einsum("ni,ij,nj->n", off, np.linalg.inv(c), off))
    return np.stack(scores, axis=1)


@pytest.mark.wheel
@pytest.mark.parametrize(
    "params",
    [{"gamma": 1.0, "ridge": 0.03, "shrink": 0.3}, {"gamma": 0.4, "ridge": 2.0, "shrink": 5.0}],
)
def test_scores_by_hand(problem, params):
    x, index, a, unseen = problem
    f = PrototypeRidge(**params, **PLAIN).fit(x, index, a).decision_function(x, unseen)
    expected = by_hand(x, index, a, np.concatenate([a, unseen]), **params)
    np.testing.assert_allclose(f, expected, rtol=1e-8)


def test_defaults():
    model = PrototypeRidge()
    assert (model.gamma, model.ridge, model.shrink) == (1.0, 0.03, 0.3)


def test_without_a_ridge_the_means_of_seen_classes_are_met(problem):
    x, index, a, unseen = problem
    model = PrototypeRidge(ridge=1e-9, **PLAIN).fit(x, index, a)
    means = np.stack([x[index == c].mean(axis=0) for c in range(5)])
    f = model.decision_function(means, unseen)
    np.testing.assert_allclose(f.diagonal(), 0, atol=1e-10)
    assert f[:, :5][~np.eye(5, dtype=bool)].max() < -0.1


def test_far_from_all_prototypes_the_mean_of_the_means_is_predicted(problem):
    x, index, a, _ = problem
    model = PrototypeRidge(**PLAIN).fit(x, index, a)
    center = np.mean([x[index == c].mean(axis=0) for c in range(5)], axis=0)
    assert model.decision_function(center[None], np.full((1, 3), 1e3))[0, 5] == pytest.approx(0)


def test_units_of_features_and_prototypes_do_not_matter(problem):
    x, index, a, unseen = problem
    one = PrototypeRidge(**PLAIN).fit(x, index, a).decision_function(x, unseen)
    other = PrototypeRidge(**PLAIN).fit(1e3 * x + 50, index, 1e-4 * a)
    np.testing.assert_allclose(other.decision_function(1e3 * x + 50, 1e-4 * unseen), one, rtol=1e-6)


def test_classes_that_are_scored_together_do_not_change_each_other(problem):
    x, index, a, unseen = problem
    model = PrototypeRidge(**PLAIN).fit(x, index, a)
    both = model.decision_function(x, unseen)
    alone = model.decision_function(x, unseen[1:])
    np.testing.assert_allclose(alone, both[:, [0, 1, 2, 3, 4, 6]], rtol=1e-10)


def test_fewer_samples_than_features():
    rng = np.random.default_rng(0)
    index = np.arange(40) % 4
    x = rng.normal(size=(4, 200))[index] + 0.3 * rng.normal(size=(40, 200))
    model = PrototypeRidge(**PLAIN).fit(x, index, rng.normal(size=(4, 3)))
    assert np.isfinite(model.decision_function(x, rng.normal(size=(2, 3)))).all()
    assert (model.predict(x) == index).all()


def test_means_that_are_linear_in_the_prototypes_are_found(linear_classes):
    x, y, a = linear_classes
    seen = y < 18
    model = PrototypeRidge(features="standard", prototypes="none", ridge=1e-3)
    model.fit(x[seen], y[seen], a[:18])
    labels = model.predict(x[~seen], a[18:], np.arange(18, 22))
    f = model.decision_function(x[~seen], a[18:])[:, 18:]
    assert (18 + f.argmax(axis=1) == y[~seen]).mean() > 0.95
    assert (labels == y[~seen]).mean() > 0.6


def test_bad_settings(problem, sentence):
    x, index, a, _ = problem
    for name in ("gamma", "ridge", "shrink"):
        for value in (0.0, -1.0, np.nan, "x", True):
            with sentence(ValueError, f"{name} is {value!r}", "above 0"):
                PrototypeRidge(**{name: value}).fit(x, index, a)
    with sentence(ValueError, "ridge is 1e-10; pass at least 1e-09"):
        PrototypeRidge(ridge=1e-10).fit(x, index, a)
    with sentence(ValueError, "shrink is 0.0001; pass at least 0.001"):
        PrototypeRidge(shrink=1e-4).fit(x, index, a)


def test_data_without_a_unit_of_distance_is_refused(problem, sentence):
    x, index, a, _ = problem
    same = a.copy()
    same[:4] = a[0]
    with sentence(ValueError, "median distance of two prototypes is 0", "pass prototypes"):
        PrototypeRidge(**PLAIN).fit(x, index, same)
    with sentence(ValueError, "all samples of a class are equal"):
        PrototypeRidge(**PLAIN).fit(np.eye(5)[index], index, a)


def test_a_large_gamma_only_makes_classes_unlike(problem):
    x, index, a, unseen = problem
    model = PrototypeRidge(gamma=1e300, **PLAIN).fit(x, index, a)
    f = model.decision_function(x, unseen)
    assert np.isfinite(f).all()
    np.testing.assert_array_equal(f[:, 5], f[:, 6])
