"""Few classes, few columns, unequal classes: trained and predicted sensibly, or one sentence."""

from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz


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


def only(data, seen, unseen):
    """The dataset with the first so many seen and unseen classes."""
    classes = np.concatenate([data.seen_classes[:seen], data.unseen_classes[:unseen]])
    train, test = np.isin(data.y_train, classes), np.isin(data.y_test, classes)
    return replace(
        data,
        X_train=data.X_train[train],
        y_train=data.y_train[train],
        X_test=data.X_test[test],
        y_test=data.y_test[test],
        seen_classes=data.seen_classes[:seen],
        seen_prototypes=data.seen_prototypes[:seen],
        unseen_classes=data.unseen_classes[:unseen],
        unseen_prototypes=data.unseen_prototypes[:unseen],
    )


def columns(data, **changes):
    """The dataset with fewer columns: d of the features, k of the prototypes."""
    d, k = changes.get("d", data.n_features), changes.get("k", 6)
    return replace(
        data,
        X_train=data.X_train[:, :d],
        X_test=data.X_test[:, :d],
        seen_prototypes=data.seen_prototypes[:, :k],
        unseen_prototypes=data.unseen_prototypes[:, :k],
    )


def check(model, data):
    """What the model says is possible; returns evaluate's figures."""
    entropy, p = model.entropy(data.X_test), model.predict_proba(data.X_test)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (entropy >= 0).all() and (entropy <= np.log(p.shape[1]) + 1e-6).all()
    figures = tz.evaluate(model, data)
    assert all(np.isfinite(figures[name]) for name in ("S", "U", "H", "auroc", "ausuc", "zsl"))
    return figures


def test_two_seen_classes(data, fit):
    thresholds = {"router_delta_low": 0.2, "router_delta_high": 0.5}
    figures = check(fit(only(data, 2, 2), **thresholds), only(data, 2, 2))
    assert figures["supervised"] > 0.9 and figures["auroc"] > 0.7


def test_one_unseen_class(data, fit):
    one = only(data, 5, 1)
    model = fit(one, scale_features="minmax", scale_prototypes="minmax", dtype="float64")
    figures = check(model, one)
    assert figures["zsl"] == 1.0 and figures["supervised"] > 0.9 and figures["auroc"] > 0.8


def test_two_seen_and_one_unseen_class_by_the_soft_gate(data, fit):
    both = only(data, 2, 1)
    figures = check(fit(both, router_gate="soft"), both)
    assert figures["supervised"] > 0.9 and figures["zsl"] == 1.0


@pytest.mark.filterwarnings("ignore:the classifier gets", "ignore:the confidence score jumped")
def test_one_feature(data, fit):
    figures = check(fit(columns(data, d=1), gan_max_epochs=40), columns(data, d=1))
    assert figures["supervised"] > 0.5  # of 5 classes on a line


@pytest.mark.parametrize("scaler", ["minmax", "standard", "none"])
def test_one_attribute(data, fit, scaler):
    one = columns(data, k=1)
    figures = check(fit(one, scale_prototypes=scaler), one)
    assert figures["supervised"] > 0.9


@pytest.mark.filterwarnings("ignore:the classifier gets", "ignore:the confidence score jumped")
def test_one_feature_and_one_attribute(data, fit):
    one = columns(data, d=1, k=1)
    check(fit(one, scale_prototypes="standard", gan_max_epochs=40), one)


def test_a_class_with_nine_tenths_of_the_samples(data, fit):
    big = data.y_train == 0
    few = np.concatenate([np.flatnonzero(data.y_train == c)[:3] for c in data.seen_classes[1:]])
    noise = 0.05 * np.random.default_rng(0).normal(size=(120, 12))
    odd = replace(
        data,
        X_train=np.concatenate([np.tile(data.X_train[big], (4, 1)) + noise, data.X_train[few]]),
        y_train=np.concatenate([np.zeros(120, int), data.y_train[few]]),
    )
    assert (odd.y_train == 0).mean() > 0.9
    model = fit(odd, vsmm_epochs=60, gan_max_epochs=30)
    figures = check(model, odd)
    assert figures["supervised"] > 0.8  # the mean over classes: the small ones count as much


def test_batches_smaller_than_the_number_of_classes(data, fit):
    model = fit(data, vsmm_batch=2, gan_batch=2, ptc_batch=2, vsmm_epochs=4, gan_max_epochs=4)
    assert check(model, data)["supervised"] > 0.9


def test_batches_larger_than_all_samples(data, fit):
    model = fit(data, vsmm_batch=1000, gan_batch=1000, gan_max_epochs=150, vsmm_epochs=60)
    assert check(model, data)["supervised"] > 0.9


def test_two_samples_a_class_are_enough(data, fit):
    rows = np.concatenate([np.flatnonzero(data.y_train == c)[:2] for c in data.seen_classes])
    few = replace(data, X_train=data.X_train[rows], y_train=data.y_train[rows])
    model = fit(few, gan_max_epochs=300, vsmm_epochs=100)
    assert check(model, few)["supervised"] > 0.6


def test_as_many_classes_as_samples_are_refused(data, fit, sentence):
    rows = [int(np.flatnonzero(data.y_train == c)[0]) for c in data.seen_classes]
    one = replace(data, X_train=data.X_train[rows], y_train=data.y_train[rows])
    with sentence(ValueError, "class 0 has 1 sample", "at least 2"):
        fit(one)


def test_one_class_is_refused(data, fit, sentence):
    with sentence(ValueError, "y has only the class 0", "at least 2 classes"):
        fit(only(data, 1, 2))


@pytest.mark.parametrize("gate", ["hard", "soft"])
def test_of_classes_with_one_prototype_the_first_wins_and_that_is_said(data, fit, gate):
    model = fit(data, router_gate=gate)
    same = np.repeat(data.unseen_prototypes[:1], 3, axis=0)
    X = data.X_test_unseen
    with pytest.warns(UserWarning, match="classes 5 and 9 have the same prototype once") as caught:
        three = model.predict(X, same, [5, 9, 2])
    assert "and 1 more do, so eqs. 1 and 2 can't tell them apart" in str(caught[0].message)
    assert (three == 5).any() and not np.isin(three, [9, 2]).any()


def test_an_unseen_class_with_a_seen_prototype_loses_eq_2_and_that_is_said(data, fit):
    model = fit(data, router_delta_low=0.0, router_delta_high=9.0 * np.log(5) / 9 - 1e-3)
    with pytest.warns(UserWarning, match="classes 3 and 8 have the same prototype once"):
        result = model.route(data.X_test_seen, data.seen_prototypes[2:3], [8])
    assert not (result.label[result.route == "GZSL"] == 8).any()


def test_two_seen_classes_with_one_prototype_are_told_apart_by_c_alone(data, fit):
    shared = replace(data, seen_prototypes=data.seen_prototypes[[0, 0, 2, 3, 4]])
    with pytest.warns(UserWarning, match="classes 0 and 1 have the same prototype once"):
        model = fit(shared)
    figures = check(model, shared)
    assert figures["supervised"] > 0.9
    f = model.compatibility(data.X_test, data.unseen_prototypes)
    assert np.array_equal(f[:, 0], f[:, 1])
