"""DEM: its objective by hand, gradients, descent and the optimum of a small convex case."""

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import DEM
from tinygzsl.baselines.dem import dem_loss
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.metrics import mean_class_accuracy
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose

PLAIN = {"features": "none", "prototypes": "none", "dtype": "float64"}


@pytest.fixture
def problem():
    """x (50, 6), index (50,) with 4 classes of unequal size, a (4, 3)."""
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(4), (5, 10, 15, 20))
    x = np.abs(rng.normal(size=(4, 6)))[index] + 0.1 * rng.normal(size=(50, 6))
    return x, index, rng.normal(size=(4, 3))


@pytest.fixture
def classes(problem):
    """Prototypes a (4, 3), means (4, 6) and counts (4,) of the classes."""
    x, index, a = problem
    return a, np.stack([x[index == c].mean(axis=0) for c in range(4)]), np.bincount(index)


def network(hidden="relu", output="relu"):
    options = {"seed": 0, "std": 0.5, "dtype": "float64", "purpose": Purpose.CHECK}
    net = MLP.create(np, [3, 8, 6], hidden=hidden, output=output, **options)
    net.params[1] += 0.3
    net.params[3] += 0.5
    return net


def published(net, problem, weight_decay):
    """The objective of the authors' code: over samples, not classes."""
    x, index, a = problem
    decay = sum((p**2).sum() for p in net.params) / 2
    return np.mean((x - net.forward(a[index])[0]) ** 2) + weight_decay * decay


def test_the_objective_is_the_published_one_but_for_a_constant(problem, classes):
    net, other = network(), network("tanh")
    (one, _), (two, _) = (dem_loss(n, *classes, weight_decay=0.07) for n in (net, other))
    assert one - two == pytest.approx(
        published(net, problem, 0.07) - published(other, problem, 0.07)
    )
    a, means, counts = classes
    y = net.forward(a)[0]
    by_hand = sum(counts[c] / 50 * np.mean((means[c] - y[c]) ** 2) for c in range(4))
    assert dem_loss(net, *classes, weight_decay=0.0)[0] == pytest.approx(by_hand)


@pytest.mark.parametrize("phi", ["relu", "softplus"])
def test_gradients(classes, phi):
    net = network(phi, phi)
    _, grads = dem_loss(net, *classes, weight_decay=0.07)
    check = Check("dem", net.params, grads, lambda: dem_loss(net, *classes, weight_decay=0.07)[0])
    assert run_check(check).passed
    assert all(np.abs(g).max() > 1e-3 for g in grads)


def test_gradients_are_those_over_all_samples(problem, classes):
    """Finite differences of the published objective along a direction."""
    net = network("softplus", "softplus")
    _, grads = dem_loss(net, *classes, weight_decay=0.07)
    rng, h = np.random.default_rng(1), 1e-6
    steps = [rng.normal(size=p.shape) for p in net.params]
    values = []
    for sign in (1, -1):
        moved = MLP(
            [p + sign * h * s for p, s in zip(net.params, steps, strict=True)],
            hidden="softplus",
            output="softplus",
        )
        values.append(published(moved, problem, 0.07))
    slope = sum((g * s).sum() for g, s in zip(grads, steps, strict=True))
    assert (values[0] - values[1]) / (2 * h) == pytest.approx(slope, rel=1e-7)


def test_a_linear_network_reaches_ridge_regression(classes):
    """One layer: the convex case, whose optimum the normal equations give."""
    a, means, counts = classes
    net, weight = MLP([np.zeros((6, 3)), np.zeros(6)]), 0.05
    for _ in range(3000):
        _, grads = dem_loss(net, *classes, weight_decay=weight)
        for p, g in zip(net.params, grads, strict=True):
            p -= 0.5 * g
    extended = np.concatenate([a, np.ones((4, 1))], axis=1)
    share = np.diag(counts / 50 / 6)
    normal = 2 * extended.T @ share @ extended + weight * np.eye(4)
    solution = np.linalg.solve(normal, 2 * extended.T @ share @ means)
    np.testing.assert_allclose(net.params[0], solution[:3].T, atol=1e-9)
    np.testing.assert_allclose(net.params[1], solution[3], atol=1e-9)


def test_descent_is_monotone(classes):
    net, losses = network(), []
    for _ in range(300):
        loss, grads = dem_loss(net, *classes, weight_decay=1e-3)
        losses.append(loss)
        for p, g in zip(net.params, grads, strict=True):
            p -= 0.1 * g
    assert np.all(np.diff(losses) < 0)
    assert losses[-1] < 0.2 * losses[0]


def test_it_maps_prototypes_to_the_means_and_takes_the_nearest(problem, classes):
    x, index, a = problem
    losses = []
    model = DEM(
        hidden=32,
        lr=1e-2,
        weight_decay=0.0,
        steps=1000,
        callback=lambda step, logs: losses.append((step, logs["phase"], logs["loss"])),
        **PLAIN,
    )
    model.fit(x, index, a)
    assert [step for step, _, _ in losses] == list(range(1, 1001))
    assert losses[-1][1] == "dem"
    assert losses[-1][2] < 1e-3 * losses[0][2]
    f = model.decision_function(x, a[:1] + 0.2)
    distances = np.linalg.norm(x[:, None] - classes[1], axis=2)
    np.testing.assert_allclose(-f[:, :4], distances, atol=0.05)
    assert np.array_equal(model.predict(x), index)
    mapped = model._net.forward(np.concatenate([a, a[:1] + 0.2]))[0]
    np.testing.assert_allclose(-f, np.linalg.norm(x[:, None] - mapped, axis=2), atol=1e-9)


def test_the_published_settings_have_names():
    for name, numbers in {"AWA1": (1024, 1e-4, 1e-3), "CUB": (1200, 1e-5, 1e-2)}.items():
        model = DEM(**DEM.published[name])
        model.check()
        assert (model.hidden, model.lr, model.weight_decay) == numbers
        assert (model.features, model.prototypes) == ("none", "none")  # as they are


def test_defaults_are_for_prototypes_of_length_1():
    model = DEM()
    assert (model.features, model.prototypes) == ("minmax", "l2")
    assert (model.hidden, model.lr, model.weight_decay, model.steps) == (512, 1e-3, 1e-5, 1500)
    data = tz.load_dataset("letters")
    model = DEM(steps=300).fit(data.X_train, data.y_train, data.seen_prototypes)
    f = model.decision_function(data.X_train)
    assert mean_class_accuracy(data.y_train, data.seen_classes[f.argmax(axis=1)]) > 0.5


def test_bad_settings(problem, sentence):
    for name, value in (
        ("hidden", 0),
        ("steps", 1.5),
        ("lr", 0),
        ("lr", "x"),
        ("weight_decay", -1.0),
    ):
        with sentence(ValueError, f"{name} is {value!r}"):
            DEM(**{name: value}).fit(*problem)
    with sentence(FloatingPointError, "DEM diverged", "lower lr"):
        DEM(hidden=8, lr=1e30, steps=50).fit(*problem)
