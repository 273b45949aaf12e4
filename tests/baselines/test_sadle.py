import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tinygzsl.baselines.common.cosine import unit_rows_backward, unit_rows_forward
from tinygzsl.baselines.common.networks import parameters
from tinygzsl.baselines.sadle import SADLE, sadle_loss, sadle_networks, structure_loss
from tinygzsl.explain.gradcheck import TOLERANCE, Check, run_check

WEIGHTS = {"align_weight": 0.7, "structure_weight": 1.3, "class_weight": 0.4}


@pytest.fixture
def batch():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 4, 9)
    return rng.normal(size=(9, 6)), y, rng.normal(size=(4, 3))[y]


@pytest.mark.parametrize("weights", [(0.7, 1.3, 0.4), (0.0, 0.0, 0.0), (0.0, 2.0, 0.0)])
def test_gradients(batch, weights):
    nets = sadle_networks(d=6, k=3, n_seen=4, latent=5, seed=0, dtype="float64")
    x, y, a = batch
    weights = dict(zip(WEIGHTS, weights, strict=True))
    grads = sadle_loss(nets, x, y, a, **weights)[1]

    def loss():
        return sadle_loss(nets, x, y, a, **weights)[0]["loss"]

    assert run_check(Check("SADLE", parameters(nets), grads, loss)).error < TOLERANCE


def test_the_terms_are_those_of_the_docstring(batch):
    x, y, a = batch
    nets = sadle_networks(d=6, k=3, n_seen=4, latent=5, seed=0, dtype="float64")
    terms = sadle_loss(nets, x, y, a, **WEIGHTS)[0]
    w = {name: net.params[0] for name, net in nets.items()}  # the biases are still zero
    v, s = x @ w["f_v"].T, a @ w["f_s"].T
    rec = ((x - v @ w["g_v"].T) ** 2).mean() + ((a - s @ w["g_s"].T) ** 2).mean()
    assert np.isclose(terms["rec"], rec)
    assert np.isclose(terms["align"], ((v - s) ** 2).mean())
    structure = ((cdist(v, v, "cosine") - cdist(s, s, "cosine")) ** 2).mean()
    assert np.isclose(terms["structure"], structure)
    p = [np.exp(z @ w["c"].T) / np.exp(z @ w["c"].T).sum(axis=1, keepdims=True) for z in (v, s)]
    assert np.isclose(terms["class"], -sum(np.log(q[np.arange(9), y]).mean() for q in p))
    total = rec + 0.7 * terms["align"] + 1.3 * structure + 0.4 * terms["class"]
    assert np.isclose(terms["loss"], total)


def test_structure_loss_is_zero_for_rotated_and_scaled_embeddings():
    rng = np.random.default_rng(2)
    v = rng.normal(size=(6, 4))
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    loss, dv, ds = structure_loss(v, 3 * v @ rotation, weight=1.0)
    assert loss < 1e-28
    assert np.abs(dv).max() < 1e-14 and np.abs(ds).max() < 1e-14


def test_rows_of_zeros_have_no_direction_and_no_gradient():
    unit, cache = unit_rows_forward(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert unit.tolist() == [[0.6, 0.8], [0.0, 0.0]]
    dx = unit_rows_backward(np.array([[1.0, 0.0], [1.0, 1.0]]), cache)
    assert np.allclose(dx, [[(1 - 0.36) / 5, -0.48 / 5], [0.0, 0.0]])


def test_full_batches_descend_and_predict_unseen_classes(linear_classes):
    (x, y, a), logs = linear_classes, []
    seen = y < 18
    settings = {"latent": 8, "lr": 1e-2, "epochs": 120, "batch": 1000}
    model = SADLE(**settings, features="standard", callback=lambda t, terms: logs.append(terms))
    model.fit(x[seen], y[seen], a[:18])
    assert (np.diff([terms["loss"] for terms in logs]) < 0).all()
    assert logs[0]["total"] == len(logs) == 120
    f = model.decision_function(x, a[18:])
    assert (f[seen, :18].argmax(axis=1) == y[seen]).mean() > 0.9
    assert (f[~seen, 18:].argmax(axis=1) == y[~seen] - 18).mean() > 0.9


def test_scores_are_minus_distances_in_the_latent_space(tiny_dataset):
    data = tiny_dataset()
    model = SADLE(latent=4, epochs=1, features="none", prototypes="none", dtype="float64")
    model.fit(data.X_train, data.y_train, data.seen_prototypes)
    found = model.decision_function(data.X_test, data.unseen_prototypes)
    (w, b), (w_s, b_s) = (model._nets[name].params for name in ("f_v", "f_s"))
    semantic = np.concatenate([data.seen_prototypes, data.unseen_prototypes]) @ w_s.T + b_s
    assert np.allclose(found, -cdist(data.X_test @ w.T + b, semantic))


def test_same_seed_same_bits_and_what_is_refused(tiny_dataset):
    data = tiny_dataset()

    def scores(**params):
        model = SADLE(latent=4, **{"epochs": 2} | params)
        model.fit(data.X_train, data.y_train, data.seen_prototypes)
        return model.decision_function(data.X_test, data.unseen_prototypes)

    assert SADLE.strict
    assert np.array_equal(scores(seed=3), scores(seed=3))
    assert not np.array_equal(scores(seed=3), scores(seed=4))
    with pytest.raises(ValueError, match="epochs is 0; pass a whole number from 1"):
        scores(epochs=0)
    with pytest.raises(ValueError, match="align_weight is -1"):
        scores(align_weight=-1)
    with pytest.raises(
        FloatingPointError, match=r"SADLE diverged in epoch .; lower lr, now 1e\+30"
    ):
        scores(lr=1e30)
