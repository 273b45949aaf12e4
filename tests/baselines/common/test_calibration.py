"""Calibrated stacking: figures, the offset that validation chooses, the search of settings."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL
from tinygzsl.baselines.common.calibration import choose_offset, fit_on
from tinygzsl.comparison.grid_search import search, validation_folds
from tinygzsl.metrics import harmonic_mean


@pytest.fixture
def folds(tiny_dataset):
    return validation_folds(tiny_dataset().training())


def h_at(model, fold, offset):
    metrics = tz.evaluate(fit_on(model.set_params(offset=offset), fold), fold)
    return metrics["H"]


def test_figures_are_those_of_the_labels(fit, tiny_dataset):
    data = tiny_dataset()
    model = fit("SYNC", offset=0.4)
    metrics = tz.evaluate(model, data)
    labels = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    plain = model.set_params(offset=0.0)
    for found, label in (
        (metrics, labels),
        (
            metrics["no_offset"],
            plain.predict(data.X_test, data.unseen_prototypes, data.unseen_classes),
        ),
    ):
        right = label == data.y_test
        s, u = (
            np.mean([right[data.y_test == c].mean() for c in classes])
            for classes in (data.seen_classes, data.unseen_classes)
        )
        assert (found["S"], found["U"]) == (pytest.approx(s), pytest.approx(u))
        assert found["H"] == pytest.approx(harmonic_mean(s, u))
    assert metrics["offset"] == 0.4
    assert metrics["S"] < metrics["no_offset"]["S"] or metrics["U"] > metrics["no_offset"]["U"]
    right = plain.predict(data.X_test_seen) == data.y_test_seen
    assert metrics["supervised"] == pytest.approx(right.mean())  # classes of one size
    assert list(metrics["per_class"]["unseen"]) == ["2", "5"]
    assert np.mean(list(metrics["per_class"]["seen"].values())) == pytest.approx(metrics["S"])


def test_figures_are_json(fit, tiny_dataset):
    import json

    json.dumps(tz.evaluate(fit("ESZSL"), tiny_dataset()), allow_nan=False)


def test_the_offset_is_the_best_of_all_there_are(make, folds):
    model = make("ESZSL", regularize_features=1.0)
    found = choose_offset(model, folds)
    grid = np.linspace(-3, 3, 121)
    means = [np.mean([h_at(model, fold, o) for fold in folds]) for o in grid]
    assert max(means) - 1e-12 <= found.H
    again = [h_at(model, fold, found.offset) for fold in folds]
    np.testing.assert_allclose(found.H_by_fold, again)
    assert pytest.approx(np.mean(again)) == found.H
    assert found.H_without == pytest.approx(np.mean([h_at(model, f, 0.0) for f in folds]))


def test_calibration_mends_the_collapse_to_seen_classes(make, tiny_dataset, folds):
    model = make("ConSE")
    offset = choose_offset(model, folds).offset
    metrics = tz.evaluate(fit_on(model.set_params(offset=offset), tiny_dataset()), tiny_dataset())
    assert metrics["no_offset"]["H"] < 0.05
    assert metrics["H"] > 0.5


def test_the_offset_is_in_units_of_the_scores(fit, tiny_dataset):
    data = tiny_dataset()
    model = fit("ESZSL", offset=0.5)
    f = model.decision_function(data.X_test, data.unseen_prototypes)
    difference = f - model.calibrated(f)
    np.testing.assert_allclose(difference[:, :5], 0.5 * model.score_scale_, rtol=1e-4)
    assert not difference[:, 5:].any()
    twice = replace(data, X_train=2 * data.X_train)
    model = fit("ESZSL", data=twice, offset=0.5, features="standard")
    once = fit("ESZSL", offset=0.5, features="standard")
    assert model.score_scale_ == pytest.approx(once.score_scale_, rel=1e-4)


def test_nothing_of_the_test_samples_or_unseen_classes_chooses(make, tiny_dataset):
    data = tiny_dataset()
    changed = replace(data, X_test=data.X_test * np.nan, unseen_prototypes=9 * data.X_train[:2, :6])
    found = [
        choose_offset(make("FCLSWGAN"), validation_folds(d.training())) for d in (data, changed)
    ]
    assert found[0] == found[1]


def test_search_takes_the_best_of_the_grid(folds, monkeypatch):
    monkeypatch.setattr(ESZSL, "grid", {"regularize_features": (9.0, 0.0), "features": ("l2",)})
    trials = []
    params, best = search(
        ESZSL, folds, start={"prototypes": "none"}, on_trial=lambda *t: trials.append(t)
    )
    assert [t[1:] for t in trials] == [(1, 2), (2, 2)]
    assert [t[0].params["regularize_features"] for t in trials] == [9.0, 0.0]
    values = [t[0].calibration.H for t in trials]
    assert max(values) == best.H
    chosen = trials[int(np.argmax(values))][0].params
    assert params == chosen == {**chosen, "prototypes": "none", "features": "l2"}


def test_what_diverges_is_no_choice(folds, monkeypatch, sentence):
    class Unlucky(ESZSL):
        grid: ClassVar = {"regularize_features": (1.0, 2.0)}

        def _fit(self, x, index, a):
            if self.regularize_features == 2.0 or self.prototypes == "none":
                raise FloatingPointError("it diverged")
            super()._fit(x, index, a)

    assert search(Unlucky, folds)[0] == {"regularize_features": 1.0}
    with sentence(FloatingPointError, "ESZSL", "all 2 settings"):
        search(Unlucky, folds, start={"prototypes": "none"})


def test_evaluating_what_is_not_fitted(make, tiny_dataset, sentence):
    with sentence(ValueError, "fit first"):
        tz.evaluate(make("ESZSL"), tiny_dataset())
