"""Weights of experts: a convex problem with bounds, whose optimum another solver finds too."""

import numpy as np
import pytest
from scipy.optimize import minimize

from tinygzsl.gates.mixing import (
    PENALTY,
    Scored,
    balanced_shares,
    mixed,
    mixing_loss,
    mixing_weights,
)
from tinygzsl.runtime.threads import workers


def scored(seed=0, *, qualities=(2.0, 1.0), n=90, classes=4):
    """Experts' scores, each as good as its quality: 0 is noise, below 0 misleads."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    scores = rng.normal(size=(len(qualities), n, classes))
    for expert, quality in zip(scores, qualities, strict=True):
        expert[np.arange(n), y] += quality
    return Scored(scores=scores, y=y)


def test_every_class_weighs_the_same_by_hand():
    """Three samples of class 0 and one of class 2; in the second fold one of class 0."""
    scores = np.zeros((1, 4, 3))
    folds = [
        Scored(scores=scores, y=np.array([0, 0, 2, 0])),
        Scored(scores=scores[:, :1], y=np.array([0])),
    ]
    first, second = balanced_shares(folds)
    assert first == pytest.approx([1 / 9, 1 / 9, 1 / 3, 1 / 9])
    assert second == pytest.approx([1 / 3])


def test_the_loss_by_its_definition():
    one, w = scored(), np.array([0.4, 1.1])
    z = 0.4 * one.scores[0] + 1.1 * one.scores[1]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    log_loss = -np.log(p[np.arange(90), one.y])
    balanced = np.mean([log_loss[one.y == c].mean() for c in range(4)])
    loss = mixing_loss(w, [one], balanced_shares([one]))[0]
    assert loss == pytest.approx(balanced + PENALTY * (0.16 + 1.21))
    np.testing.assert_allclose(mixed(one.scores, w), np.log(p), rtol=1e-9)


def independent(folds, start):
    """The optimum by SciPy, with the loss alone."""
    shares = balanced_shares(folds)

    def loss(w):
        total = PENALTY * w @ w
        for fold, share in zip(folds, shares, strict=True):
            z = np.tensordot(w, fold.scores, axes=1)
            z = z - z.max(axis=1, keepdims=True)
            log_q = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            total -= share @ log_q[np.arange(len(fold.y)), fold.y]
        return total

    tight = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000}
    return minimize(loss, start, method="L-BFGS-B", bounds=[(0, None)] * len(start), options=tight)


@pytest.mark.parametrize(
    "qualities", [(2.0,), (2.0, 1.0), (1.0, 0.0, -1.0), (0.5, 2.0, 1.0, -0.5, 0.0)]
)
def test_the_optimum_is_that_of_an_independent_solver(qualities):
    """A misleading expert would get a weight below 0: its bound is active."""
    folds = [scored(seed, qualities=qualities, n=60 + 10 * seed) for seed in range(3)]
    w = mixing_weights(folds)
    other = independent(folds, np.ones(len(qualities)))
    np.testing.assert_allclose(w, other.x, atol=2e-5)
    assert mixing_loss(w, folds, balanced_shares(folds))[0] <= other.fun + 1e-10
    assert (w >= 0).all()


def test_what_misleads_is_switched_off_and_changes_nothing():
    qualities = (2.0, 1.0, -1.5)
    folds = [scored(seed, qualities=qualities) for seed in range(3)]
    w = mixing_weights(folds)
    assert w[2] == 0
    assert (w[:2] > 0.1).all()
    without = [Scored(scores=fold.scores[:2], y=fold.y) for fold in folds]
    np.testing.assert_allclose(w[:2], mixing_weights(without), atol=1e-6)


def test_nothing_but_misleading_experts_all_have_weight_0():
    w = mixing_weights([scored(qualities=(-2.0, -2.0))])
    assert w.tolist() == [0, 0]


def test_an_expert_twice_has_half_the_weight_each():
    one = scored(qualities=(2.0,))
    twice = Scored(scores=np.concatenate([one.scores, one.scores]), y=one.y)
    w, alone = mixing_weights([twice]), mixing_weights([one])
    assert w[0] == pytest.approx(w[1], abs=1e-6)
    assert w.sum() == pytest.approx(alone[0], rel=0.01)


def test_separable_classes_have_a_finite_weight():
    y = np.arange(5)
    w = mixing_weights([Scored(scores=np.eye(5)[None] * 10.0, y=y)])
    assert 0 < w[0] < 100


def test_what_all_classes_of_a_sample_share_changes_nothing():
    one = scored()
    shifted = Scored(scores=one.scores + np.random.default_rng(1).normal(size=(2, 90, 1)), y=one.y)
    np.testing.assert_allclose(mixing_weights([one]), mixing_weights([shifted]), atol=1e-7)


def test_threads_change_no_bit():
    folds, found = [scored(seed, n=20_000) for seed in range(2)], []
    for count in (1, 2):
        with workers(count):
            found.append(mixing_weights(folds))
    np.testing.assert_array_equal(*found)


def test_classes_without_samples_do_not_count_as_classes():
    folds = [Scored(scores=np.zeros((1, 3, 6)), y=np.array([0, 0, 4])) for _ in range(2)]
    for share in balanced_shares(folds):
        assert share == pytest.approx([1 / 8, 1 / 8, 1 / 4])
