"""Class Normalization: its network and loss by hand, gradients, running moments and training."""

import math

import numpy as np
import pytest

from tinygzsl.baselines import ClassNormalization
from tinygzsl.baselines.class_normalization import (
    class_normalization_loss,
    new_networks,
    normalize_backward,
    normalize_forward,
)
from tinygzsl.baselines.common import networks
from tinygzsl.baselines.common.networks import parameters
from tinygzsl.explain.gradcheck import Check, run_check

SMALL = {"hidden": 16, "epochs": 4, "batch": 20, "dtype": "float64"}


@pytest.fixture
def problem():
    """x (60, 6) without negative numbers, index (60,), a (5, 3) and unseen prototypes (2, 3)."""
    rng = np.random.default_rng(0)
    index = np.arange(60) % 5
    x = np.abs(rng.normal(size=(5, 6))[index] + 0.3 * rng.normal(size=(60, 6)))
    return x, index, rng.normal(size=(5, 3)), rng.normal(size=(2, 3))


@pytest.fixture
def nets():
    return new_networks(k=3, hidden=16, d=6, seed=1, dtype="float64")


def normalized(h):
    """N over the rows, one unit at a time."""
    columns = []
    for column in h.T:
        mean = sum(column) / len(column)
        variance = sum((column - mean) ** 2) / (len(column) - 1)
        columns.append((column - mean) / (variance + 1e-5))
    return np.stack(columns, axis=1)


def classifiers(params, a):
    """The rows p of all classes from scaled prototypes, as the docstring has them."""
    w1, b1, w2, b2, w3, b3 = params
    h1 = np.maximum(a @ w1.T + b1, 0)
    h2 = np.maximum(normalized(h1 @ w2.T + b2), 0)
    return np.maximum(normalized(h2) @ w3.T + b3, 0)


def cosines(x, p):
    return np.array([[xi @ pj / (np.linalg.norm(xi) * np.linalg.norm(pj)) for pj in p] for xi in x])


@pytest.mark.wheel
def test_normalisation_by_hand_divides_by_the_variance():
    h = np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 3.0]])
    y, _, moments = normalize_forward(h)
    np.testing.assert_allclose(moments.variance, [4, 3])
    np.testing.assert_allclose(y[:, 0], np.array([-2, 0, 2]) / 4.00001)
    np.testing.assert_allclose(y, normalized(h))
    constant, cache, _ = normalize_forward(np.full((3, 2), 7.0))
    assert not constant.any()
    assert np.isfinite(normalize_backward(h, cache)).all()


def test_one_class_is_refused(sentence):
    with sentence(ValueError, "1 rows", "at least 2 classes"):
        normalize_forward(np.ones((1, 4)))


def test_the_loss_by_hand(problem, nets):
    x, y, a, _ = problem
    loss, _, moments = class_normalization_loss(nets, x, y, a, gamma=3.0)
    logits = 9 * cosines(x, classifiers(parameters(nets), a))
    by_hand = [math.log(np.exp(row).sum()) - row[c] for row, c in zip(logits, y, strict=True)]
    assert loss == pytest.approx(np.mean(by_hand))
    w1, b1, w2, b2 = nets["inner"].params
    h = np.maximum(a @ w1.T + b1, 0) @ w2.T + b2
    np.testing.assert_allclose(moments["inner"].mean, h.mean(axis=0))
    np.testing.assert_allclose(moments["inner"].variance, h.var(axis=0, ddof=1))


@pytest.mark.parametrize("seed", range(4))
def test_gradients_of_every_parameter(problem, seed):
    x, y, a, _ = problem
    nets = new_networks(k=3, hidden=16, d=6, seed=seed, dtype="float64")

    def loss():
        return class_normalization_loss(nets, x, y, a, gamma=2.0)

    grads = loss()[1]
    check = Check("all", parameters(nets), grads, lambda: loss()[0])
    assert run_check(check).passed
    for i, (array, gradient) in enumerate(zip(check.arrays, grads, strict=True)):
        if i == 3:  # N takes the mean away, and b2 with it
            assert np.abs(gradient).max() < 1e-12
            continue
        wrong = check._replace(arrays=[array], gradients=[1.001 * gradient])
        assert not run_check(wrong).passed


