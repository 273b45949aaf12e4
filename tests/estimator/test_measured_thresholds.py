"""The estimator with router_unit="measured": thresholds on a scale that fit measures."""

import json
import warnings

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.checkpoints import gan_settings
from tinygzsl.datasets.hold_out import hold_out_rows
from tinygzsl.gates import units
from tinygzsl.gates.units import in_nats, keep_out
from tinygzsl.nn.random import Purpose
from tinygzsl.proxies import FRESH_DRAW
from tinygzsl.settings import settings_for
from tinygzsl.storage import arrays_file

MEASURED = {"router_unit": "measured", "router_delta_low": 0.2, "router_delta_high": 0.6}


@pytest.fixture
def measured(fit):
    return fit(**MEASURED)


@pytest.fixture
def held(data):
    index = np.searchsorted(data.seen_classes, data.y_train)
    return hold_out_rows(index, share=0.1, seed=0, purpose=Purpose.SCALE_HOLD_OUT)


@pytest.mark.wheel
def test_the_thresholds_by_hand(measured, data, held, unseen):
    fresh = measured.sample_proxies(measured.settings_.proxy_count, FRESH_DRAW)
    zero, one = (np.median(measured.entropy(X)) for X in (data.X_train[held], fresh))
    assert measured.entropy_scale_ == pytest.approx((zero, one), rel=1e-4)
    used = measured.routing_
    assert used.router_unit == "nats"
    assert used.router_delta_low == pytest.approx(zero + 0.2 * (one - zero), rel=1e-4)
    assert used.router_delta_high == pytest.approx(zero + 0.6 * (one - zero), rel=1e-4)
    asked = measured.settings_
    assert (asked.router_unit, asked.router_delta_low, asked.router_delta_high) == (
        *("measured", 0.2, 0.6),
    )
    result = measured.route(data.X_test, *unseen)
    low, high = used.router_delta_low, used.router_delta_high
    routes = np.select([result.entropy < low, result.entropy > high], ["SL", "ZSL"], "GZSL")
    assert np.array_equal(result.route, routes)
    assert set(routes) == {"SL", "GZSL", "ZSL"}
    assert np.array_equal(measured.is_unseen(data.X_test), result.entropy > high)


def test_a_tenth_of_every_class_is_kept_out(data, held):
    index = np.searchsorted(data.seen_classes, data.y_train)
    settings = settings_for("small", MEASURED)
    kept, y, out = keep_out(data.X_train, index, data.seen_classes, settings, seed=0)
    assert np.bincount(index[held]).tolist() == [3] * 5
    np.testing.assert_array_equal(out, data.X_train[held])
    np.testing.assert_array_equal(kept, data.X_train[~held])
    np.testing.assert_array_equal(y, index[~held])
    of_ptc = hold_out_rows(index, share=0.1, seed=0, purpose=Purpose.PTC_HOLD_OUT)
    assert not np.array_equal(held, of_ptc)


def test_nothing_is_kept_out_without_the_unit(fit, data):
    model = fit(router_held_out=0.5)
    assert model.entropy_scale_ is None
    assert model.routing_ is model.settings_
    assert (
        keep_out(data.X_train, data.y_train, data.seen_classes, model.settings_, seed=0)[2] is None
    )


