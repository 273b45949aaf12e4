"""Odd numbers: what can be computed with gives the usual answers, the rest is one sentence."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz

HUGE, TINY = 2.0**100, 2.0**-100  # about 1e30 and 1e-30; powers of two, so scaling is exact


@pytest.fixture
def data(tiny_dataset):
    return tiny_dataset()


@pytest.fixture
def fit(small_model):
    """fit(data, ...) -> a small model with these parameters, fitted on the data."""

    def fit(data, **params):
        model = small_model(threads=1, **params)
        return model.fit(data.X_train, data.y_train, data.seen_prototypes)

    return fit


def features(data, change):
    return replace(data, X_train=change(data.X_train), X_test=change(data.X_test))


def prototypes(data, change):
    return replace(
        data,
        seen_prototypes=change(data.seen_prototypes),
        unseen_prototypes=change(data.unseen_prototypes),
    )


def times(factor):
    return lambda x: x.astype(np.float64) * factor


def unseen(data):
    return data.unseen_prototypes, data.unseen_classes


def answers(model, data):
    result = model.route(data.X_test, *unseen(data))
    return [*result, model.predict_proba(data.X_test), model.entropy(data.X_test)]


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def check_sane(model, data):
    """All that the model says of the test samples is possible; returns evaluate's figures."""
    label, route, entropy, score, gate, p, _ = answers(model, data)
    assert np.isin(label, np.concatenate([data.seen_classes, data.unseen_classes])).all()
    assert set(route) <= {"SL", "GZSL", "ZSL"}
    assert np.isfinite(p).all() and (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (entropy >= 0).all() and (entropy <= np.log(p.shape[1]) + 1e-6).all()
    for share in (score, gate):
        assert (share >= 0).all() and (share <= 1 + 1e-6).all()
    assert np.isfinite(model.compatibility(data.X_test, data.unseen_prototypes)).all()
    if model.proxy_source_ is not None:
        proxies = model.sample_proxies(20)
        assert proxies.shape == (20, data.n_features) and np.isfinite(proxies).all()
    return tz.evaluate(model, data)


# Every scaler, gate and dtype


@pytest.mark.filterwarnings("ignore::UserWarning")  # of the short training
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("of_prototypes", ["l2", "minmax", "standard", "none"])
@pytest.mark.parametrize("of_features", ["minmax", "standard", "none"])
def test_a_constant_and_a_distant_column_harm_no_scaler(
    data, small_model, of_features, of_prototypes, dtype
):
    def change(x):
        x = x.copy()
        x[:, 3], x[:, 4] = 7, x[:, 4] + 100
        return x

    odd = features(data, change)
    for gate in ("hard", "soft"):
        scalers = {"scale_features": of_features, "scale_prototypes": of_prototypes}
        model = small_model(dtype=dtype, router_gate=gate, threads=1, vsmm_epochs=10, **scalers)
        noise = np.random.default_rng(0).normal(size=(60, 12)) + odd.X_train[:60]
        model.fit(odd.X_train, odd.y_train, odd.seen_prototypes, proxies=noise)
        figures = check_sane(model, odd)
        assert figures["supervised"] > (0.2 if of_features == "none" else 0.8)  # chance is 0.2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scaler", ["minmax", "standard"])
def test_features_of_any_size_give_the_same_bits(data, fit, scaler, dtype):
    usual = fit(data, scale_features=scaler, dtype=dtype)
    for factor in (HUGE, TINY):
        odd = features(data, times(factor))
        model = fit(odd, scale_features=scaler, dtype=dtype)
        assert same(answers(model, odd), answers(usual, data))
        proxies = usual.sample_proxies(10).astype(float) * factor
        np.testing.assert_allclose(model.sample_proxies(10), proxies, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scaler", ["l2", "minmax", "standard"])
def test_prototypes_of_any_size_give_the_same_bits(data, fit, scaler, dtype):
    usual = fit(data, scale_prototypes=scaler, dtype=dtype)
    for factor in (HUGE, TINY):
        odd = prototypes(data, times(factor))
        assert same(
            answers(fit(odd, scale_prototypes=scaler, dtype=dtype), odd), answers(usual, data)
        )


def test_unseen_prototypes_of_length_1_may_come_in_any_size(data, fit):
    model = fit(data)
    sizes = np.array([[HUGE], [TINY]])
    odd = replace(data, unseen_prototypes=data.unseen_prototypes * sizes)
    assert same(answers(model, odd), answers(model, data))


def test_rows_of_length_1_are_exact_from_the_least_to_the_greatest_number():
    from tinygzsl.datasets.scaling import fit_scaler

    for dtype in ("float32", "float64"):
        top, bottom = np.finfo(dtype).max, np.finfo(dtype).smallest_normal
        x = np.array([[3, 4, 0], [0, 0, 0], [top, top, 0], [0, bottom, 0], [-1, 0, 1]], dtype)
        half = np.sqrt(0.5)
        want = [[0.6, 0.8, 0], [0, 0, 0], [half, half, 0], [0, 1, 0], [-half, 0, half]]
        np.testing.assert_allclose(fit_scaler(x, "l2").apply(x), want, rtol=1e-6)


# What is refused


@pytest.mark.parametrize(
    ("odd", "scaler", "dtype", "parts"),
    [
        (times(HUGE), "none", "float32", ("X has", "squares overflow", "take another scaler")),
        (times(HUGE), "none", "float64", ("X has", "squares overflow", "take another scaler")),
        (times(TINY), "none", "float32", ("all 150 rows of X are the same in float32", "none")),
        (times(1e300), "minmax", "float32", ("e+299 in row 0, column 0", "dtype='float64'")),
        (times(1e-300), "minmax", "float32", ("rows of X are the same in float32", "e-300")),
        (times(1e300), "standard", "float64", ("column 0 of X goes from", "divide it")),
        (times(1e-300), "standard", "float64", ("rows of X are the same in float64", "e-300")),
        (np.zeros_like, "minmax", "float32", ("values from 0 to 0", "pass rows that differ")),
        (lambda x: np.full_like(x, 3), "standard", "float32", ("values from 3 to 3",)),
        (lambda x: x + 1e30, "minmax", "float64", ("values from 1e+30 to 1e+30",)),
    ],
)
def test_features_that_nothing_can_be_learnt_from(data, fit, sentence, odd, scaler, dtype, parts):
    for weight in (1.0, 0.0):  # with a GAN and without
        with sentence(ValueError, *parts):
            fit(features(data, odd), scale_features=scaler, dtype=dtype, vsmm_weight_es=weight)


@pytest.mark.parametrize(
    ("odd", "scaler", "parts"),
    [
        (times(HUGE), "none", ("prototypes has", "squares overflow")),
        (times(TINY), "none", ("all 5 rows of prototypes are the same",)),
        (np.ones_like, "standard", ("all 5 rows of prototypes", "from 1 to 1")),
        (np.zeros_like, "l2", ("all 5 rows of prototypes", "from 0 to 0")),
        (lambda a: a[:, :1], "l2", ("all 5 rows of prototypes", "scaler l2", "scale otherwise")),
    ],
)
def test_prototypes_that_tell_no_class_apart(data, fit, sentence, odd, scaler, parts):
    with sentence(ValueError, *parts):
        fit(prototypes(data, odd), scale_prototypes=scaler)


def test_a_column_beyond_the_range_of_its_dtype_is_named(data, fit, sentence):
    wide = data.X_train.copy()
    wide[:2, 5] = 3e38, -3e38
    with sentence(ValueError, "X has 3e+38 in row 0, column 5", "take another scaler"):
        fit(replace(data, X_train=wide), scale_features="minmax")
    fit(replace(data, X_train=wide), scale_features="standard")


@pytest.mark.parametrize("gate", ["hard", "soft"])
def test_huge_features_are_refused_by_every_method(data, fit, sentence, gate):
    model = fit(data, router_gate=gate)
    before = answers(model, data)
    X = data.X_test.astype(float)
    X[70, 2] = 1e30
    for call in (
        model.predict,
        model.predict_proba,
        model.entropy,
        model.is_unseen,
        lambda X: model.predict(X, *unseen(data)),
        lambda X: model.route(X, *unseen(data)),
        lambda X: model.compatibility(X, data.unseen_prototypes),
        lambda X: tz.evaluate(model, replace(data, X_test=X)),
    ):
        with sentence(ValueError, "X has 1e+30 in row 70, column 2", "squares overflow"):
            call(X)
    assert same(answers(model, data), before)


def test_huge_unseen_prototypes_are_refused(data, fit, sentence):
    model = fit(data, scale_prototypes="standard")
    odd = data.unseen_prototypes.astype(float)
    odd[1, 3] = -1e30
    for call in (lambda: model.route(data.X_test, odd, data.unseen_classes),
                 lambda: model.compatibility(data.X_test, odd)):  # fmt: skip
        with sentence(ValueError, "unseen_prototypes has -1e+30 in row 1, column 3"):
            call()


def test_large_features_that_can_be_computed_with_give_finite_answers(data, fit):
    odd = replace(data, X_test=data.X_test * np.float32(1e9))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_sane(fit(data), odd)