def test_a_backward_without_the_variance_or_the_mean_is_found(problem):
    rng = np.random.default_rng(0)
    h, dy = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
    _, (c, s), _ = normalize_forward(h)
    right = normalize_backward(dy, (c, s))
    with_mean = s * dy - c * (2 * s * s * (dy * c).sum(axis=0) / 4)
    only_scaled = s * dy - (s * dy).mean(axis=0)

    def passes(gradient):
        return run_check(Check("N", [h], [gradient], lambda: (dy * normalize_forward(h)[0]).sum()))

    assert passes(right).passed
    assert not passes(with_mean).passed and not passes(only_scaled).passed


def test_a_classifier_that_is_zero_has_no_gradient(problem, nets):
    x, y, a, _ = problem
    nets["outer"].params[1][:] = -1e3  # relu then gives p = 0
    loss, grads, _ = class_normalization_loss(nets, x, y, a, gamma=5.0)
    assert loss == pytest.approx(math.log(5))
    assert not any(g.any() for g in grads)


def test_initial_weights_are_uniform_within_their_bounds():
    nets = new_networks(k=4, hidden=100, d=50, seed=0, dtype="float32")
    bounds = (0.5, 0.5, 0.1, 0.1, math.sqrt(3 / (100 * 50)), 0.1)
    for p, bound in zip(parameters(nets), bounds, strict=True):
        assert p.dtype == np.float32
        assert 0.9 * bound < np.abs(p).max() <= bound
        assert p.std() == pytest.approx(bound / math.sqrt(3), rel=0.2)
    flat = [p.ravel()[:50] / bound for p, bound in zip(parameters(nets), bounds, strict=True)]
    assert np.abs(np.corrcoef(flat) - np.eye(6)).max() < 0.6  # each has a stream of its own


def test_scores_of_a_model_that_has_not_moved_are_those_of_training(problem):
    """With a tiny rate the running moments are those of the first step, so of seen prototypes."""
    x, index, a, unseen = problem
    model = ClassNormalization(
        **{**SMALL, "lr": 1e-12, "features": "none", "prototypes": "none"}, weight_decay=0.0, seed=1
    ).fit(x, index, a)
    scaled = a * np.sqrt(3) / np.linalg.norm(a, axis=1)[:, None]
    p = classifiers(parameters(new_networks(k=3, hidden=16, d=6, seed=1, dtype="float64")), scaled)
    f = model.decision_function(x, unseen)
    np.testing.assert_allclose(f[:, :5], 25 * cosines(x, p), rtol=1e-6)
    assert np.isfinite(f).all()


def test_running_moments_take_a_tenth_of_every_step(problem, monkeypatch):
    from tinygzsl.baselines import class_normalization

    x, index, a, _ = problem
    seen, loss = [], class_normalization.class_normalization_loss

    def spy(*args, **named):
        found = loss(*args, **named)
        seen.append(found[2])
        return found

    monkeypatch.setattr(class_normalization, "class_normalization_loss", spy)
    model = ClassNormalization(**SMALL, lr=1e-2).fit(x, index, a)
    assert len(seen) == 12
    for name in ("inner", "outer"):
        for moment in ("mean", "variance"):
            steps = [getattr(moments[name], moment) for moments in seen]
            running = steps[0]
            for step in steps:
                running = 0.9 * running + 0.1 * step
            np.testing.assert_allclose(getattr(model._moments[name], moment), running)
            assert np.abs(steps[0] - steps[-1]).max() > 1e-4


