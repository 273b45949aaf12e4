import math

import numpy as np
import pytest

from tinygzsl import estimator, pipeline
from tinygzsl.datasets import scaling
from tinygzsl.settings import settings_for

# Fitting and predicting


@pytest.mark.wheel
def test_fit_and_route(model, data, unseen):
    result = model.route(data.X_test, *unseen)
    assert np.array_equal(model.predict(data.X_test, *unseen), result.label)
    assert all(len(column) == len(data.X_test) for column in result)
    seen = np.isin(data.y_test, data.seen_classes)
    right = result.label == data.y_test
    assert right[seen].mean() > 0.9
    assert right[~seen].mean() > 0.4
    assert set(result.route) == {"SL", "GZSL", "ZSL"}
    expected = np.select([result.entropy < 0.3, result.entropy > 0.8], ["SL", "ZSL"], "GZSL")
    assert np.array_equal(result.route, expected)
    assert np.isin(result.label[result.route == "SL"], data.seen_classes).all()
    assert np.isin(result.label[result.route == "ZSL"], data.unseen_classes).all()
    assert 0 <= result.entropy.min() <= result.entropy.max() <= math.log(5) + 1e-6
    assert 0 < result.score.min() <= result.score.max() <= 1


@pytest.mark.wheel
def test_without_prototypes_predict_is_the_classifier_of_seen_classes(model, data):
    p = model.predict_proba(data.X_test)
    assert p.shape == (130, 5)
    assert p.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(model.predict(data.X_test), model.classes_[p.argmax(axis=1)])
    h = -(p * np.log(np.maximum(p, 1e-30))).sum(axis=1)
    assert model.entropy(data.X_test) == pytest.approx(h, abs=1e-4)


def test_compatibility_is_the_score_of_eq_2(model, data, unseen):
    f = model.compatibility(data.X_test, unseen[0])
    result = model.route(data.X_test, *unseen)
    both = result.route == "GZSL"
    labels = np.concatenate([data.seen_classes, data.unseen_classes])[f.argmax(axis=1)]
    assert f.shape == (130, 7)
    assert np.array_equal(labels[both], result.label[both])


def test_is_unseen_is_an_entropy_above_delta_high(model, data):
    unseen = model.is_unseen(data.X_test)
    assert unseen.dtype == bool
    assert np.array_equal(unseen, model.entropy(data.X_test) > 0.8)
    assert 0 < unseen.mean() < 1


@pytest.mark.wheel
def test_labels_may_be_strings(fit, model, data, unseen):
    names = np.array(list("abcdefg"))
    named = fit(y=names[data.y_train])
    assert named.classes_.tolist() == list("abdeg")
    labels = named.predict(data.X_test, unseen[0], ["c", "f"])
    assert np.array_equal(labels, names[model.predict(data.X_test, *unseen)])


def test_what_fit_leaves_behind(model, data):
    overrides = {name: value for name, value in model.get_params().items() if "_" in name}
    assert model.classes_.tolist() == [0, 1, 3, 4, 6]
    assert model.n_features_in_ == 12
    assert model.settings_ == settings_for("small", overrides)
    assert len(model.history_) == 15
    assert model.history_[-1]["clf"] < model.history_[0]["clf"]
    assert model.vsmm_.f_v.sizes == [12, 16]
    assert len(model.proxy_source_.snapshots) == 1
    assert len(model.proxy_source_.looks) > 1


def test_order_and_chunks_of_a_test_batch_do_not_matter(model, data, unseen, monkeypatch):
    whole = model.route(data.X_test, *unseen)
    order = np.random.default_rng(0).permutation(len(data.X_test))
    shuffled = model.route(data.X_test[order], *unseen)
    monkeypatch.setattr(scaling, "CHUNK_ROWS", 7)
    chunked = model.route(data.X_test, *unseen)
    for other, expected in ((shuffled, [column[order] for column in whole]), (chunked, whole)):
        assert np.array_equal(other.label, expected[0])
        assert np.array_equal(other.route, expected[1])
        assert np.allclose(other.entropy, expected[2], atol=1e-5)
        assert np.allclose(other.score, expected[3], atol=1e-5)
    assert model.predict_proba(data.X_test).shape == (130, 5)


