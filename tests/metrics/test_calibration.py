"""Brier score, calibration error and reliability curve: by hand, and at their edges."""

import json

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from tinygzsl.metrics import (
    accuracies,
    balanced_weights,
    brier_score,
    calibration,
    calibration_error,
    reliability_curve,
)

pytestmark = pytest.mark.wheel

# Two groups of equal scores: 0.8 comes true in 2 of 4 cases, 0.3 in 1 of 2.
P = np.array([0.8, 0.3, 0.8, 0.8, 0.3, 0.8])
TRUE = np.array([True, True, False, True, False, False])


def test_brier_score_by_hand():
    assert brier_score([0.9, 0.4], [True, False]) == pytest.approx((0.01 + 0.16) / 2)
    weighted = brier_score([0.9, 0.4], [True, False], weights=[3, 1])
    assert weighted == pytest.approx((3 * 0.01 + 0.16) / 4)


def test_brier_score_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    p, w = rng.random(200), rng.random(200)
    true = rng.random(200) < p
    expected = brier_score_loss(true, p, sample_weight=w)
    assert brier_score(p, true, weights=w) == pytest.approx(expected, abs=1e-12)


def test_equal_scores_are_one_bin():
    curve = reliability_curve(P, TRUE)
    assert curve.mean == pytest.approx([0.3, 0.8])
    assert curve.rate.tolist() == [0.5, 0.5]
    assert curve.weight == pytest.approx([1 / 3, 2 / 3])
    assert curve.count.tolist() == [2, 4]
    assert calibration_error(P, TRUE) == pytest.approx(0.2 / 3 + 2 * 0.3 / 3)


def test_weights_move_means_and_rates_by_hand():
    weights = [1, 1, 1, 1, 3, 0]
    curve = reliability_curve(P, TRUE, weights=weights)
    assert curve.mean == pytest.approx([0.3, 0.8])
    assert curve.rate == pytest.approx([1 / 4, 2 / 3])
    assert curve.weight == pytest.approx([4 / 7, 3 / 7])
    assert curve.count.tolist() == [2, 4]
    found = calibration_error(P, TRUE, weights=weights)
    assert found == pytest.approx(4 / 7 * 0.05 + 3 / 7 * (0.8 - 2 / 3))


def test_a_bin_without_weight_is_left_out():
    curve = reliability_curve(P, TRUE, weights=[1, 0, 1, 1, 0, 1])
    assert curve.mean == pytest.approx([0.8])
    assert curve.count.tolist() == [4]


def test_bins_have_equal_counts():
    p = np.arange(45) / 100
    curve = reliability_curve(p, np.zeros(45, bool))
    assert curve.count.tolist() == 15 * [3]
    np.testing.assert_allclose(curve.mean, p[1::3])  # the middle one of each three
    counts = reliability_curve(np.linspace(0, 1, 50), np.ones(50, bool)).count
    assert counts.size == 15 and set(counts) == {3, 4}


def test_a_tie_across_the_border_of_two_bins_stays_together():
    # 30 samples, two a bin; ranks 2 to 4 are equal, and their middle is in the second bin.
    p = np.arange(30) / 30
    p[1:4] = p[2]
    assert reliability_curve(p, np.ones(30, bool)).count.tolist() == [1, 3, *13 * [2]]


def test_the_curve_agrees_with_quantiles_of_scikit_learn():
    rng = np.random.default_rng(1)
    p = rng.random(450) ** 0.5
    true = rng.random(450) < p**2
    rate, mean = calibration_curve(true, p, n_bins=15, strategy="quantile")
    curve = reliability_curve(p, true)
    np.testing.assert_allclose(curve.mean, mean, atol=1e-12)
    np.testing.assert_allclose(curve.rate, rate, atol=1e-12)


def test_the_order_of_the_samples_does_not_matter():
    rng = np.random.default_rng(2)
    p, true, order = rng.integers(0, 12, 100) / 11, rng.random(100) < 0.4, rng.permutation(100)
    curve, again = reliability_curve(p, true), reliability_curve(p[order], true[order])
    for name in ("mean", "rate", "weight", "count"):
        np.testing.assert_allclose(getattr(curve, name), getattr(again, name), atol=1e-12)


def test_one_sample():
    right = calibration([0.75], [True])
    assert (right["brier"], right["ece"], right["rate"]) == (0.0625, 0.25, 1.0)
    assert right["curve"] == {"mean": [0.75], "rate": [1.0], "count": [1]}
    assert right["calibrated"]
    assert not calibration([0.99], [False])["calibrated"]  # one in a hundred


