import math

import numpy as np
import pytest

from tinygzsl import router
from tinygzsl.metrics import ROUTES
from tinygzsl.nn.mlp import MLP
from tinygzsl.router import (
    classify_batch,
    compatibility,
    route_batch,
    score_deviation,
    vsmm_scores,
)
from tinygzsl.settings import Settings
from tinygzsl.vsmm import VSMM

D, K, M, S, U = 6, 3, 5, 4, 3
METRICS = ("euclidean", "dot", "cosine")

BRUTE_FORCE = {
    "euclidean": lambda x, a: -math.dist(x, a),
    "dot": lambda x, a: sum(p * q for p, q in zip(x, a, strict=True)),
    "cosine": lambda x, a: float(np.dot(x, a)) / (np.linalg.norm(x) * np.linalg.norm(a)),
}


def routed(vsmm, x, seen, unseen, settings):
    semantic = vsmm.embed_prototypes(np.concatenate([seen, unseen]))
    fitted = router.Fitted(score_scale=1.0, gap_scale=1.0)
    return route_batch(vsmm, x, semantic, settings, fitted=fitted)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def setup(rng):
    """A VSMM, samples of every route, seen and unseen prototypes."""
    vsmm = VSMM.create(
        np, d=D, k=K, n_classes=S, settings=Settings(vsmm_latent=M), seed=0, dtype="float64"
    )
    scale = np.repeat([[0.1], [1.0], [30.0]], 20, axis=0)  # of the logits: from vague to certain
    return vsmm, rng.normal(size=(60, D)) * scale, rng.random((S, K)), rng.random((U, K))


def softmax(values):
    e = np.exp(values - max(values))
    return e / e.sum()


# Compatibility


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compatibility_by_brute_force(rng, metric, dtype):
    x, a = (rng.normal(size=(n, M)).astype(dtype) for n in (7, 4))
    f = compatibility(x, a, metric=metric)
    assert f.shape == (7, 4)
    assert f.dtype == dtype
    expected = [[BRUTE_FORCE[metric](row, prototype) for prototype in a] for row in x]
    assert np.allclose(f, expected, rtol=1e-5, atol=1e-6)


