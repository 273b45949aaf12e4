"""The ranking losses of ALE, DeViSE and SJE: values, gradients, optimum, and the loop of SGD."""

import numpy as np
import pytest
from scipy.optimize import linprog

from tinygzsl.baselines import ALE, SJE, DeViSE
from tinygzsl.baselines.common.ranking import (
    bilinear_loss,
    initial_weights,
    ranking_epoch,
    ranking_loss,
    reference_epoch,
)
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.kernels import reference_only

METHODS = ALE, DeViSE, SJE


def problem(n=40, d=7, k=5, classes=6, dtype="float64"):
    """x (n, d), index (n,), prototypes a (classes, k) that no W separates."""
    rng = np.random.default_rng(0)
    index = np.arange(n) % classes
    x, a = rng.normal(size=(n, d)), rng.normal(size=(classes, k))
    return x.astype(dtype), index, a.astype(dtype)


def weights_of(method, classes):
    return method()._weights(classes)


def losses_of(method, f, index, margin):
    return ranking_loss(f, index, margin=margin, weights=weights_of(method, f.shape[1]))


def test_losses_by_hand():
    # Violations of the first row 0.5, 0.75 and 1.25; of the second none, of the third 0.25.
    f = np.array([[1.0, 0.5, 0.75, 1.25], [0, 0, 2, 1], [0, 0.25, 1, 0]])
    index = np.array([0, 2, 2])
    loss, df = losses_of(DeViSE, f, index, 1.0)
    np.testing.assert_array_equal(loss, [2.5, 0, 0.25])
    np.testing.assert_array_equal(df, [[-3, 1, 1, 1], [0, 0, 0, 0], [0, 1, -1, 0]])
    loss, df = losses_of(SJE, f, index, 1.0)
    np.testing.assert_array_equal(loss, [1.25, 0, 0.25])
    np.testing.assert_array_equal(df, [[-1, 0, 0, 1], [0, 0, 0, 0], [0, 1, -1, 0]])
    loss, df = losses_of(ALE, f, index, 1.0)
    share = (1 + 1 / 2 + 1 / 3) / 3
    np.testing.assert_allclose(loss, [2.5 * share, 0, 0.25])
    np.testing.assert_allclose(df[0], np.array([-3, 1, 1, 1]) * share)
    np.testing.assert_array_equal(df[1:], [[0, 0, 0, 0], [0, 1, -1, 0]])


@pytest.mark.parametrize("method", METHODS)
def test_gradients(method):
    x, index, a = problem()
    w = np.random.default_rng(1).normal(size=(7, 5))
    weights = weights_of(method, len(a))

    def loss():
        return bilinear_loss(w, x, index, a, margin=0.7, weights=weights)

    gradient = loss()[1]
    check = Check(method.title, [w], [gradient], lambda: loss()[0])
    assert run_check(check).passed
    assert np.linalg.norm(gradient) > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_full_batch_descent_is_monotone(method):
    """ALE's weight jumps where the rank of a label changes, up for a better one: not counted."""
    x, index, a = problem()
    weights, w, before, ranks = (
        weights_of(method, len(a)),
        2 * initial_weights(d=7, k=5, seed=0, dtype="float64"),
        np.inf,
        None,
    )
    first, same = bilinear_loss(w, x, index, a, margin=1.0, weights=weights)[0], 0
    for _ in range(300):
        loss, dw = bilinear_loss(w, x, index, a, margin=1.0, weights=weights)
        now = (ranking_loss(x @ w @ a.T, index, margin=1.0, weights=np.ones(6))[1] > 0).sum(axis=1)
        if method is not ALE or np.array_equal(now, ranks):
            assert loss <= before
            same += 1
        before, ranks, w = loss, now, w - 1e-3 * dw
    assert loss < 0.9 * first
    assert same > 100


@pytest.mark.parametrize("method", [DeViSE, SJE])  # ALE's objective isn't convex
def test_descent_reaches_the_optimum_of_the_linear_program(method):
    x, index, a = problem(n=12, d=2, k=2, classes=3)
    best = linear_program(x, index, a, shared=method is SJE)
    weights, w, least = weights_of(method, 3), np.zeros((2, 2)), np.inf
    for _ in range(2000):
        loss, dw = bilinear_loss(w, x, index, a, margin=1.0, weights=weights)
        least, w = min(least, loss), w - (loss - best) / (dw * dw).sum() * dw  # Polyak's step
    assert best > 0.1
    assert least == pytest.approx(best, rel=1e-4)


