import json
import math
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL
from tinygzsl.metrics import (
    accuracies,
    auroc,
    ausuc,
    brier_score,
    calibration,
    fpr_at_tpr,
    mean_class_accuracy,
)
from tinygzsl.stacking import RoutedGZSL, StackedGZSL


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


# A learned gate


@pytest.fixture
def noisy(tiny_dataset):
    """The tiny dataset with test samples so noisy that every method makes mistakes."""
    data = tiny_dataset()
    noise = np.random.default_rng(1).normal(size=data.X_test.shape)
    return replace(data, X_test=(data.X_test + 0.8 * noise).astype(np.float32))


@pytest.fixture
def stack(noisy, small_model):
    t = noisy.training()
    vsmm = small_model(vsmm_weight_es=0.0, router_gate="soft", vsmm_epochs=6)
    model = StackedGZSL(experts={"VSMM": vsmm, "ESZSL": ESZSL()}, features=("entropy", "gap"))
    return model.fit(t.X, t.y, t.prototypes)


def theta_of(gate, panel):
    """The log-odds of a seen class, by the definition."""
    found = panel.features(("entropy", "gap", "neighbours"))
    g = gate.intercept
    for name, w, m, d in zip(gate.features, gate.weights, gate.means, gate.deviations, strict=True):
        g = g + w * (found[name] - m) / d
    return gate.kappa * g - gate.offset


def check_gate(m, theta, data):
    is_seen = np.isin(data.y_test, data.seen_classes)
    assert m["gate"]["auroc"] == pytest.approx(auroc(-theta[is_seen], -theta[~is_seen]))
    assert m["gate"]["fpr95"] == pytest.approx(fpr_at_tpr(-theta[is_seen], -theta[~is_seen]))
    wins = np.mean(theta[is_seen][:, None] > theta[~is_seen])  # over pairs of both kinds
    assert m["gate"]["auroc"] == pytest.approx(wins, abs=1e-3)


def test_the_learned_gate_is_measured_beside_the_entropy(noisy, small_model):
    t = noisy.training()
    model = small_model(router_gate="learned").fit(t.X, t.y, t.prototypes)
    m = tz.evaluate(model, noisy)
    panel = model.panel(noisy.X_test, noisy.unseen_prototypes)
    check_gate(m, theta_of(model.decision_.gate, panel), noisy)
    label = model.predict(noisy.X_test, noisy.unseen_prototypes, noisy.unseen_classes)
    is_seen = np.isin(noisy.y_test, noisy.seen_classes)
    assert accuracies(noisy.y_test, label, is_seen).items() <= m.items()
    assert m["thresholds"] is None
    assert json.loads(json.dumps(m, allow_nan=False)) == m

    best = m["oracle_offset"]
    assert best["H"] > m["H"] - 1e-9
    for offset in (*np.linspace(-4, 4, 9), best["offset"]):
        model.settings_ = replace(model.settings_, router_offset=offset)
        assert tz.evaluate(model, noisy)["H"] <= best["H"] + 1e-9
    now = tz.evaluate(model, noisy)  # with the best offset
    assert {key: now[key] for key in "SUH"} == pytest.approx({key: best[key] for key in "SUH"})
    assert now["oracle_offset"] == pytest.approx(best)


def test_a_stack_is_measured_by_its_mixed_probabilities(noisy, stack, monkeypatch):
    m, y = tz.evaluate(stack, noisy), noisy.y_test
    seen, unseen = noisy.seen_classes, noisy.unseen_classes
    is_seen = np.isin(y, seen)
    panel = stack.panel(noisy.X_test, noisy.unseen_prototypes)
    theta = theta_of(stack.decision_.gate, panel)
    check_gate(m, theta, noisy)
    assert "gzsl" not in m and m["thresholds"] is None and "proxy" not in m["entropy"]

    p = stack.predict_proba(noisy.X_test)
    entropy = -np.sum(p * np.log(p), axis=1)
    assert m["entropy"]["seen"] == pytest.approx(entropy[is_seen].mean())
    assert m["auroc"] == pytest.approx(auroc(entropy[is_seen], entropy[~is_seen]), abs=1e-3)
    supervised = seen[p.argmax(axis=1)]
    assert m["supervised"] == mean_class_accuracy(y[is_seen], supervised[is_seen])
    w = stack.decision_.unseen_weights
    q = np.exp(sum(w_e * e.unseen for w_e, e in zip(w, panel.experts.values(), strict=True)))
    q /= q.sum(axis=1, keepdims=True)
    zero_shot = unseen[q.argmax(axis=1)]
    assert m["zsl"] == mean_class_accuracy(y[~is_seen], zero_shot[~is_seen])

    margin = theta + np.log(p.max(axis=1)) - np.log(q.max(axis=1))
    points = []
    for shift in (*np.sort(margin), np.inf):  # samples below it go to unseen classes
        label = np.where(margin >= shift, supervised, zero_shot)
        points.append(accuracies(y, label, is_seen))
    s, u = np.array([[point["S"], point["U"]] for point in points]).T
    assert m["ausuc"] == pytest.approx(np.sum(np.diff(u) * (s[:-1] + s[1:]) / 2))
    assert m["oracle_offset"]["H"] == pytest.approx(max(point["H"] for point in points))
    assert m["oracle_offset"]["H"] > m["H"] - 1e-9
    gate = replace(stack.decision_.gate, offset=m["oracle_offset"]["offset"])
    monkeypatch.setattr(StackedGZSL, "decision_", replace(stack.decision_, gate=gate))
    assert tz.evaluate(stack, noisy)["H"] == pytest.approx(m["oracle_offset"]["H"])
    assert json.loads(json.dumps(m, allow_nan=False)) == m


def test_a_routed_model_has_the_figures_of_its_routers_gate(noisy, small_model):
    t = noisy.training()
    routed = RoutedGZSL(router=small_model(router_gate="learned"), expert=ESZSL())
    m = tz.evaluate(routed.fit(t.X, t.y, t.prototypes), noisy)
    alone = tz.evaluate(routed.router, noisy)
    assert m["gate"] == alone["gate"]
    routed.router.settings_ = replace(
        routed.router.settings_, router_offset=m["oracle_offset"]["offset"]
    )
    assert tz.evaluate(routed, noisy)["H"] == pytest.approx(m["oracle_offset"]["H"])
    assert m["gzsl"] != alone["gzsl"]


def test_other_gates_have_no_learned_figures(evaluated):
    assert not {"gate", "oracle_offset"} & evaluated[2].keys()
