"""PSR: its objective by hand and its gradients, what triples are drawn, and that it learns."""

import numpy as np
import pytest

from tinygzsl.baselines import PSR
from tinygzsl.baselines.common.cosine import unit_rows_forward
from tinygzsl.baselines.psr import Partners, psr_loss
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose

TAU = 0.75
WEIGHTS = {"threshold": TAU, "similar_weight": 0.7, "reconstruction_weight": 0.3}


def networks(hidden="tanh"):
    """An encoder 4 -> 5 -> 6 and its decoder."""
    options = {"seed": 0, "std": 1.0, "hidden": hidden, "dtype": "float64"}
    encoder = MLP.create(np, [4, 5, 6], purpose=Purpose.GENERATOR_WEIGHTS, **options)
    encoder.params[-1] += 0.3  # no f(a) is 0, also where all ReLUs are
    return encoder, MLP.create(np, [6, 5, 4], purpose=Purpose.CRITIC_WEIGHTS, **options)


def problem():
    """Samples x (30, 6) of length 1, index (30,), prototypes a (5, 4) >= 0, and their triples."""
    rng = np.random.default_rng(0)
    x, a = unit_rows_forward(rng.normal(size=(30, 6)))[0], rng.random((5, 4))
    index = np.arange(30) % 5
    triples = Partners(index, a, threshold=TAU).draw(x, rng.random((200, 5)))
    for delta in (triples.delta_j, triples.delta_k):
        assert np.isfinite(delta).sum() > 50  # both kinds of partners occur
    return x, index, a, triples


def cosine(x, y):
    return x @ y / np.linalg.norm(x) / np.linalg.norm(y)


def test_the_objective_is_the_papers():
    _, _, a, triples = problem()
    encoder, decoder = networks()
    mapped = encoder.forward(a)[0]
    back, total = decoder.forward(mapped)[0], 0.0
    for r, x_i, x_j, x_k, delta_j, delta_k in zip(*triples, strict=True):
        f, o_2 = mapped[r], 0.0
        o_1 = -cosine(f, x_i)
        if not np.isnan(delta_k):
            o_1 += (TAU - delta_k) * cosine(f, x_k)
        if not np.isnan(delta_j):
            o_2 = max(0, TAU - cosine(f, x_j)) + max(0, cosine(f, x_j) - delta_j)
        total += o_1 + 0.7 * o_2 + 0.3 * np.sum((a[r] - back[r]) ** 2)
    loss = psr_loss(encoder, decoder, a, triples, **WEIGHTS)[0]
    assert loss == pytest.approx(total / 200, rel=1e-12)


@pytest.mark.parametrize("hidden", ["tanh", "relu"])
def test_gradients(hidden):
    _, _, a, triples = problem()
    pair = networks(hidden)
    encoder, decoder = pair
    _, encoder_grads, decoder_grads = psr_loss(encoder, decoder, a, triples, **WEIGHTS)
    params = pair[0].params + pair[1].params
    grads = encoder_grads + decoder_grads
    check = Check(
        "psr", params, grads, lambda: psr_loss(encoder, decoder, a, triples, **WEIGHTS)[0]
    )
    assert run_check(check).passed
    assert all(np.abs(g).max() > 1e-3 for g in grads)


def test_full_batch_descent_is_monotone():
    _, _, a, triples = problem()
    pair, losses = networks(), []
    for _ in range(200):
        encoder, decoder = pair
        loss, *grads = psr_loss(encoder, decoder, a, triples, **WEIGHTS)
        losses.append(loss)
        for p, g in zip(pair[0].params + pair[1].params, grads[0] + grads[1], strict=True):
            p -= 3e-3 * g
    assert np.all(np.diff(losses) < 0)
    assert losses[-1] < losses[0] - 0.3


def test_triples_keep_their_relations():
    x, index, a, triples = problem()
    delta = unit_rows_forward(a)[0] @ unit_rows_forward(a)[0].T
    place = {tuple(row): c for row, c in zip(x, index, strict=True)}
    pairs = set()
    for r, x_i, x_j, x_k, delta_j, delta_k in zip(*triples, strict=True):
        assert place[tuple(x_i)] == r
        if not np.isnan(delta_j):
            assert delta[place[tuple(x_j)], r] == pytest.approx(delta_j)
            assert TAU <= delta_j < 1
            assert place[tuple(x_j)] != r
            pairs.add((r, place[tuple(x_j)]))
        if not np.isnan(delta_k):
            assert delta[place[tuple(x_k)], r] == pytest.approx(delta_k)
            assert delta_k < TAU
            pairs.add((r, place[tuple(x_k)]))
    assert pairs == {(r, c) for r in range(5) for c in range(5) if r != c}


def test_a_class_without_partners_has_no_such_terms():
    """One direction: all classes are identical, so neither similar nor dissimilar."""
    rng = np.random.default_rng(0)
    x, index = unit_rows_forward(rng.normal(size=(30, 6)))[0], np.arange(30) % 5
    a = np.arange(1.0, 6)[:, None] * np.ones(4)
    triples = Partners(index, a, threshold=TAU).draw(x, rng.random((50, 5)))
    assert np.isnan(triples.delta_j).all()
    assert np.isnan(triples.delta_k).all()
    encoder, decoder = networks()
    mapped = unit_rows_forward(encoder.forward(a)[0])[0]
    loss, *grads = psr_loss(
        encoder, decoder, a, triples, threshold=TAU, similar_weight=1.0, reconstruction_weight=0.0
    )
    assert loss == pytest.approx(-(mapped[triples.r] * triples.x_i).sum(axis=1).mean())
    assert all(np.isfinite(g).all() for g in grads[0] + grads[1])


def test_it_learns_and_repeats(tiny_dataset):
    data = tiny_dataset()
    training, losses = (data.X_train, data.y_train, data.seen_prototypes), []
    options = {"hidden": 16, "steps": 100, "lr": 5e-3, "threshold": 0.8, "batch_size": 64}
    model = PSR(**options, callback=lambda step, logs: losses.append(logs["loss"]))
    model.fit(*training)
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) - 0.5
    assert (model.predict(data.X_train) == data.y_train).mean() > 0.9
    f = model.decision_function(data.X_test, data.unseen_prototypes)
    unseen = ~np.isin(data.y_test, data.seen_classes)
    right = data.unseen_classes[f[unseen, 5:].argmax(axis=1)] == data.y_test[unseen]
    assert right.mean() > 0.7


def test_a_seed_gives_the_same_bits(tiny_dataset):
    data = tiny_dataset()

    def params(seed):
        model = PSR(hidden=16, steps=20, seed=seed)
        return model.fit(data.X_train, data.y_train, data.seen_prototypes)._encoder.params

    for first, again, other in zip(params(0), params(0), params(1), strict=True):
        assert first.dtype == "float32"
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_bad_settings(tiny_dataset, sentence):
    data = tiny_dataset()
    training = data.X_train, data.y_train, data.seen_prototypes
    for value in (1.0, "x", np.nan):
        with sentence(ValueError, f"threshold is {value!r}", "between -1 and 1"):
            PSR(threshold=value).fit(*training)
    with sentence(ValueError, "steps is 0"):
        PSR(steps=0).fit(*training)
    with sentence(ValueError, "similar_weight is -1"):
        PSR(similar_weight=-1).fit(*training)
    with sentence(FloatingPointError, "PSR diverged", "lr"), np.errstate(all="ignore"):
        PSR(lr=1e38, hidden=4).fit(*training)
