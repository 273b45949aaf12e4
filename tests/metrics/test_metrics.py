import json
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from tinygzsl import metrics
from tinygzsl.metrics import (
    accuracy_by_class,
    auroc,
    ausuc,
    best_threshold,
    fpr_at_tpr,
    harmonic_mean,
    mean_class_accuracy,
    per_class_accuracy,
    route_shares,
    seen_unseen_curve,
)

pytestmark = pytest.mark.wheel

SEEN, UNSEEN = np.array([2, 3, 7]), np.array([1, 9])


def random_labels(rng, n):
    """Labels of all classes, unequally frequent, so that both kinds and every class occur."""
    y = rng.choice([1, 2, 3, 7, 9], size=n, p=[0.1, 0.4, 0.1, 0.1, 0.3])
    y[:5] = [1, 2, 3, 7, 9]
    return y


def accuracies(y_true, y_pred):
    seen = np.isin(y_true, SEEN)
    return tuple(mean_class_accuracy(y_true[kind], y_pred[kind]) for kind in (seen, ~seen))


# Accuracies


def test_per_class_accuracy_by_hand():
    classes, values = per_class_accuracy([4, 4, 4, 2, 2, 8], [4, 2, 4, 2, 2, 4])
    assert classes.tolist() == [2, 4, 8]
    assert values.tolist() == [1.0, 2 / 3, 0.0]


def test_classes_that_are_only_predicted_have_no_accuracy():
    classes, values = per_class_accuracy(["cat", "cat"], ["cat", "dog"])
    assert classes.tolist() == ["cat"]
    assert values.tolist() == [0.5]


def test_mean_class_accuracy_weighs_classes_not_samples():
    assert mean_class_accuracy([0, 0, 0, 1], [0, 0, 0, 0]) == 0.5


@pytest.mark.parametrize(
    ("s", "u", "h"), [(0.5, 0.5, 0.5), (0.9, 0.1, 0.18), (0, 0, 0), (1, 0, 0), (65.0, 51.9, 57.716)]
)
def test_harmonic_mean_by_hand(s, u, h):
    assert isinstance(harmonic_mean(s, u), float)
    assert harmonic_mean(s, u) == pytest.approx(h, abs=1e-3)


def test_harmonic_mean_of_arrays():
    assert harmonic_mean([0.0, 0.5, 1.0], [0.0, 0.5, 0.5]) == pytest.approx([0, 0.5, 2 / 3])


def test_accuracies_of_both_kinds_by_hand():
    y, is_seen = ["a", "a", "b", "c", "c"], np.array([True, True, True, False, False])
    label = ["a", "c", "b", "c", "a"]
    found = metrics.accuracies(y, label, is_seen)
    assert found == {"S": 0.75, "U": 0.5, "H": pytest.approx(0.6)}
    by_class = accuracy_by_class(y, label, is_seen)
    assert by_class == {"seen": {"a": 0.5, "b": 1.0}, "unseen": {"c": 0.5}}
    assert json.loads(json.dumps(by_class)) == by_class


def test_accuracies_need_samples_of_both_kinds(sentence):
    for function in (metrics.accuracies, accuracy_by_class):
        with sentence(ValueError, "y_true has shape (0,)"):
            function([1, 2], [1, 2], np.array([True, True]))
        with sentence(ValueError, "is_seen has dtype int64"):
            function([1, 2], [1, 2], np.array([0, 1]))


# The entropy as a detector


def test_auroc_by_hand():
    assert auroc([0, 1], [2, 3]) == 1.0
    assert auroc([2, 3], [0, 1]) == 0.0
    assert auroc([1, 1], [1, 1, 1]) == 0.5
    assert auroc([1, 2], [2, 3, 0]) == pytest.approx((0.5 + 1 + 1 + 1) / 6)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_agrees_with_pairs_and_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    negatives, positives = rng.integers(0, 12, 70) / 4, rng.integers(3, 15, 40) / 4
    difference = positives[:, None] - negatives
    pairs = np.mean((difference > 0) + 0.5 * (difference == 0))
    assert auroc(negatives, positives) == pytest.approx(pairs, abs=1e-12)
    truth = np.repeat([0, 1], [70, 40])
    expected = roc_auc_score(truth, np.concatenate([negatives, positives]))
    assert auroc(negatives, positives) == pytest.approx(expected, abs=1e-12)


