import json
import math
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL
from tinygzsl.metrics import accuracies, ausuc, brier_score, calibration, fpr_at_tpr
from tinygzsl.stacking import RoutedGZSL


@pytest.fixture
def evaluated(tiny_dataset, small_model):
    data = tiny_dataset()
    t = data.training()
    model = small_model().fit(t.X, t.y, t.prototypes)
    return model, data, tz.evaluate(model, data)


@pytest.mark.wheel
def test_the_figures_agree_with_the_predictions(evaluated):
    model, data, m = evaluated
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    right = result.label == data.y_test
    s = np.mean([right[data.y_test == c].mean() for c in data.seen_classes])
    u = np.mean([right[data.y_test == c].mean() for c in data.unseen_classes])
    assert (m["S"], m["U"]) == pytest.approx((s, u))
    assert m["H"] == pytest.approx(2 * s * u / (s + u))
    assert m["n_test"] == {"seen": 50, "unseen": 80}
    assert m["per_class"]["unseen"].keys() == {"2", "5"}
    assert np.mean(list(m["per_class"]["seen"].values())) == pytest.approx(s)


def test_eq_2_everywhere_is_what_the_scores_say(evaluated):
    model, data, m = evaluated
    f = model.compatibility(data.X_test, data.unseen_prototypes)
    label = np.concatenate([data.seen_classes, data.unseen_classes])[f.argmax(axis=1)]
    unseen = np.isin(data.y_test, data.unseen_classes)
    assert m["gzsl"] == accuracies(data.y_test, label, ~unseen)
    zsl = data.unseen_classes[f[unseen][:, 5:].argmax(axis=1)]
    per_class = [(zsl == c)[data.y_test[unseen] == c].mean() for c in data.unseen_classes]
    assert m["zsl"] == pytest.approx(np.mean(per_class))


def test_entropies_and_bounds(evaluated):
    model, data, m = evaluated
    assert m["entropy"]["seen"] == pytest.approx(model.entropy(data.X_test_seen).mean())
    assert m["entropy"]["unseen"] == pytest.approx(model.entropy(data.X_test_unseen).mean())
    assert m["entropy"]["proxy"] == pytest.approx(model.entropy(model.sample_proxies(2000)).mean())
    assert m["entropy"]["max"] == pytest.approx(math.log(5))
    assert m["oracle"]["H"] <= 1
    assert all(sum(shares.values()) == pytest.approx(1) for shares in m["routes"].values())
    assert json.loads(json.dumps(m, allow_nan=False)) == m


def test_a_model_learns_the_tiny_dataset(evaluated):
    _, _, m = evaluated
    assert m["supervised"] > 0.9
    assert m["auroc"] > 0.6
    assert m["zsl"] > 0.7


def test_the_best_threshold_is_at_least_as_good_as_any_two_equal_ones(evaluated):
    model, data, m = evaluated
    for threshold in (0.2, 0.5, 1.0):
        model.settings_ = replace(
            model.settings_, router_delta_low=threshold, router_delta_high=threshold
        )
        assert m["oracle"]["H"] >= tz.evaluate(model, data)["H"] - 1e-12


def test_refuses_another_datasets_classes(evaluated, sentence):
    model, data, _ = evaluated
    keep = np.isin(data.y_train, data.seen_classes[:4])
    other = replace(
        data,
        X_train=data.X_train[keep],
        y_train=data.y_train[keep],
        seen_classes=data.seen_classes[:4],
        seen_prototypes=data.seen_prototypes[:4],
        X_test=data.X_test[data.y_test != 6],
        y_test=data.y_test[data.y_test != 6],
    )
    with sentence(ValueError, "5 seen classes", "4"):
        tz.evaluate(model, other)


def test_refuses_nan_in_test_features(evaluated, sentence):
    model, data, _ = evaluated
    bad = data.X_test.copy()
    bad[3, 2] = np.nan
    with sentence(ValueError, "X_test", "1 values", "row 3", "column 2"):
        tz.evaluate(model, replace(data, X_test=bad))