@pytest.mark.parametrize("true", [True, False])
def test_scores_of_0_and_1_that_come_true_are_calibrated(true):
    found = calibration(np.full(20, float(true)), np.full(20, true))
    assert (found["brier"], found["ece"], found["ece_limit"]) == (0, 0, 0)
    assert found["calibrated"]
    assert found["curve"]["count"] == [20]
    assert found["histogram"][-1 if true else 0] == 20


def test_scores_of_0_and_1_that_do_not():
    found = calibration(np.repeat([0.0, 1.0], 5), np.repeat([True, False], 5))
    assert (found["brier"], found["ece"], found["ece_limit"]) == (1, 1, 0)
    assert not found["calibrated"]
    assert (found["mean"], found["rate"]) == (0.5, 0.5)


@pytest.mark.parametrize(("true", "rate"), [(True, 1), (False, 0)])
def test_all_right_and_all_wrong(true, rate):
    found = calibration(np.full(100, 0.6), np.full(100, true))
    assert found["rate"] == pytest.approx(rate)
    assert found["ece"] == pytest.approx(abs(0.6 - rate))
    assert not found["calibrated"]


def test_the_limit_is_exceeded_by_one_calibrated_score_in_twenty():
    """Of one bin, |sum of w (p - outcome)| is half normal: its 95% point is 1.96 deviations."""
    limit = calibration(np.full(10_000, 0.5), np.ones(10_000, bool))["ece_limit"]
    assert limit == pytest.approx(1.96 * 0.5 / 100, rel=0.08)
    exceeded = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        p = rng.random(200) ** 0.3
        exceeded += not calibration(p, rng.random(200) < p)["calibrated"]
    assert 1 <= exceeded <= 12


def test_an_overconfident_score_is_found_out():
    rng = np.random.default_rng(3)
    p = 0.5 + rng.random(1000) / 2
    found = calibration(p, rng.random(1000) < p - 0.15)
    assert not found["calibrated"]
    assert found["mean"] - found["rate"] == pytest.approx(0.15, abs=0.04)
    assert found["ece"] >= found["mean"] - found["rate"]


def test_balanced_weights_give_the_mean_of_s_and_u():
    y, seen = np.array(["a", "a", "a", "b", "x", "x"]), np.array(["a", "b"])
    weights = balanced_weights(y, seen)
    np.testing.assert_allclose(weights, [1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4, 1 / 4])
    label = np.array(["a", "x", "a", "b", "x", "b"])
    found = accuracies(y, label, np.isin(y, seen))
    assert weights[label == y].sum() == pytest.approx((found["S"] + found["U"]) / 2)


def test_figures_are_ready_for_json_and_the_same_each_time():
    found = calibration(P.astype(np.float32), TRUE)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert calibration(P.astype(np.float32), TRUE) == found
    assert sum(found["histogram"]) == 6 and len(found["histogram"]) == 20


def test_rounding_past_1_is_no_error():
    assert brier_score(np.array([1.0000001], np.float32), [True]) == 0


BAD_CALLS = {
    "no samples": (lambda: brier_score([], []), r"probability has shape \(0,\)"),
    "NaN": (lambda: calibration([0.5, np.nan], [True, False]), "1 NaN or infinite values of 2"),
    "above 1": (lambda: brier_score([0.2, 1.2], [True, False]), "probability has the value 1.2"),
    "below 0": (lambda: brier_score([-0.2], [True]), "probability has the value -0.2"),
    "outcomes": (lambda: brier_score([0.5], [1]), "outcome has dtype int64"),
    "lengths": (
        lambda: reliability_curve([0.5, 0.5], [True]),
        "outcome has 1 entries but probability has 2",
    ),
    "weights": (
        lambda: calibration_error([0.5, 0.5], [True, True], weights=[1.0]),
        "weights has 1 entries",
    ),
    "negative weight": (lambda: brier_score([0.5], [True], weights=[-1]), "between -1 and -1"),
    "no weight": (lambda: brier_score([0.5], [True], weights=[0]), "weights lie between 0 and 0"),
    "one side": (lambda: balanced_weights([1, 2], [1, 2]), "2 seen and 0 unseen classes"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_errors_name_the_actual_values(case):
    call, message = BAD_CALLS[case]
    with pytest.raises(ValueError, match=message):
        call()
