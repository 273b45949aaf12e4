"""The estimator with router_gate="soft"."""

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.datasets import scaling
from tinygzsl.storage import arrays_file


@pytest.fixture
def soft(fit):
    return fit(router_gate="soft", vsmm_weight_es=0.0)


@pytest.mark.wheel
def test_the_scores_of_all_classes_by_hand(soft, data, unseen):
    result = soft.route(data.X_test, *unseen)
    p, h = soft.predict_proba(data.X_test), soft.entropy(data.X_test)
    f = soft.compatibility(data.X_test, unseen[0])[:, 5:] / (0.2 * soft.score_scale_)
    q = np.exp(f - f.max(axis=1, keepdims=True))
    q /= q.sum(axis=1, keepdims=True)
    g = 1 / (1 + np.exp(-(0.1 - h / math.log(5)) / 0.4))
    scores = np.concatenate([g[:, None] * p, (1 - g)[:, None] * q], axis=1)
    labels = np.concatenate([data.seen_classes, data.unseen_classes])
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(result.label, labels[scores.argmax(axis=1)])
    assert result.score == pytest.approx(scores.max(axis=1), rel=1e-3)
    assert result.gate == pytest.approx(g, rel=1e-4)
    assert np.array_equal(result.route == "SL", np.isin(result.label, data.seen_classes))
    assert set(result.route) == {"SL", "ZSL"}


def test_the_unit_of_tau_is_the_spread_of_training_scores(soft, data):
    f = soft.compatibility(data.X_train, data.seen_prototypes[:1])[:, :5]
    assert soft.score_scale_ == pytest.approx(f.astype(float).std(), rel=1e-5)


def test_the_unit_does_not_depend_on_the_gate(fit, soft):
    assert fit(vsmm_weight_es=0.0).score_scale_ == soft.score_scale_


@pytest.mark.wheel
def test_rows_one_at_a_time_in_another_order_and_in_chunks(soft, data, unseen, monkeypatch):
    whole = soft.route(data.X_test, *unseen)
    order = np.random.default_rng(0).permutation(len(data.X_test))
    shuffled = soft.route(data.X_test[order], *unseen)
    few = [soft.route(data.X_test[i : i + 1], *unseen) for i in range(20)]
    alone = [np.concatenate(column) for column in zip(*few, strict=True)]
    monkeypatch.setattr(scaling, "CHUNK_ROWS", 7)
    chunked = soft.route(data.X_test, *unseen)
    expected = [column[order] for column in whole], whole, [column[:20] for column in whole]
    for other, columns in zip((shuffled, chunked, alone), expected, strict=True):
        for mine, theirs in zip(other[:2], columns[:2], strict=True):
            assert np.array_equal(mine, theirs)
        for mine, theirs in zip(other[2:], columns[2:], strict=True):
            assert np.allclose(mine, theirs, atol=1e-5)


def test_a_narrow_gate_is_one_hard_threshold(soft, data, unseen):
    soft.settings_ = replace(soft.settings_, router_bias=0.3, router_width=1e-9)
    narrow = soft.route(data.X_test, *unseen)
    threshold = 0.3 * math.log(5)
    soft.settings_ = replace(
        soft.settings_,
        router_gate="hard",
        router_delta_low=threshold,
        router_delta_high=threshold,
    )
    hard = soft.route(data.X_test, *unseen)
    assert set(hard.route) == {"SL", "ZSL"}
    assert np.array_equal(narrow.label, hard.label)
    assert np.array_equal(narrow.route, hard.route)
    assert np.allclose(narrow.gate, hard.gate)


def test_without_unseen_prototypes_the_gate_is_open(soft, data):
    result = soft.route(data.X_test)
    assert set(result.gate.tolist()) == {1.0}
    assert np.array_equal(result.label, soft.classes_[soft.predict_proba(data.X_test).argmax(1)])


def test_is_unseen_is_a_gate_below_a_half(soft, data, unseen):
    gate = soft.route(data.X_test, *unseen).gate
    assert np.array_equal(soft.is_unseen(data.X_test), gate < 0.5)


def test_a_threshold_out_of_reach_matters_to_the_hard_gate_alone(fit):
    with pytest.warns(UserWarning, match="no sample can take the route ZSL"):
        fit(router_delta_high=2.0, vsmm_weight_es=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(router_delta_high=2.0, vsmm_weight_es=0.0, router_gate="soft")


def test_a_weak_classifier_is_told_by_its_accuracy_alone(fit):
    with pytest.warns(UserWarning, match="own training samples right, so entropy may"):
        fit(router_gate="soft", vsmm_epochs=1, vsmm_lr=1e-5, vsmm_weight_es=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of most entropies above the middle of the gate
        fit(router_gate="soft", router_bias=0.0, vsmm_weight_es=0.0)


def test_evaluate_gives_the_figures_of_the_soft_gate(soft, data, unseen):
    m = tz.evaluate(soft, data)
    right = soft.route(data.X_test, *unseen).label == data.y_test
    s = np.mean([right[data.y_test == c].mean() for c in data.seen_classes])
    u = np.mean([right[data.y_test == c].mean() for c in data.unseen_classes])
    assert (m["S"], m["U"]) == pytest.approx((s, u))
    assert m["routes"]["seen"]["GZSL"] == m["routes"]["unseen"]["GZSL"] == 0


@pytest.mark.wheel
def test_a_saved_model_routes_the_same(soft, data, unseen, tmp_path):
    soft.save(tmp_path / "model.npz")
    loaded = tz.load_model(tmp_path / "model.npz")
    assert loaded.score_scale_ == soft.score_scale_
    results = (m.route(data.X_test, *unseen) for m in (soft, loaded))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.wheel
def test_a_file_from_before_the_soft_gate_loads(fit, data, unseen, tmp_path):
    model, path = fit(vsmm_weight_es=0.0), tmp_path / "model.npz"
    model.save(path)
    header, arrays = arrays_file.read_npz(path, "model")
    del header["score_scale"]
    for name in ("router_gate", "router_bias", "router_width", "router_tau"):
        del header["settings"][name]
    arrays_file.write_npz(path, arrays_file.State(json.loads(json.dumps(header)), arrays))
    loaded = tz.load_model(path)
    assert loaded.score_scale_ is None
    results = (m.route(data.X_test, *unseen) for m in (model, loaded))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    loaded.save(path)
    assert tz.load_model(path).score_scale_ is None
