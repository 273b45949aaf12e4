import math

import numpy as np
import pytest

from tinygzsl.nn.random import Purpose, integers
from tinygzsl.pipeline import silent
from tinygzsl.settings import Settings
from tinygzsl.vsmm import VSMM, epoch_batches, train_vsmm, vsmm_loss

D, K, M, S = 6, 3, 5, 4
TERMS = ("ae", "le", "clf", "es")
SMALL = {"vsmm_latent": M, "vsmm_epochs": 3, "vsmm_batch": 16}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def make():
    """make(**settings) -> a VSMM with random biases too, float64."""

    def make(seed=0, **settings):
        vsmm = VSMM.create(
            np,
            d=D,
            k=K,
            n_classes=S,
            settings=Settings(**{**SMALL, **settings}),
            seed=seed,
            dtype="float64",
        )
        rng = np.random.default_rng(seed)
        for p in vsmm.params:
            if p.ndim == 1:
                p += 0.3 * rng.normal(size=p.shape)
        return vsmm

    return make


@pytest.fixture
def batch(rng):
    """x (8, D), y, the prototypes of all classes, and proxies (9, D)."""
    y = np.arange(8) % S
    return rng.normal(size=(8, D)), y, rng.normal(size=(S, K)), rng.normal(size=(9, D))


@pytest.fixture
def data(rng):
    """x (50, D) around the means of 4 classes, y, prototypes and proxies (20, D), all float32."""
    y, prototypes = np.arange(50) % S, rng.random((S, K))
    means = rng.normal(size=(S, D))
    x = means[y] + 0.1 * rng.normal(size=(50, D))
    proxies = means.mean(axis=0) + 0.1 * rng.normal(size=(20, D))
    x, prototypes, proxies = (a.astype(np.float32) for a in (x, prototypes, proxies))
    return x, y, prototypes, proxies


@pytest.fixture
def train(data):
    """train(seed, proxies, ...) -> the VSMM, its history and the callback's calls."""

    def train(seed=0, proxies=True, **settings):
        settings, calls = Settings(**{**SMALL, **settings}), []
        fakes = data[3] if proxies else None
        vsmm, history = train_vsmm(
            *data[:3], fakes, settings, seed=seed, callback=lambda *call: calls.append(call)
        )
        return vsmm, history, calls

    return train


def linear(x, net):
    return x @ net.params[0].T + net.params[1]