def linear_program(x, index, a, shared):
    """The least mean loss: slacks >= 1 + F_y - F_label, one a sample if shared."""
    n, d, k = len(x), x.shape[1], a.shape[1]
    rows, slacks = [], n if shared else n * len(a)
    for i in range(n):
        for y in range(len(a)):
            if y != index[i]:
                row = np.zeros(d * k + slacks)
                row[: d * k] = np.outer(x[i], a[y] - a[index[i]]).ravel()
                row[d * k + (i if shared else i * len(a) + y)] = -1
                rows.append(row)
    cost = np.concatenate([np.zeros(d * k), np.ones(slacks) / n])
    bounds = [(None, None)] * (d * k) + [(0, None)] * slacks
    return linprog(cost, np.array(rows), -np.ones(len(rows)), bounds=bounds).fun


@pytest.mark.parametrize("method", METHODS)
def test_an_epoch_is_sgd_on_w(method):
    x, index, a = problem()
    weights, order = weights_of(method, len(a)), np.random.default_rng(2).permutation(40)
    start, m, losses = initial_weights(d=7, k=5, seed=0, dtype="float64"), np.zeros((7, 6)), []
    w = start.copy()
    for i in order:
        loss, dw = bilinear_loss(w, x[i : i + 1], index[i : i + 1], a, margin=0.5, weights=weights)
        w -= 0.05 * dw
        losses.append(loss)
    loss = reference_epoch(
        m, order, x, x @ start @ a.T, a @ a.T, index, lr=0.05, margin=0.5, weights=weights
    )
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    np.testing.assert_allclose(start + m @ a, w, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", METHODS)
def test_the_compiled_epoch_equals_the_reference(method, dtype):
    """One class more often right than wrong and a margin of 0.1: some samples violate nothing."""
    x, index, a = problem(n=60, dtype=dtype)
    start, order = 3 * np.eye(6, dtype=dtype)[index], np.arange(60)[::-1].copy()
    start[::3] *= -1
    results = []
    for epoch in (reference_epoch, ranking_epoch):
        m = np.zeros((7, 6), dtype)
        weights = weights_of(method, 6)
        loss = epoch(m, order, x, start, a @ a.T, index, lr=0.02, margin=0.1, weights=weights)
        results.append((loss, m))
    assert results[1][1].dtype == dtype
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    assert results[1][0] == pytest.approx(results[0][0], rel=tolerance)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=tolerance, atol=tolerance)
    assert np.abs(results[0][1]).max() > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_the_classes_learn(method, tiny_dataset):
    data = tiny_dataset()
    training = data.X_train, data.y_train, data.seen_prototypes
    losses, options = [], {"features": "standard", "lr": 0.03}
    model = method(**options, callback=lambda step, logs: losses.append(logs["loss"]))
    model.fit(*training)
    assert len(losses) == 20
    assert losses[-1] < losses[0] / 2
    assert (model.predict(data.X_train) == data.y_train).mean() > 0.9
    again, other = method(**options).fit(*training), method(**options, seed=1).fit(*training)
    np.testing.assert_array_equal(again._w, model._w)
    assert not np.array_equal(other._w, model._w)
    with reference_only():
        slow = method(**options, epochs=1, dtype="float64").fit(*training)
    fast = method(**options, epochs=1, dtype="float64").fit(*training)
    np.testing.assert_allclose(slow._w, fast._w, rtol=1e-9, atol=1e-12)
    f = model.decision_function(data.X_test, data.unseen_prototypes)
    unseen = ~np.isin(data.y_test, data.seen_classes)
    right = data.unseen_classes[f[unseen, 5:].argmax(axis=1)] == data.y_test[unseen]
    assert right.mean() > 0.7


def test_columns_of_the_initial_weights_have_length_1():
    w = initial_weights(d=30, k=4, seed=3, dtype="float32")
    assert w.dtype == "float32"
    np.testing.assert_allclose(np.linalg.norm(w, axis=0), 1, rtol=1e-6)
    assert w.min() > 0


def test_bad_settings(tiny_dataset, sentence):
    data = tiny_dataset()
    training = data.X_train, data.y_train, data.seen_prototypes
    with sentence(ValueError, "lr is 0", "above 0"):
        ALE(lr=0).fit(*training)
    with sentence(ValueError, "margin is -1", "above 0"):
        SJE(margin=-1).fit(*training)
    with sentence(ValueError, "epochs is 1.5", "whole"):
        DeViSE(epochs=1.5).fit(*training)
    for reference in (False, True):
        with sentence(FloatingPointError, "DeViSE diverged in epoch 1", "lr"):
            fit_diverging(training, reference)


def fit_diverging(training, reference):
    model = DeViSE(lr=1e38)
    if not reference:
        return model.fit(*training)
    with reference_only():
        return model.fit(*training)