@pytest.mark.wheel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    fit, data, unseen, dtype, outputs, all_equal
):
    first, second, other = (fit(seed=seed, dtype=dtype) for seed in (1, 1, 2))
    results = [outputs(m, data.X_test, unseen) for m in (first, second, other)]
    assert all_equal(results[0], results[1])
    assert not any(np.array_equal(results[0][i], results[2][i]) for i in (2, 3))
    assert all_equal(first.vsmm_.params, second.vsmm_.params)
    assert {p.dtype for p in first.vsmm_.params} == {np.dtype(dtype)}
    assert results[0][2].dtype == dtype


def test_the_layout_and_the_type_of_the_arrays_do_not_matter(
    model, data, unseen, outputs, all_equal
):
    before = outputs(model, data.X_test, unseen)
    X, prototypes = (
        np.asfortranarray(array, dtype=np.float64) for array in (data.X_train, data.seen_prototypes)
    )
    model.fit(X, data.y_train.astype(np.int8).tolist(), prototypes)
    X_test, unseen_64 = np.asfortranarray(data.X_test), (unseen[0].astype(float), [*unseen[1]])
    assert all_equal(outputs(model, X_test, unseen_64), before)


def test_arrays_are_not_changed(fit, data, unseen, outputs, all_equal):
    arrays = [data.X_train, data.y_train, data.seen_prototypes, data.X_test, *unseen]
    before = [array.copy() for array in arrays]
    outputs(fit(scale_features="none", scale_prototypes="none"), data.X_test, unseen)
    assert all_equal(arrays, before)


def test_the_callback_sees_every_phase(fit):
    calls = []
    fit(callback=lambda step, logs: calls.append((logs["phase"], step)))
    assert list(dict.fromkeys(phase for phase, _ in calls)) == ["ptc", "gan", "vsmm"]
    assert [step for phase, step in calls if phase == "vsmm"] == list(range(1, 151))


# Proxies


@pytest.mark.wheel
def test_sample_proxies_in_the_units_of_x(fit, data, monkeypatch):
    trained_on, fit_vsmm = [], pipeline.fit_vsmm

    def spy(seen, proxies, plan, **watching):
        trained_on.append(proxies)
        return fit_vsmm(seen, proxies, plan, **watching)

    monkeypatch.setattr(pipeline, "fit_vsmm", spy)
    model = fit(scale_features="standard", gan_output="linear")
    old, fresh = model.sample_proxies(200, draw=0), model.sample_proxies(200)
    X = data.X_train
    assert np.allclose(old, trained_on[0] * X.std(axis=0) + X.mean(axis=0), atol=1e-4)
    assert fresh.shape == (200, 12)
    assert np.array_equal(fresh, model.sample_proxies(200, draw=1))
    assert not np.isclose(old, fresh).all(axis=1).any()


@pytest.mark.wheel
def test_own_proxies_replace_those_of_the_gan(fit, data, sentence, monkeypatch):
    monkeypatch.setattr(pipeline, "find_proxies", None)
    proxies = data.X_train.mean(axis=0) + np.zeros((40, 1), np.float32)
    model = fit(proxies=proxies)
    assert model.proxy_source_ is None
    assert model.history_[-1]["h_proxy"] > model.history_[-1]["h_seen"] + 0.5
    assert model.entropy(proxies).mean() == pytest.approx(model.history_[-1]["h_proxy"], abs=0.1)
    with sentence(ValueError, "trained without a GAN"):
        model.sample_proxies(3)


def test_without_the_entropy_term_there_is_no_gan(fit, monkeypatch):
    monkeypatch.setattr(pipeline, "find_proxies", None)
    model = fit(vsmm_weight_es=0.0)
    assert model.proxy_source_ is None
    assert "es" not in model.history_[0]


# Strictness