def entropies(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -(p * np.log(p)).sum(axis=1), p


# The networks


@pytest.mark.wheel
def test_networks_and_their_shapes(make):
    vsmm = make(vsmm_hidden=(8, 7))
    sizes = {name: net.sizes for name, net in vsmm.networks.items()}
    assert sizes == {"f_v": [D, 8, 7, M], "g": [M, 7, 8, D], "f_s": [K, 8, 7, M], "c": [M, S]}
    assert {(net.hidden, net.output) for net in vsmm.networks.values()} == {("relu", "linear")}
    assert len(vsmm.params) == 2 * (3 + 3 + 3 + 1)
    assert vsmm.params[0] is vsmm.f_v.params[0]
    assert vsmm.params[-1] is vsmm.c.params[-1]


def test_weights_are_scaled_by_the_inputs_and_all_different():
    vsmm = VSMM.create(
        np, d=200, k=100, n_classes=50, settings=Settings(vsmm_latent=80), seed=0, dtype="float64"
    )
    for net in vsmm.networks.values():
        w, b = net.params
        assert w.std() == pytest.approx(w.shape[1] ** -0.5, rel=0.05)
        assert not b.any()
    first = [net.params[0].ravel()[:20] * net.sizes[0] ** 0.5 for net in vsmm.networks.values()]
    assert not any(np.allclose(a, b) for i, a in enumerate(first) for b in first[:i])


def test_embeddings_and_logits(make, rng):
    vsmm, x, a = make(), rng.normal(size=(7, D)), rng.normal(size=(2, K))
    assert np.allclose(vsmm.embed(x), linear(x, vsmm.f_v))
    assert np.allclose(vsmm.embed_prototypes(a), linear(a, vsmm.f_s))
    assert np.allclose(vsmm.logits(vsmm.embed(x)), linear(linear(x, vsmm.f_v), vsmm.c))


# The objective


@pytest.mark.wheel
def test_the_objective_by_its_equations(make, batch):
    vsmm, (x, y, a, proxies) = make(), batch
    weights = {"ae": 0.5, "le": 2.0, "clf": 3.0, "es": 0.25}
    settings = Settings(**{f"vsmm_weight_{k}": v for k, v in weights.items()}, vsmm_gamma=1.5)
    terms, _ = vsmm_loss(vsmm, np.concatenate([x, proxies]), y, a, settings)

    latent = linear(x, vsmm.f_v)
    h_seen, p = entropies(linear(latent, vsmm.c))
    h_proxy, _ = entropies(linear(linear(proxies, vsmm.f_v), vsmm.c))
    expected = {
        "ae": ((x - linear(latent, vsmm.g)) ** 2).sum() / 8,
        "le": ((latent - linear(a[y], vsmm.f_s)) ** 2).sum() / 8,
        "clf": -np.log(p[np.arange(8), y]).mean(),
        "es": max(0, h_seen.mean() - h_proxy.mean() + 1.5),
    }
    assert expected["es"] > 0
    total = sum(weights[name] * value for name, value in expected.items())
    expected |= {"h_seen": h_seen.mean(), "h_proxy": h_proxy.mean(), "loss": total}
    assert {name: float(value) for name, value in terms.items()} == pytest.approx(expected)


@pytest.mark.wheel
def test_proxies_enter_the_entropy_term_only(make, batch):
    vsmm, (x, y, a, proxies) = make(), batch
    with_proxies, _ = vsmm_loss(vsmm, np.concatenate([x, proxies]), y, a, Settings())
    without, _ = vsmm_loss(vsmm, x, y, a, Settings())
    assert set(without) == {"ae", "le", "clf", "h_seen", "loss"}
    for name in ("ae", "le", "clf", "h_seen"):
        assert with_proxies[name] == pytest.approx(without[name], rel=1e-13)
    assert with_proxies["loss"] == pytest.approx(without["loss"] + with_proxies["es"])


@pytest.mark.parametrize("settings", [{"vsmm_gamma": 0.0}, {"vsmm_weight_es": 0.0}])
def test_a_margin_that_is_kept_gives_the_gradients_of_no_proxies(make, batch, settings):
    vsmm, (x, y, a, proxies) = make(), batch
    vsmm.c.params[0] *= 20  # sharp on samples; zero proxies are made to look uncertain
    vsmm.c.params[1][:] = vsmm.f_v.params[1][:] = 0
    both, settings = np.concatenate([x, 0 * proxies]), Settings(**settings)
    terms, grads = vsmm_loss(vsmm, both, y, a, settings)
    _, expected = vsmm_loss(vsmm, x, y, a, settings)
    assert terms["h_proxy"] == pytest.approx(math.log(S))
    for mine, other in zip(grads, expected, strict=True):
        assert np.allclose(mine, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("hidden", [(), (6,)])
@pytest.mark.parametrize("n", [1, 3, S, 8])  # fewer samples than classes, as many, and more
def test_f_s_maps_each_prototype_once_and_its_gradients_are_those_of_a_row_per_sample(
    make, rng, n, hidden
):
    vsmm, y, settings = make(vsmm_hidden=hidden), rng.integers(0, S, n), Settings(vsmm_gamma=9.0)
    x, a = rng.normal(size=(n, D)), rng.normal(size=(S, K))
    _, grads = vsmm_loss(vsmm, x, y, a, settings)
    semantic, cache = vsmm.f_s.forward(a[y])
    dsemantic = 2 / n * (semantic - vsmm.embed(x))  # eq. 4, the sum over the dimensions
    _, expected = vsmm.f_s.backward(dsemantic, cache)
    start = len(vsmm.f_v.params) + len(vsmm.g.params)
    for mine, other in zip(grads[start : start + len(expected)], expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-13)


def test_the_gradient_of_proxies_flows_through_the_classifier_and_the_encoder(make, batch):
    vsmm, (x, y, a, proxies) = make(), batch
    both, settings = np.concatenate([x, proxies]), Settings(vsmm_gamma=9.0)
    _, grads = vsmm_loss(vsmm, both, y, a, settings)
    _, others = vsmm_loss(vsmm, np.concatenate([x, proxies[::-1] * 2]), y, a, settings)
    changed = [not np.allclose(mine, other) for mine, other in zip(grads, others, strict=True)]
    assert changed == [True, True, False, False, False, False, True, True]  # f_v, g, f_s, c


def test_the_gradients_are_the_weighted_sum_of_those_of_the_terms(make, batch):
    vsmm, weights = make(), {"ae": 0.5, "le": 2.0, "clf": 3.0, "es": 0.25}

    def run(**weights):
        weights = {f"vsmm_weight_{name}": weights.get(name, 0.0) for name in TERMS}
        settings, (x, y, a, proxies) = Settings(**weights, vsmm_gamma=9.0), batch
        return vsmm_loss(vsmm, np.concatenate([x, proxies]), y, a, settings)

    total = [np.zeros_like(p) for p in vsmm.params]
    for name, weight in weights.items():
        terms, grads = run(**{name: 1.0})
        assert terms["loss"] == pytest.approx(terms[name])
        total = [t + weight * grad for t, grad in zip(total, grads, strict=True)]
    for mine, expected in zip(run(**weights)[1], total, strict=True):
        assert np.allclose(mine, expected)


@pytest.mark.wheel
def test_the_sum_is_the_mean_times_the_dimensions(make, batch):
    vsmm, (x, y, a, proxies) = make(), batch
    both, kinds = np.concatenate([x, proxies]), (Settings(), Settings(vsmm_reduction="mean"))
    total, mean = (vsmm_loss(vsmm, both, y, a, settings)[0] for settings in kinds)
    assert total["ae"] == pytest.approx(D * mean["ae"])
    assert total["le"] == pytest.approx(M * mean["le"])
    for name in ("clf", "es", "h_seen", "h_proxy"):
        assert total[name] == mean[name]


@pytest.mark.wheel
def test_gradients_keep_float32(make, batch):
    x, y, a, proxies = (array.astype(np.float32) for array in batch)
    vsmm = VSMM.create(
        np, d=D, k=K, n_classes=S, settings=Settings(**SMALL), seed=0, dtype="float32"
    )
    both, settings = np.concatenate([x, proxies]), Settings(vsmm_gamma=9.0)
    _, grads = vsmm_loss(vsmm, both, y.astype(int), a, settings)
    assert {grad.dtype for grad in grads} == {np.dtype("float32")}


# Training


@pytest.mark.parametrize(("n", "batch_size"), [(10, 3), (10, 5), (10, 20), (1, 1)])
def test_the_batches_of_an_epoch_are_a_partition(n, batch_size):
    batches = list(epoch_batches(np, n, batch=batch_size, seed=0, epoch=0))
    assert [len(rows) for rows in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert len(batches) == math.ceil(n / batch_size)
    assert np.array_equal(np.sort(np.concatenate(batches)), np.arange(n))


def test_epochs_and_seeds_shuffle_differently():
    runs = ((0, 0), (0, 0), (0, 1), (1, 0))  # seed and epoch
    orders = [
        np.concatenate(list(epoch_batches(np, 50, batch=8, seed=seed, epoch=epoch))).tolist()
        for seed, epoch in runs
    ]
    assert orders[0] == orders[1]
    assert orders[0] not in orders[2:]


@pytest.mark.wheel
def test_training_reduces_every_term_and_classifies(train, data):
    vsmm, history, _ = train(vsmm_epochs=40, vsmm_lr=1e-2, proxies=False)
    for name in ("ae", "le", "clf", "loss"):
        assert history[-1][name] < 0.5 * history[0][name]
    x, y = data[:2]
    assert (vsmm.logits(vsmm.embed(x)).argmax(axis=1) == y).mean() > 0.95


@pytest.mark.wheel
def test_the_hinge_moves_the_mean_entropies_apart(train, data):
    def gap(**settings):
        vsmm, history, _ = train(vsmm_epochs=40, vsmm_lr=1e-2, **settings)
        seen, proxies = (entropies(vsmm.logits(vsmm.embed(x)))[0] for x in (data[0], data[3]))
        return proxies.mean() - seen.mean(), history[-1]

    (wide, last), (narrow, _) = gap(vsmm_gamma=1.2), gap(vsmm_gamma=0.1)
    without, _ = gap(proxies=False)
    assert wide > without + 0.2
    assert narrow == pytest.approx(without, abs=0.05)
    assert last["h_proxy"] - last["h_seen"] == pytest.approx(wide, abs=0.05)


def test_the_history_has_the_mean_of_every_term_over_the_samples(train):
    _, history, _ = train()
    assert len(history) == 3
    for row in history:
        assert set(row) == {"ae", "le", "clf", "es", "h_seen", "h_proxy", "loss"}
        assert all(isinstance(value, float) for value in row.values())
        parts = row["ae"] + row["le"] + row["clf"] + row["es"]
        assert row["loss"] == pytest.approx(parts, rel=1e-5)


def test_smaller_last_batches_weigh_less(data, monkeypatch):
    sizes = []

    def constant(net, x, y, a, settings, out):
        sizes.append((len(y), len(x) - len(y)))
        return {"loss": float(len(y))}, [np.zeros_like(p) for p in net.params]

    monkeypatch.setattr("tinygzsl.vsmm.vsmm_loss", constant)
    _, history = train_vsmm(*data, Settings(**{**SMALL, "vsmm_epochs": 1}), seed=0, callback=silent)
    assert sizes == [(16, 16), (16, 16), (16, 16), (2, 2)]  # as many proxies as samples
    assert history == [{"loss": (3 * 16 * 16 + 2 * 2) / 50}]


def test_proxies_are_drawn_anew_at_every_step(data, monkeypatch):
    proxies, drawn = data[3], []

    def spy(net, x, y, a, settings, out):
        drawn.append(x[len(y) :].copy())
        return vsmm_loss(net, x, y, a, settings, out=out)

    monkeypatch.setattr("tinygzsl.vsmm.vsmm_loss", spy)
    train_vsmm(*data, Settings(**SMALL), seed=7, callback=silent)
    assert len(drawn) == 12
    for step, fakes in enumerate(drawn):
        rows = integers(
            np, len(fakes), seed=7, step=step, purpose=Purpose.PROXY_BATCH, high=len(proxies)
        )
        assert np.array_equal(fakes, proxies[rows])


def test_the_callback_counts_steps_of_all_epochs(train):
    _, _, calls = train()
    assert [step for step, _ in calls] == list(range(1, 13))
    assert all(logs == {"phase": "vsmm", "total": 12} for _, logs in calls)


@pytest.mark.wheel
def test_the_same_seed_gives_the_same_bits_and_another_does_not(train):
    first, second, other = (train(seed)[0].params for seed in (1, 1, 2))
    assert all(np.array_equal(p, q) for p, q in zip(first, second, strict=True))
    assert not any(np.array_equal(p, q) for p, q in zip(first, other, strict=True))


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_divergence_names_the_epoch_and_the_rate(train, sentence):
    with sentence(FloatingPointError, "diverged in epoch", "lower vsmm_lr, now 1e+30"):
        train(vsmm_lr=1e30)
