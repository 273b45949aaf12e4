import numpy as np
import pytest

from tinygzsl.confidence import (
    ConfidenceScorer,
    class_balanced_weights,
    confidence_score,
    cs_window,
)
from tinygzsl.cwgan import generator_forward
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.ptc import PTC
from tinygzsl.settings import Settings

S, D, K = 4, 5, 3


@pytest.fixture
def ptc():
    rng = np.random.default_rng(0)
    return PTC(rng.normal(size=(S, D)), rng.normal(size=S), l2=0.1, held_out_loss=0.5)


@pytest.fixture
def make_scorer(ptc):
    """make_scorer(seed, ...) -> a scorer on random prototypes and held-out samples."""

    def make(seed=0, ptc=ptc, dtype="float64"):
        rng = np.random.default_rng(1)
        prototypes, x = rng.random((S, K)).astype(dtype), rng.normal(size=(40, D)).astype(dtype)
        y = np.repeat([0, 1, 2, 3], [25, 5, 5, 5])
        return ConfidenceScorer(ptc, prototypes, x, y, latent=2, per_class=6, seed=seed)

    return make


def generator(seed=0, dtype="float64"):
    return MLP.create(np, [2 + K, 8, D], seed=seed, purpose=Purpose.CHECK, std=None, dtype=dtype)


def sharp(labels, classes):
    """log p(y|x) that is as good as one-hot."""
    return np.where(np.eye(classes)[labels] > 0, 0.0, -1e4)


@pytest.mark.wheel
def test_identical_rows_score_one():
    p = np.array([0.1, 0.2, 0.7])
    assert confidence_score(np.log(np.tile(p, (9, 1)))) == pytest.approx(1, abs=1e-12)
    assert confidence_score(sharp([2, 2, 2], 3)) == pytest.approx(1, abs=1e-12)


@pytest.mark.wheel
@pytest.mark.parametrize("classes", [2, 5, 100])
def test_sharp_and_balanced_rows_score_the_number_of_classes(classes):
    log_p = sharp(np.arange(3 * classes) % classes, classes)
    assert confidence_score(log_p) == pytest.approx(classes, rel=1e-12)


def test_sharp_rows_of_some_classes_score_their_number():
    assert confidence_score(sharp([0, 1, 0, 1], 7)) == pytest.approx(2)


@pytest.mark.wheel
def test_two_classes_by_hand():
    p = np.array([[0.9, 0.1], [0.3, 0.7]])  # their mean is 0.6, 0.4
    kl = 0.9 * np.log(1.5) + 0.1 * np.log(0.25), 0.3 * np.log(0.5) + 0.7 * np.log(1.75)
    assert confidence_score(np.log(p)) == pytest.approx(np.exp((kl[0] + kl[1]) / 2))


def test_weights_count_rows():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=3)
    repeated = confidence_score(np.log(np.repeat(p, [1, 2, 5], axis=0)))
    weighted = confidence_score(np.log(p), np.array([1, 2, 5]) / 8)
    assert weighted == pytest.approx(repeated, rel=1e-12)
    assert weighted != pytest.approx(float(confidence_score(np.log(p))), rel=1e-3)


def test_the_score_lies_between_one_and_the_number_of_classes():
    rng = np.random.default_rng(0)
    for sharpness in (0.01, 0.1, 1, 10, 100):
        p = rng.dirichlet(np.full(6, 1 / sharpness), size=50)
        assert 1 <= confidence_score(np.log(np.maximum(p, 1e-300))) <= 6


def test_probabilities_that_underflow_give_no_nan():
    log_p = np.array([[0, -1e4, -2e4], [-1e4, 0, -3e4]], np.float32)
    score = confidence_score(log_p)
    assert score.dtype == np.float32
    assert score == pytest.approx(2)


@pytest.mark.wheel
def test_class_balanced_weights_by_hand():
    weights = class_balanced_weights(np.array([0, 0, 0, 2]), 4)
    assert weights == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_class_balanced_weights_give_every_class_the_same_total():
    y = np.random.default_rng(0).integers(0, 5, 70)
    weights = class_balanced_weights(y, 5)
    assert weights.sum() == pytest.approx(1)
    assert np.bincount(y, weights) == pytest.approx(0.2)


def test_classes_and_noise_are_fixed_and_classes_balanced(make_scorer):
    scorer = make_scorer()
    assert scorer.z.shape == (24, 2)
    kinds, counts = np.unique(scorer.a, axis=0, return_counts=True)
    assert len(kinds) == S
    assert counts.tolist() == [6, 6, 6, 6]
    assert np.array_equal(scorer.z, make_scorer().z)
    assert not np.array_equal(scorer.z, make_scorer(seed=1).z)


@pytest.mark.wheel
def test_the_score_is_that_of_the_generated_samples_and_comes_out_twice(make_scorer, ptc):
    scorer, net = make_scorer(), generator()
    fake, _ = generator_forward(net, scorer.z, scorer.a)
    score = scorer.score(net)
    assert isinstance(score, float)
    assert score == confidence_score(ptc.log_proba(fake))
    assert scorer.score(net) == score
    assert scorer.score(generator(seed=1)) != score


def test_the_reference_is_the_class_balanced_score_of_held_out_samples(make_scorer, ptc):
    rng = np.random.default_rng(1)
    rng.random((S, K))
    log_p = ptc.log_proba(rng.normal(size=(40, D)))
    each_class_25_times = np.repeat(log_p, [1] * 25 + [5] * 15, axis=0)
    expected = float(confidence_score(each_class_25_times))
    assert make_scorer().reference == pytest.approx(expected, rel=1e-12)


@pytest.mark.wheel
def test_relative_is_zero_for_one_and_one_for_the_reference(make_scorer):
    scorer = make_scorer()
    assert scorer.relative(1.0) == 0
    assert scorer.relative(scorer.reference) == 1
    assert scorer.relative(scorer.reference**0.5) == pytest.approx(0.5)


def test_relative_is_finite_where_the_reference_is_one(make_scorer):
    blind = PTC(np.zeros((S, D)), np.zeros(S), l2=0.1, held_out_loss=1.4)
    scorer = make_scorer(ptc=blind)
    assert scorer.reference == pytest.approx(1)
    assert scorer.relative(1.0) == 0
    assert np.isfinite(scorer.relative(2.0))


def test_float32_scores_agree_with_float64(make_scorer, ptc):
    narrow = ptc._replace(w=ptc.w.astype(np.float32), b=ptc.b.astype(np.float32))
    scorer = make_scorer(ptc=narrow, dtype="float32")
    assert scorer.z.dtype == scorer.a.dtype == np.float32
    score = scorer.score(generator(dtype="float32"))
    assert score == pytest.approx(make_scorer().score(generator()), rel=1e-4)
    assert scorer.reference == pytest.approx(make_scorer().reference, rel=1e-4)


def test_the_window_in_both_units():
    window = cs_window(Settings(cs_low=0.25, cs_high=0.5), 16.0)
    assert window.cs == pytest.approx((2.0, 4.0))
    assert window.relative == (0.25, 0.5)
    window = cs_window(Settings(cs_unit="absolute", cs_low=0.0, cs_high=4.0), 16.0)
    assert window.cs == (0.0, 4.0)
    assert window.relative == pytest.approx((0.0, 0.5))


def test_a_window_in_cs_is_the_scores_that_are_relative_to_the_reference(make_scorer):
    scorer = make_scorer()
    low, high = cs_window(Settings(cs_low=0.25, cs_high=0.5), scorer.reference).cs
    assert [scorer.relative(low), scorer.relative(high)] == pytest.approx([0.25, 0.5])