def arrays_in(value, seen):
    """Every array that can be reached from value."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        value = list(getattr(value, "__dict__", {}).values())
    return [array for part in value for array in arrays_in(part, seen)]


@pytest.mark.wheel
def test_unseen_prototypes_are_not_kept(model, data, unseen, outputs):
    outputs(model, data.X_test, unseen)
    kept = arrays_in(vars(model), set())
    assert any(array is model.vsmm_.f_v.params[0] for array in kept)
    scaled = unseen[0] / np.linalg.norm(unseen[0], axis=1, keepdims=True)
    for rows in (unseen[0], scaled, model.vsmm_.embed_prototypes(scaled)):
        assert not any(
            np.isclose(array[-1], rows[-1]).all()
            for array in kept
            if array.ndim == 2 and array.shape[1] == rows.shape[1]
        )


@pytest.mark.wheel
@pytest.mark.parametrize("which", ["X", "prototypes"])
def test_fit_refuses_nan(data, small_model, sentence, which):
    X, prototypes = data.X_train.copy(), data.seen_prototypes.copy()
    {"X": X, "prototypes": prototypes}[which][3, 2] = np.nan
    with sentence(ValueError, f"{which} has 1 values that are NaN", "row 3, column 2"):
        small_model().fit(X, data.y_train, prototypes)


@pytest.mark.wheel
def test_predict_refuses_nan(model, data, unseen, sentence):
    X, prototypes = data.X_test.copy(), unseen[0].copy()
    X[100, 4] = prototypes[1, 5] = np.inf
    for call in (model.predict, model.entropy, model.is_unseen, model.predict_proba):
        with sentence(ValueError, "X has 1 values", "row 100, column 4"):
            call(X)
    with sentence(ValueError, "X has 1 values", "row 100, column 4"):
        model.route(X, *unseen)
    for call in (model.compatibility, lambda *args: model.predict(*args, unseen[1])):
        with sentence(ValueError, "unseen_prototypes has 1 values", "row 1, column 5"):
            call(data.X_test, prototypes)


@pytest.mark.parametrize("scaling", ["minmax", "standard"])
def test_numbers_too_large_for_float32_are_refused_in_their_place(fit, data, sentence, scaling):
    model = fit(scale_features=scaling)
    X = data.X_train.astype(np.float64)
    X[3, 2] = 1e39
    for call in (model.entropy, lambda X: model.fit(X, data.y_train, data.seen_prototypes)):
        with sentence(ValueError, "X has 1e+39 in row 3, column 2", "largest float32"):
            call(X)


def test_nan_in_a_later_chunk_is_found_in_its_row(model, data, sentence, monkeypatch):
    monkeypatch.setattr(scaling, "CHUNK_ROWS", 40)
    X = data.X_test.copy()
    X[100, 4] = np.nan
    with sentence(ValueError, "X[80:] has 1 values", "row 20, column 4"):
        model.predict(X)


def test_chunks_are_bounded_by_the_classes_that_are_scored(tiny_dataset, small_model, monkeypatch):
    data, map_scaled, widths = tiny_dataset(), estimator.map_scaled, []
    model = small_model(vsmm_weight_es=0.0).fit(data.X_train, data.y_train, data.seen_prototypes)

    def spy(*args, **options):
        widths.append(options["width"])
        return map_scaled(*args, **options)

    monkeypatch.setattr(estimator, "map_scaled", spy)
    model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    model.compatibility(data.X_test, data.unseen_prototypes)
    model.route(data.X_test)
    model.entropy(data.X_test)
    assert widths == [7, 7, 5, 5]


def test_passed_proxies_are_in_the_units_of_x(tiny_dataset, small_model):
    data = tiny_dataset()
    arrays = data.X_train, data.y_train, data.seen_prototypes
    P = data.X_train[::3] + 0.5
    one = small_model(scale_features="standard", gan_output="linear").fit(*arrays, proxies=P)
    scaled = one._feature_scaler
    X = scaled.apply(data.X_train)
    other = small_model(scale_features="none", gan_output="linear")
    other.fit(X, *arrays[1:], proxies=scaled.apply(P.astype(np.float32)))
    for a, b in zip(one.vsmm_.params, other.vsmm_.params, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
