"""Odd numbers in every baseline: finite scores, or one sentence."""

from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.baselines import METHODS


def features(data, change):
    return replace(data, X_train=change(data.X_train), X_test=change(data.X_test))


def prototypes(data, change):
    pair = change(data.seen_prototypes), change(data.unseen_prototypes)
    return replace(data, seen_prototypes=pair[0], unseen_prototypes=pair[1])


def constant_column(x):
    x = x.copy()
    x[:, 3] = 7
    return x


@pytest.mark.parametrize("name", METHODS)
def test_odd_numbers_give_finite_scores_or_a_sentence(name, fit, tiny_dataset, sentence):
    data = tiny_dataset()
    for odd in (
        features(data, constant_column),
        features(data, lambda x: x[:, :1]),
        prototypes(data, lambda a: a.astype(float) * 1e30),
        prototypes(data, lambda a: a.astype(float) * 1e-30),
    ):
        f = fit(name, odd).decision_function(odd.X_test, odd.unseen_prototypes)
        assert np.isfinite(f).all()
    for odd, part in (
        (features(data, lambda x: np.full_like(x, 3)), "rows of X are the same"),
        (features(data, lambda x: x.astype(float) * 1e300), "largest float32"),
        (prototypes(data, np.ones_like), "rows of prototypes are the same"),
    ):
        with sentence(ValueError, part):
            fit(name, odd)
    with sentence(ValueError, "squares overflow"):
        fit(name, features(data, lambda x: x.astype(float) * 1e30), features="none")