@pytest.mark.parametrize("scaler", ["minmax", "standard"])
def test_what_is_kept_out_reaches_no_weight(fit, data, held, scaler):
    """Neither scaler, PTC, CWGAN nor VSMM, and all of it reaches the thresholds."""
    output = {"minmax": "relu", "standard": "linear"}[scaler]
    options = {**MEASURED, "scale_features": scaler, "gan_output": output, "cs_low": 1e-4}
    one = fit(**options)
    data.X_train[held] = 3 * data.X_train[held][::-1] + 1
    other = fit(**options)
    for mine, theirs in zip(one.vsmm_.params, other.vsmm_.params, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for name in ("_feature_scaler", "_prototype_scaler"):
        for mine, theirs in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert one.proxy_source_.looks == other.proxy_source_.looks
    assert one.proxy_source_.reference == other.proxy_source_.reference
    assert one.history_ == other.history_
    assert one.score_scale_ == other.score_scale_
    assert one.entropy_scale_[0] != other.entropy_scale_[0]
    assert one.entropy_scale_[1] == other.entropy_scale_[1]


def test_the_rest_is_the_training_of_the_rest(measured, small_model, data, held):
    rest = small_model().fit(data.X_train[~held], data.y_train[~held], data.seen_prototypes)
    for mine, theirs in zip(measured.vsmm_.params, rest.vsmm_.params, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.wheel
def test_the_same_seed_gives_the_same_bits(measured, fit):
    again, other = fit(**MEASURED), fit(**MEASURED, seed=1)
    assert again.entropy_scale_ == measured.entropy_scale_
    assert other.entropy_scale_ != measured.entropy_scale_


@pytest.mark.wheel
def test_a_saved_model_routes_the_same(measured, data, unseen, tmp_path):
    measured.save(tmp_path / "model.npz")
    loaded = tz.load_model(tmp_path / "model.npz")
    assert loaded.settings_ == measured.settings_
    assert loaded.entropy_scale_ == measured.entropy_scale_
    for one, other in zip(
        *(m.route(data.X_test, *unseen) for m in (measured, loaded)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert tz.evaluate(loaded, data) == tz.evaluate(measured, data)


@pytest.mark.wheel
def test_a_file_from_before_the_unit_loads(model, data, unseen, tmp_path):
    path = tmp_path / "model.npz"
    model.save(path)
    header, arrays = arrays_file.read_npz(path, "model")
    del header["entropy_scale"], header["settings"]["router_unit"]
    del header["settings"]["router_held_out"]
    arrays_file.write_npz(path, arrays_file.State(json.loads(json.dumps(header)), arrays))
    loaded = tz.load_model(path)
    assert loaded.entropy_scale_ is None
    for one, other in zip(*(m.route(data.X_test, *unseen) for m in (model, loaded)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_records_have_the_thresholds_in_nats(measured, fit, data):
    used, found = measured.routing_, tz.evaluate(measured, data)["thresholds"]
    assert found == {
        "delta_low": used.router_delta_low,
        "delta_high": used.router_delta_high,
        "median_seen": measured.entropy_scale_[0],
        "median_proxy": measured.entropy_scale_[1],
    }
    plain, soft = (fit(router_gate=gate, vsmm_weight_es=0.0) for gate in ("hard", "soft"))
    found = units.thresholds(plain.routing_, plain.entropy_scale_)
    assert found == {"delta_low": 0.3, "delta_high": 0.8}
    assert units.thresholds(soft.routing_, soft.entropy_scale_) is None


def test_a_checkpoint_belongs_to_what_was_kept_out():
    nats, tenth, third = (
        settings_for("small", {"router_unit": unit, "router_held_out": share})
        for unit, share in (("nats", 0.3), ("measured", 0.1), ("measured", 0.3))
    )
    assert gan_settings(nats) == gan_settings(settings_for("small"))
    assert gan_settings(tenth) != gan_settings(nats)
    assert gan_settings(tenth) != gan_settings(third)


def test_settings_that_leave_nothing_to_measure(fit, data, sentence):
    with sentence(ValueError, "router_unit is 'measured'", "vsmm_weight_es is 0"):
        fit(**MEASURED, vsmm_weight_es=0.0)
    with sentence(ValueError, "router_unit is 'measured'", "router_gate is 'soft'"):
        fit(**MEASURED, router_gate="soft")
    with sentence(ValueError, "proxies were passed", "router_unit is 'measured'"):
        fit(**MEASURED, proxies=data.X_train)
    with sentence(ValueError, "router_held_out is 1.0", "below 1"):
        fit(**MEASURED, router_held_out=1.0)


def test_a_class_that_is_too_small(data, small_model, sentence):
    rows = np.concatenate([[0, 1], np.flatnonzero(data.y_train != data.y_train[0])])
    arrays = data.X_train[rows], data.y_train[rows], data.seen_prototypes
    with sentence(ValueError, "router_held_out is 0.1", "class 0 with 1 of its 2 samples"):
        small_model(**MEASURED).fit(*arrays)
    with sentence(ValueError, "router_held_out is 0.97", "with 1 of its 30"):
        small_model(**MEASURED, router_held_out=0.97).fit(*(getattr(data, name) for name in FIT))


FIT = ("X_train", "y_train", "seen_prototypes")


def test_no_scale_leaves_the_model_as_it_was(fit, measured, data, monkeypatch, sentence):
    weights = measured.vsmm_
    measured.set_params(vsmm_epochs=1, vsmm_lr=1e-9)
    monkeypatch.setattr(units.np, "median", lambda x: 0.25)
    with sentence(ValueError, "is 0.25 nats for held-out", "0.25 for fresh", "router_unit='nats'"):
        measured.fit(*(getattr(data, name) for name in FIT))
    assert measured.vsmm_ is weights


def test_a_threshold_beyond_reach_is_warned_about_once_it_is_known(fit):
    with pytest.warns(UserWarning, match="no sample can take the route ZSL"):
        fit(**{**MEASURED, "router_delta_high": 5.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(**{**MEASURED, "router_delta_high": 0.7})


def test_thresholds_in_nats_stay():
    settings = settings_for("small")
    assert in_nats(settings, None) is settings
    moved = in_nats(settings_for("small", MEASURED), (0.5, 2.5))
    assert (moved.router_delta_low, moved.router_delta_high) == pytest.approx((0.9, 1.7))


def test_what_is_kept_out_is_of_the_seed(tiny_dataset, small_model):
    data = tiny_dataset()
    measured = {"router_unit": "measured", "router_delta_low": 0.2, "router_delta_high": 0.6}
    model = small_model(seed=1, **measured).fit(data.X_train, data.y_train, data.seen_prototypes)
    index = np.searchsorted(data.seen_classes, data.y_train)
    held = hold_out_rows(index, share=0.1, seed=1, purpose=Purpose.SCALE_HOLD_OUT)
    zero = np.median(model.entropy(data.X_train[held]))
    assert model.entropy_scale_[0] == pytest.approx(zero, rel=1e-4)