def test_every_figure_is_of_its_own_samples(evaluated):
    model, data, _ = evaluated
    # thresholds by which seen samples take all three routes
    model.settings_ = replace(model.settings_, router_delta_low=0.1, router_delta_high=0.2)
    m = tz.evaluate(model, data)
    y, is_seen = data.y_test, np.isin(data.y_test, data.seen_classes)
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    f = model.compatibility(data.X_test, data.unseen_prototypes)
    h, n_seen = result.entropy, len(data.seen_classes)
    assert m["fpr95"] == fpr_at_tpr(h[is_seen], h[~is_seen])
    assert m["auroc"] == pytest.approx(np.mean(h[~is_seen][:, None] > h[is_seen]), abs=1e-3)
    classes = data.seen_classes, data.unseen_classes
    assert m["ausuc"] == ausuc(f[:, :n_seen], f[:, n_seen:], y, *classes)
    for kind, rows in (("seen", is_seen), ("unseen", ~is_seen)):
        shares = {route: np.mean(result.route[rows] == route) for route in ("SL", "GZSL", "ZSL")}
        assert m["routes"][kind] == pytest.approx(shares)
    among_seen = model.predict(data.X_test)
    per_class = [np.mean(among_seen[y == c] == c) for c in data.seen_classes]
    assert m["supervised"] == pytest.approx(np.mean(per_class))
    among_unseen = data.unseen_classes[f[:, n_seen:].argmax(axis=1)]
    label = np.where(h >= m["oracle"]["threshold"], among_unseen, among_seen)
    oracle = {key: value for key, value in m["oracle"].items() if key != "threshold"}
    assert oracle == pytest.approx(accuracies(y, label, is_seen))


# Whether the score is a probability


def weighed_alike(data):
    """Weights with which classes of a side, and both sides, count the same."""
    weights = np.empty(len(data.y_test))
    for classes in (data.seen_classes, data.unseen_classes):
        for c in classes:
            rows = data.y_test == c
            weights[rows] = 1 / (2 * len(classes) * rows.sum())
    return weights


def test_the_score_of_eq_10_is_measured_and_its_gate_is_no_probability(evaluated):
    model, data, m = evaluated
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    right, weights = result.label == data.y_test, weighed_alike(data)
    found = m["calibration"]
    assert found["gate"] is None
    assert found["score"] == calibration(result.score, right, weights=weights)
    assert found["score"]["rate"] == pytest.approx((m["S"] + m["U"]) / 2)
    brier = np.sum(weights * (result.score.astype(float) - right) ** 2)
    assert found["score"]["brier"] == pytest.approx(brier)


def test_the_soft_gate_is_measured_as_probability_of_a_seen_class(tiny_dataset, small_model):
    data = tiny_dataset()
    t = data.training()
    model = small_model(router_gate="soft").fit(t.X, t.y, t.prototypes)
    m = tz.evaluate(model, data)
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    is_seen, weights = np.isin(data.y_test, data.seen_classes), weighed_alike(data)
    score, gate = m["calibration"]["score"], m["calibration"]["gate"]
    assert gate["brier"] == pytest.approx(brier_score(result.gate, is_seen, weights=weights))
    assert gate["rate"] == pytest.approx(0.5)
    assert gate["mean"] == pytest.approx(np.sum(weights * result.gate), abs=1e-6)
    assert sum(gate["curve"]["count"]) == sum(score["curve"]["count"]) == len(data.y_test)
    assert gate != score
    assert json.loads(json.dumps(m, allow_nan=False)) == m


@pytest.mark.parametrize("gate", ["hard", "soft"])
def test_an_experts_scores_are_no_probabilities(tiny_dataset, small_model, gate):
    data = tiny_dataset()
    t = data.training()
    routed = RoutedGZSL(router=small_model(router_gate=gate), expert=ESZSL())
    found = tz.evaluate(routed.fit(t.X, t.y, t.prototypes), data)["calibration"]
    assert found["score"] is None
    assert (found["gate"] is None) == (gate == "hard")
    expert = tz.evaluate(routed.expert, data)["calibration"]
    assert expert == {"score": None, "gate": None}
