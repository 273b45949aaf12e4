import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tinygzsl.baselines.common.networks import parameters
from tinygzsl.baselines.dsen import DSEN
from tinygzsl.baselines.dsen_loss import cosine_loss, division_loss, dsen_loss, dsen_networks
from tinygzsl.explain.gradcheck import TOLERANCE, Check, run_check

N_SEEN, N_CLASSES = 4, 6


@pytest.fixture
def batch():
    rng = np.random.default_rng(1)
    return rng.normal(size=(9, 7)), rng.integers(0, N_SEEN, 9), rng.normal(size=(N_CLASSES, 3))


@pytest.fixture
def nets():
    return dsen_networks(d=7, k=3, n_classes=N_CLASSES, latent=5, hidden=4, seed=0, dtype="float64")


def fitted(data, **params):
    model = DSEN(**{"latent": 32, "hidden": 16, "epochs": 2} | params)
    unseen = data.unseen_prototypes
    return model.fit(data.X_train, data.y_train, data.seen_prototypes, unseen_prototypes=unseen)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("weights", [(0.3, 1.7), (5.0, 0.0)])
def test_gradients(batch, nets, smooth, weights):
    for name, net in nets.items() if smooth else ():
        net.hidden, net.output = "tanh", "linear" if name == "classifier" else "tanh"
    x, y, a = batch
    division, reconstruction = weights

    def objective():
        return dsen_loss(
            nets,
            x,
            y,
            a,
            n_seen=N_SEEN,
            division_weight=division,
            reconstruction_weight=reconstruction,
        )

    def loss():
        return objective()[0]["loss"]

    grads = objective()[1]
    assert run_check(Check("DSEN", parameters(nets), grads, loss)).error < TOLERANCE


def test_the_terms_are_those_of_the_docstring(batch, nets):
    x, y, a = batch
    terms = dsen_loss(nets, x, y, a, n_seen=N_SEEN, division_weight=0.3, reconstruction_weight=1.7)[
        0
    ]
    out = {name: net.forward(a)[0] for name, net in list(nets.items())[1:4]}
    v, e_s, e_u = (
        nets["projection"].forward(x)[0],
        out["shared"] + out["seen"],
        out["shared"] + out["unseen"],
    )
    rows = np.arange(len(x))
    rank = cdist(v, e_s, "cosine")[rows, y].mean() + cdist(v, e_u, "cosine")[rows, y].mean()
    assert np.isclose(terms["rank"], rank)
    p, p_u = (np.exp(nets["classifier"].forward(z)[0]) for z in (v, e_u))
    p, p_u = p / p.sum(axis=1, keepdims=True), p_u / p_u.sum(axis=1, keepdims=True)
    assert np.isclose(terms["class"], -np.log(p[rows, y]).mean())
    assert np.isclose(terms["division"], -np.log10(p_u[:, N_SEEN:].sum(axis=1)).mean())
    again = [nets["decoder"].forward(e)[0] for e in (e_s[:N_SEEN], e_u[N_SEEN:])]
    rec = ((again[0] - a[:N_SEEN]) ** 2).mean() + ((again[1] - a[N_SEEN:]) ** 2).mean()
    assert np.isclose(terms["rec"], rec)
    total = rank + terms["class"] + 0.3 * terms["division"] + 1.7 * rec
    assert np.isclose(terms["loss"], total)


def test_division_loss_of_sure_logits_is_finite():
    logits = np.array([[1e4, 0.0, 0.0], [0.0, 0.0, 1e4]])
    loss, dlogits = division_loss(logits, n_seen=1, weight=2.0)
    assert np.isclose(loss, (1e4 - np.log(2)) / np.log(10) / 2)
    assert np.allclose(dlogits, np.array([[1.0, -0.5, -0.5], [0.0, 0.0, 0.0]]) / np.log(10))


def test_cosine_loss_is_zero_for_parallel_and_two_for_opposite_rows():
    e = np.array([[2.0, 0.0], [0.0, 3.0]])
    assert cosine_loss(np.array([[5.0, 0.0], [0.0, 1.0]]), e, np.array([0, 1]))[0] == 0
    assert cosine_loss(np.array([[0.0, -1.0]]), e, np.array([1]))[0] == 2


def test_full_batches_descend(linear_classes):
    (x, y, a), logs = linear_classes, []
    settings = {"latent": 16, "hidden": 8, "lr": 2e-3, "epochs": 40, "batch": 1000}
    model = DSEN(**settings, callback=lambda t, terms: logs.append(terms))
    model.fit(x[y < 18], y[y < 18], a[:18], unseen_prototypes=a[18:])
    assert (np.diff([terms["loss"] for terms in logs]) < 0).all()
    assert logs[0]["total"] == len(logs) == 40


def test_it_finds_both_kinds_of_classes(linear_classes):
    x, y, a = linear_classes
    seen = y < 18
    model = DSEN(latent=64, hidden=16, lr=1e-2, epochs=25, batch=32, features="standard")
    model.fit(x[seen], y[seen], a[:18], unseen_prototypes=a[18:])
    f = model.decision_function(x, a[18:])
    assert (f[seen, :18].argmax(axis=1) == y[seen]).mean() > 0.9
    assert (f[~seen, 18:].argmax(axis=1) == y[~seen] - 18).mean() > 0.8


def test_seen_above_the_threshold_else_the_nearest_unseen_class(tiny_dataset):
    data = tiny_dataset()
    model = fitted(data, epochs=10, threshold=0.4, features="standard")
    f = model.decision_function(data.X_test, data.unseen_prototypes)
    found = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    p, unseen = f[:, :5], f[:, 5:]
    assert (p > 0).all() and (p.sum(axis=1) < 1).all()
    assert np.allclose(unseen.max(axis=1), 0.4)
    is_seen = p.max(axis=1) > 0.4
    assert 0 < is_seen.sum() < len(is_seen)
    assert np.array_equal(found[is_seen], data.seen_classes[p[is_seen].argmax(axis=1)])
    assert np.array_equal(found[~is_seen], data.unseen_classes[unseen[~is_seen].argmax(axis=1)])

    raised = model.set_params(offset=0.2 / model.score_scale_)
    found = raised.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    assert np.array_equal(np.isin(found, data.seen_classes), p.max(axis=1) > 0.6)


def test_same_seed_same_bits_and_what_is_refused(tiny_dataset):
    data = tiny_dataset()
    scores = [
        fitted(data, seed=seed).decision_function(data.X_test, data.unseen_prototypes)
        for seed in (3, 3, 4)
    ]
    assert np.array_equal(scores[0], scores[1]) and not np.array_equal(scores[0], scores[2])
    assert not DSEN.strict
    with pytest.raises(ValueError, match="latent is 0; pass a whole number from 1"):
        fitted(data, latent=0)
    with pytest.raises(ValueError, match="lr is 0; pass a number above 0"):
        fitted(data, lr=0)
    with pytest.raises(FloatingPointError, match=r"DSEN diverged in epoch .; lower lr, now 1e\+30"):
        fitted(data, lr=1e30)
