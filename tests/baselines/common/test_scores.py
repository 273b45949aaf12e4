"""decision_function, predict_proba and score of every baseline."""

import numpy as np
import pytest

from tinygzsl.baselines import METHODS

every = pytest.mark.parametrize("name", METHODS)


@every
def test_without_unseen_prototypes_only_seen_classes_have_scores(name, fit, tiny_dataset):
    data, model = tiny_dataset(), fit(name)
    seen = model.decision_function(data.X_test)
    assert seen.shape == (len(data.X_test), 5)
    both = model.decision_function(data.X_test, data.unseen_prototypes)
    np.testing.assert_allclose(seen, both[:, :5], atol=1e-5 * np.abs(both).max())


@every
def test_probabilities_are_the_softmax_of_calibrated_scores(name, fit, tiny_dataset):
    data, model = tiny_dataset(), fit(name, offset=0.4, dtype="float64")
    p = model.predict_proba(data.X_test, data.unseen_prototypes)
    f = model.calibrated(model.decision_function(data.X_test, data.unseen_prototypes))
    unit = 1.0 if model.in_nats else model.score_scale_
    wanted = np.exp(f / unit - np.logaddexp.reduce(f / unit, axis=1, keepdims=True))
    np.testing.assert_allclose(p, wanted, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    labels = np.concatenate([data.seen_classes, data.unseen_classes])[p.argmax(axis=1)]
    predicted = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    np.testing.assert_array_equal(labels, predicted)
    seen = model.predict_proba(data.X_test)
    assert seen.shape == (len(data.X_test), 5)
    np.testing.assert_allclose(seen, p[:, :5] / p[:, :5].sum(axis=1, keepdims=True), atol=1e-9)


def test_a_classifiers_probabilities_are_its_own(fit, tiny_dataset):
    data, model = tiny_dataset(), fit("FCLSWGAN", dtype="float64")
    x = model._feature_scaler.apply(data.X_test.astype("float64"))
    logits = model._classifier.logits(x)
    p = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_proba(data.X_test, data.unseen_prototypes), p)


def test_the_scale_of_scores_does_not_matter(fit, tiny_dataset):
    """Scores times 7 have a unit that is 7 times as large."""
    data, model = tiny_dataset(), fit("ESZSL", dtype="float64", offset=0.2)
    before = model.predict_proba(data.X_test, data.unseen_prototypes)
    model._v, model.score_scale_ = 7 * model._v, 7 * model.score_scale_
    after = model.predict_proba(data.X_test, data.unseen_prototypes)
    np.testing.assert_allclose(after, before, rtol=1e-9)


def test_large_scores_do_not_overflow(fit, tiny_dataset):
    data, model = tiny_dataset(), fit("ESZSL", offset=-1e30)
    p = model.predict_proba(data.X_test, data.unseen_prototypes)
    assert np.isfinite(p).all() and (p[:, 5:] == 0).all()


def test_an_offset_too_large_for_the_scores_is_refused(fit, tiny_dataset, sentence):
    data, model = tiny_dataset(), fit("ESZSL", offset=1e300)
    with sentence(ValueError, "offset is 1e+300", "too large for float32"):
        model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    assert len(model.predict(data.X_test)) == len(data.X_test)  # no unseen class, no offset


@every
def test_the_score_is_the_accuracy_among_seen_classes(name, fit, tiny_dataset, sentence):
    data, model = tiny_dataset(), fit(name, offset=5.0)
    seen = np.isin(data.y_test, data.seen_classes)
    X, y = data.X_test[seen], data.y_test[seen]
    assert model.score(X, y) == (model.predict(X) == y).mean()
    assert model.score(X.tolist(), y.tolist()) == model.score(X, y)
    with sentence(ValueError, "y has 49 labels for 50 samples"):
        model.score(X, y[1:])