def test_fpr_at_tpr_by_hand():
    positives = np.arange(1, 21)  # 19 of 20 have a score of 2 or more
    assert fpr_at_tpr([0, 1, 2, 3], positives) == 0.5
    assert fpr_at_tpr([0, 1, 2, 3], positives, tpr=1.0) == 0.75
    assert fpr_at_tpr([0, 1, 2, 3], positives, tpr=0.951) == 0.75
    assert fpr_at_tpr([5.0], [5.0]) == 1.0


@pytest.mark.parametrize("tpr", [0.07, 0.3, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_fpr_at_tpr_agrees_with_scikit_learn(seed, tpr):
    rng = np.random.default_rng(seed)
    negatives, positives = rng.integers(0, 30, 80), rng.integers(10, 40, 100)
    truth, scores = np.repeat([0, 1], [80, 100]), np.concatenate([negatives, positives])
    fpr, attained, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert fpr_at_tpr(negatives, positives, tpr) == fpr[attained >= tpr].min()


# The seen-unseen curve and what is read off it


def test_seen_unseen_curve_by_hand():
    thresholds, s, u = seen_unseen_curve(
        novelty=[0.1, 0.4, 0.4, 0.9],
        correct_as_seen=[True, True, False, False],
        correct_as_unseen=[False, False, True, True],
        y_true=["a", "b", "x", "x"],
        seen_classes=["a", "b"],
    )
    assert thresholds.tolist() == [0.1, 0.4, 0.9, np.nextafter(0.9, 1)]
    assert s.tolist() == [0, 0.5, 1, 1]
    assert u.tolist() == [1, 1, 0.5, 0]


def test_ausuc_by_hand():
    scores_seen = np.array([[3.0], [1.0], [2.0], [0.0]])
    scores_unseen = np.array([[0.0], [0.0], [0.0], [0.0]])
    # Margins 3, 1 (seen) and 2, 0 (unseen): (U, S) = (0, 1), (.5, 1), (.5, .5), (1, .5), (1, 0).
    assert ausuc(scores_seen, scores_unseen, [5, 5, 6, 6], [5], [6]) == 0.75


def test_ausuc_joins_tied_margins_by_a_straight_line():
    assert ausuc(np.ones((2, 1)), np.ones((2, 1)), ["s", "u"], ["s"], ["u"]) == 0.5


def ausuc_by_shifting(scores_seen, scores_unseen, y):
    margins = np.unique(scores_seen.max(axis=1) - scores_unseen.max(axis=1))
    between = (margins[1:] + margins[:-1]) / 2
    candidates = np.concatenate([SEEN, UNSEEN])
    points = []
    for shift in [margins[0] - 1, *between, margins[-1] + 1]:
        scores = np.concatenate([scores_seen - shift, scores_unseen], axis=1)
        points.append(accuracies(y, candidates[scores.argmax(axis=1)]))
    area = 0.0
    for (s0, u0), (s1, u1) in pairwise(points):
        area += (u1 - u0) * (s0 + s1) / 2
    return area


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("levels", [4, 40, 10**6])
def test_ausuc_agrees_with_shifting_the_scores(seed, levels):
    rng = np.random.default_rng(seed)
    y = random_labels(rng, 90)
    scores_seen, scores_unseen = (
        rng.integers(0, levels, (90, classes.size)) + levels // 2 * (y[:, None] == classes)
        for classes in (SEEN, UNSEEN)
    )
    expected = ausuc_by_shifting(scores_seen, scores_unseen, y)
    assert ausuc(scores_seen, scores_unseen, y, SEEN, UNSEEN) == pytest.approx(expected, abs=1e-12)


def test_ausuc_ignores_a_constant_in_the_scores_of_the_seen_classes():
    rng = np.random.default_rng(0)
    y = random_labels(rng, 60)
    scores_seen, scores_unseen = rng.integers(0, 50, (60, 3)), rng.integers(0, 50, (60, 2))
    area = ausuc(scores_seen, scores_unseen, y, SEEN, UNSEEN)
    assert ausuc(scores_seen + 17, scores_unseen, y, SEEN, UNSEEN) == area


def test_best_threshold_by_hand():
    y = np.array([2, 3, 1, 9])
    supervised, zero_shot = np.array([2, 3, 7, 7]), np.array([1, 1, 1, 9])
    result = best_threshold([0.1, 0.6, 0.5, 0.9], y, supervised, zero_shot, SEEN)
    # 0.9 splits off one unseen sample (S 1, U 1/2); 0.5 keeps both of them (S 1/2, U 1).
    assert result == (pytest.approx(2 / 3), 0.5, 1.0, 0.5)
    result = best_threshold([0.1, 0.4, 0.5, 0.9], y, supervised, zero_shot, SEEN)
    assert result == (1.0, 1.0, 1.0, 0.5)


@pytest.mark.parametrize("seed", range(8))
def test_best_threshold_agrees_with_trying_all(seed):
    rng = np.random.default_rng(seed)
    y = random_labels(rng, 80)
    entropy = rng.integers(0, 15, 80) / 8
    # Labels of either kind on either side: nothing relies on zero-shot labels being unseen.
    supervised, zero_shot = (
        np.where(rng.random(80) < 0.5, y, rng.choice([1, 2, 3, 7, 9], 80)) for _ in range(2)
    )
    trials = [
        harmonic_mean(*accuracies(y, np.where(entropy < t, supervised, zero_shot)))
        for t in [*np.unique(entropy), 100.0]
    ]
    h, s, u, threshold = best_threshold(entropy, y, supervised, zero_shot, SEEN)
    assert h == pytest.approx(max(trials), abs=1e-12)
    assert accuracies(y, np.where(entropy < threshold, supervised, zero_shot)) == (
        pytest.approx(s, abs=1e-12),
        pytest.approx(u, abs=1e-12),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threshold_above_all_entropies_is_a_number_that_works(dtype):
    entropy = np.array([0.3, 0.7], dtype)
    *_, threshold = best_threshold(entropy, [2, 1], [2, 1], [1, 2], SEEN)
    assert (entropy < threshold).all()
    json.dumps(threshold, allow_nan=False)


# Routes


def test_route_shares_by_hand():
    shares = route_shares(["SL", "SL", "ZSL", "GZSL", "ZSL"], [True, True, True, False, False])
    assert shares == {
        "seen": {"SL": 2 / 3, "GZSL": 0.0, "ZSL": 1 / 3},
        "unseen": {"SL": 0.0, "GZSL": 0.5, "ZSL": 0.5},
    }


# Errors

TWO = np.zeros((2, 1))
BAD_CALLS = {
    "no samples": (lambda: per_class_accuracy([], []), r"y_true has shape \(0,\)"),
    "two-dimensional labels": (lambda: mean_class_accuracy([[1, 2]], [1]), r"shape \(1, 2\)"),
    "lengths": (lambda: per_class_accuracy([1, 2], [1]), "y_pred has 1 entries but y_true has 2"),
    "label kinds": (lambda: mean_class_accuracy([1], ["1"]), "y_pred has dtype <U1"),
    "negative accuracy": (lambda: harmonic_mean(-0.1, 0.5), "s has the value -0.1"),
    "NaN accuracy": (lambda: harmonic_mean(0.1, np.nan), "u has the value nan"),
    "no positives": (lambda: auroc([1.0], []), r"positives has shape \(0,\)"),
    "NaN score": (lambda: auroc([1.0, np.nan], [1.0]), "1 NaN or infinite values of 2"),
    "tpr": (lambda: fpr_at_tpr([1.0], [1.0], tpr=95), "tpr is 95; pass a share above 0"),
    "flags": (
        lambda: seen_unseen_curve([0.1], [1], [True], [2], [2]),
        "correct_as_seen has dtype int",
    ),
    "one kind": (
        lambda: seen_unseen_curve([0.1], [True], [True], [2], [2]),
        "1 seen and 0 unseen classes",
    ),
    "entropy length": (
        lambda: best_threshold([0.1], [1, 2], [2, 2], [1, 1], [2]),
        "entropy has 1 entries but y_true has 2",
    ),
    "columns": (
        lambda: ausuc(TWO, TWO, [1, 2], [2, 3], [1]),
        r"scores_seen_classes has shape \(2, 1\) .* pass shape \(2, 2\)",
    ),
    "class twice": (lambda: ausuc(TWO, TWO, [1, 2], [2], [2]), "class 2 is in seen_classes and"),
    "unknown class": (lambda: ausuc(TWO, TWO, [1, 5], [2], [1]), "y_true holds 5, which"),
    "infinite score": (lambda: ausuc(TWO, TWO / 0.0, [1, 2], [2], [1]), "scores_unseen_classes"),
    "unknown route": (lambda: route_shares(["SL", "sl"], [True, False]), "route holds sl"),
    "route length": (lambda: route_shares(["SL"], [True, False]), "is_seen has 2 entries"),
    "only seen": (lambda: route_shares(["SL"], [True]), "is_seen marks 1 of 1 samples"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_errors_name_the_actual_values(case):
    call, message = BAD_CALLS[case]
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=message):
        call()