def test_euclidean_is_not_squared():
    assert compatibility(np.array([[3.0, 4.0]]), np.zeros((1, 2)), metric="euclidean").tolist() == [
        [-5]
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_distance_of_equal_vectors_is_zero_and_never_nan(rng, dtype):
    x = (1000 * rng.normal(size=(50, 64))).astype(dtype)
    distances = -compatibility(x, x, metric="euclidean")
    assert np.isfinite(distances).all()
    assert distances.min() >= 0
    assert np.diag(distances).max() < 1e-3 * distances.mean()


def test_small_distances_far_from_the_origin_keep_their_order(rng):
    semantic = (100 + rng.normal(size=(20, 64))).astype(np.float32)
    embedded = (semantic + 0.01 * rng.normal(size=(20, 64))).astype(np.float32)
    f = compatibility(embedded, semantic, metric="euclidean")
    exact = np.linalg.norm(embedded.astype(float) - semantic.astype(float), axis=1)
    assert f.argmax(axis=1).tolist() == list(range(20))
    assert np.allclose(-np.diag(f), exact, rtol=0.05)


@pytest.mark.wheel
def test_zero_vectors_have_cosine_zero(rng):
    a = rng.normal(size=(3, M))
    a[1] = 0
    f = compatibility(np.zeros((2, M)), a, metric="cosine")
    assert f.tolist() == [[0, 0, 0], [0, 0, 0]]
    f = compatibility(rng.normal(size=(2, M)), a, metric="cosine")
    assert f[:, 1].tolist() == [0, 0]
    assert np.abs(f[:, [0, 2]]).min() > 0


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_cosine_does_not_depend_on_length(rng, scale):
    x, a = (rng.normal(size=(n, M)).astype(np.float32) for n in (3, 4))
    f = compatibility(x * np.float32(scale), a * np.float32(scale), metric="cosine")
    assert np.allclose(f, compatibility(x, a, metric="cosine"), atol=1e-6)


def test_an_unknown_metric_is_refused(sentence):
    with sentence(ValueError, "metric is 'l1'", *METRICS):
        compatibility(np.ones((1, 2)), np.ones((1, 2)), metric="l1")


# Eq. 10


@pytest.mark.wheel
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("tau", [1.0, 0.2])
def test_labels_and_scores_by_hand_on_every_route(setup, metric, tau):
    vsmm, x, seen, unseen = setup
    settings = Settings(
        router_delta_low=0.5,
        router_delta_high=1.3,
        router_metric=metric,
        router_temperature=tau,
    )
    label, code, entropy, score, gate = routed(vsmm, x, seen, unseen, settings)
    assert gate.tolist() == np.array([1, 0.5, 0])[code].tolist()
    assert np.bincount(code, minlength=3).min() >= 3  # every route is taken
    semantic = vsmm.embed_prototypes(np.concatenate([seen, unseen]))
    for i, embedded in enumerate(vsmm.embed(x)):
        p = softmax(vsmm.logits(embedded[None])[0])
        f = np.array([BRUTE_FORCE[metric](embedded, a) for a in semantic])
        h = -(p * np.log(np.maximum(p, 1e-300))).sum()
        assert entropy[i] == pytest.approx(h, abs=1e-9)
        if h < 0.5:
            expected = 0, p.argmax(), p.max()
        elif h > 1.3:
            expected = 2, S + f[S:].argmax(), softmax(f[S:] / tau).max()  # eq. 1
        else:
            expected = 1, f.argmax(), softmax(f / tau).max()  # eq. 2
        assert (code[i], label[i]) == expected[:2]
        assert score[i] == pytest.approx(expected[2], rel=1e-9)


def test_scores_are_probabilities_of_at_least_the_uniform_one(setup):
    label, code, _, score, _ = routed(*setup, Settings())
    candidates = np.array([S, S + U, U])[code]
    assert (score >= 1 / candidates - 1e-12).all()
    assert score.max() <= 1
    assert ((label < S) | (code > 0)).all()
    assert ((label >= S) | (code < 2)).all()


@pytest.mark.parametrize(
    ("low", "high", "route"), [(9.0, 9.0, 0), (0.0, 9.0, 1), (0.0, 0.0, 2)], ids=ROUTES
)
def test_thresholds_can_send_everything_one_way(setup, low, high, route):
    settings = Settings(router_delta_low=low, router_delta_high=high)
    assert set(routed(*setup, settings)[1].tolist()) == {route}


def test_the_classifier_alone_takes_the_largest_logit_though_log_p_is_equal():
    """1e-9 is lost in float32 beside ln 2."""
    w, b = np.zeros((2, D), np.float32), np.array([-1e-9, 0], np.float32)
    identity = MLP([np.eye(D, dtype=np.float32), np.zeros(D, np.float32)])
    vsmm = VSMM(f_v=identity, g=identity, f_s=identity, c=MLP([w, b]))
    label, code, *_ = classify_batch(vsmm, np.ones((3, D), np.float32))
    assert (label.tolist(), code.tolist()) == ([1, 1, 1], [0, 0, 0])


def test_one_unseen_class_takes_its_route_with_certainty(setup):
    vsmm, x, seen, unseen = setup
    settings = Settings(router_delta_low=0.0, router_delta_high=0.0)
    label, _, _, score, _ = routed(vsmm, x, seen, unseen[:1], settings)
    assert set(label.tolist()) == {S}
    assert score == pytest.approx(1)


# The unit of the soft gate's tau


def test_scores_of_training_samples_in_blocks(setup, monkeypatch):
    vsmm, x, seen, _ = setup
    whole = vsmm_scores(vsmm, x, seen, metric="euclidean")
    monkeypatch.setattr("tinygzsl.nn.device_memory.BLOCK_VALUES", 7 * D)
    for part, expected in zip(vsmm_scores(vsmm, x, seen, metric="euclidean"), whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-12)
    embedded = vsmm.embed(x)
    f = compatibility(embedded, vsmm.embed_prototypes(seen), metric="euclidean")
    np.testing.assert_allclose(whole[2], f, rtol=1e-12)
    assert np.exp(whole[0]).sum(axis=1) == pytest.approx(1)


def test_the_unit_is_a_standard_deviation_and_never_zero(rng):
    f = (1e4 + rng.normal(size=(90, 4))).astype(np.float32)
    assert score_deviation(f) == pytest.approx(float(f.astype(float).std()))
    assert score_deviation(np.ones((3, 2))) == 1


def test_the_unit_is_summed_in_float64():
    f = (1000 + np.random.default_rng(0).normal(size=(500, 20))).astype(np.float32)
    assert router.score_deviation(f) == f.astype(float).std()


def test_chunks_are_joined_by_column():
    columns = [
        (np.array([2, 0]), np.array([1])),
        (np.array([0, 1], "int8"), np.array([2], "int8")),
        (np.array([0.1, 0.2]), np.array([0.7])),
        (np.array([0.3, 0.4]), np.array([0.8])),
        (np.array([0.5, 0.6]), np.array([0.9])),
    ]
    parts = list(zip(*columns, strict=True))
    found = router.joined(np.array([10, 20, 30]), parts)
    assert found.label.tolist() == [30, 10, 20]
    assert found.route.tolist() == list(ROUTES)
    assert found.entropy.tolist() == [0.1, 0.2, 0.7]
    assert found.score.tolist() == [0.3, 0.4, 0.8]
    assert found.gate.tolist() == [0.5, 0.6, 0.9]


def test_by_the_classifier_alone_entropy_and_score_are_those_of_c(tiny_dataset, small_model):
    data = tiny_dataset()
    model = small_model(vsmm_weight_es=0.0).fit(data.X_train, data.y_train, data.seen_prototypes)
    found, p = model.route(data.X_test), model.predict_proba(data.X_test)
    np.testing.assert_allclose(found.score, p.max(axis=1), rtol=1e-6)
    np.testing.assert_allclose(found.entropy, model.entropy(data.X_test), rtol=1e-6)