def test_classes_that_are_scored_together_do_not_change_each_other(problem):
    x, index, a, unseen = problem
    model = ClassNormalization(**SMALL).fit(x, index, a)
    both, alone = (model.decision_function(x, u) for u in (unseen, unseen[1:]))
    np.testing.assert_allclose(alone, both[:, [0, 1, 2, 3, 4, 6]], rtol=1e-10)


def test_lengths_of_prototypes_and_samples_do_not_matter(problem):
    x, index, a, unseen = problem
    kind = {**SMALL, "features": "none", "prototypes": "none"}
    one = ClassNormalization(**kind).fit(x, index, a).decision_function(x, unseen)
    lengths = np.linspace(0.1, 9, 60)[:, None]
    other = ClassNormalization(**kind).fit(x * lengths, index, a * np.arange(1, 6)[:, None])
    np.testing.assert_allclose(other.decision_function(x * 7, unseen / 3), one, rtol=1e-5)


def test_the_rate_falls_to_a_tenth_after_half_of_the_epochs(problem, monkeypatch):
    x, index, a, _ = problem
    rates = []

    class Spy(networks.Adam):
        def step(self, grads):
            rates.append(self.lr)
            super().step(grads)

    monkeypatch.setattr(networks, "Adam", Spy)
    for epochs, first in ((4, 2), (5, 3), (1, 1)):
        rates.clear()
        ClassNormalization(**{**SMALL, "epochs": epochs}, lr=1e-3).fit(x, index, a)
        assert rates == pytest.approx([1e-3] * 3 * first + [1e-4] * 3 * (epochs - first))


def test_it_learns_and_recognises_classes_it_never_saw():
    """40 seen and 8 unseen classes, whose means are linear in attributes of 0 and 1."""
    rng = np.random.default_rng(0)
    a, w = (rng.random((48, 16)) < 0.5).astype(float), np.abs(rng.normal(size=(16, 40)))
    y = np.repeat(np.arange(48), 15)
    x = np.maximum(a[y] @ w + rng.normal(size=(len(y), 40)), 0)
    seen, told = y < 40, []
    model = ClassNormalization(
        hidden=512,
        lr=1e-3,
        epochs=20,
        batch=60,
        callback=lambda step, logs: told.append((step, logs["total"], logs["loss"])),
    ).fit(x[seen], y[seen], a[:40])
    assert [(step, total) for step, total, _ in told] == [(i, 200) for i in range(1, 201)]
    assert told[-1][2] < 0.5 * told[0][2]
    assert (model.predict(x[seen]) == y[seen]).mean() > 0.9
    f = model.decision_function(x[~seen], a[40:])[:, 40:]
    assert (40 + f.argmax(axis=1) == y[~seen]).mean() > 0.5  # chance is 0.125


def test_defaults_are_the_published_settings():
    model = ClassNormalization()
    assert (model.hidden, model.gamma, model.lr, model.weight_decay) == (1024, 5.0, 5e-4, 1e-4)
    assert (model.epochs, model.batch, model.features) == (30, 256, "minmax")


def test_bad_settings(problem, sentence):
    x, index, a, _ = problem
    for name, value in (
        ("hidden", 0),
        ("epochs", 1.5),
        ("batch", 0),
        ("gamma", 0),
        ("lr", "x"),
        ("weight_decay", -1.0),
    ):
        with sentence(ValueError, f"{name} is {value!r}"):
            ClassNormalization(**{name: value}).fit(x, index, a)
    with sentence(FloatingPointError, "Class Normalization diverged", "lower lr"):
        ClassNormalization(**SMALL, lr=1e300).fit(x, index, a)


def test_weight_decay_draws_the_parameters_towards_0(problem):
    x, index, a, _ = problem
    squares = []
    for decay in (0.0, 100.0):
        model = ClassNormalization(**SMALL, lr=1e-3, weight_decay=decay).fit(x, index, a)
        squares.append(sum(float((p**2).sum()) for p in parameters(model._nets)))
    assert squares[1] < 0.98 * squares[0]
