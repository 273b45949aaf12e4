"""Warnings where the method can't work: said where it is so, with the values, and nowhere else."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.datasets import TrainingSet
from tinygzsl.router import LOW_AUROC
from tinygzsl.settings import Settings
from tinygzsl.tuning.tune import _warn_if_chance
from tinygzsl.vsmm import warn_if_idle


@pytest.fixture
def data(tiny_dataset):
    return tiny_dataset()


@pytest.fixture
def fit(data, small_model):
    """fit(proxies=None, ...) -> a small model with these parameters, fitted on the tiny data."""

    def fit(proxies=None, **params):
        model = small_model(threads=1, **params)
        return model.fit(data.X_train, data.y_train, data.seen_prototypes, proxies=proxies)

    return fit


def said(call):
    """The UserWarnings of a call as texts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert all(w.category is UserWarning for w in caught)
    assert all("\n" not in str(w.message) for w in caught)
    return [str(w.message) for w in caught]


def history(*terms):
    return [{"es": es, "h_seen": 0.5, "h_proxy": 2.0} for es in terms]


# The hinge of L_ES


def test_a_hinge_that_is_satisfied_from_the_start_is_said(fit, data):
    far = 30 * np.random.default_rng(0).normal(size=(300, 12)) * data.X_train.std(axis=0)
    near = data.X_train.mean(axis=0) + 0 * far  # all classes at once: uncertain without L_ES
    (text,) = [t for t in said(lambda: fit(near, vsmm_gamma=0.1)) if t.startswith("L_ES")]
    assert "L_ES is 0 from epoch 3 of 15 on" in text
    assert "vsmm_gamma asks for 0.1" in text and "raise vsmm_gamma" in text
    gap = float(text.partition("proxies is ")[2].split()[0])
    assert 0.1 < gap < np.log(5)


def test_a_hinge_that_has_work_to_do_is_not(fit):
    assert said(fit) == []
    assert said(lambda: fit(vsmm_weight_es=0.0)) == []


@pytest.mark.parametrize(
    ("terms", "idle"),
    [
        ([0.9, 0.0, 0.0, 0.0], True),
        ([0.0, 0.0], True),
        ([0.9, 0.1, 0.0, 0.0], False),
        ([0.9, 0.0, 0.0, 1e-9], False),
        ([0.9, 0.5, *[0.0] * 18], True),  # within the first tenth of the epochs
        ([0.9, 0.5, 0.1, *[0.0] * 17], False),
        ([0.0], False),  # of one epoch nothing can be said
    ],
)
def test_it_is_idle_if_it_is_0_after_a_tenth_of_the_epochs(terms, idle):
    texts = said(lambda: warn_if_idle(history(*terms), Settings(vsmm_gamma=0.7)))
    assert len(texts) == idle
    if idle:
        assert "is 1.50 nats above" in texts[0] and "asks for 0.7" in texts[0]


def test_a_history_without_proxies_is_no_idle_hinge():
    assert said(lambda: warn_if_idle([{"h_seen": 0.5}] * 5, Settings())) == []


# CS of real samples


def test_a_low_reference_is_said_with_its_bound(small_model):
    rng = np.random.default_rng(0)
    y = np.arange(400) % 5
    X = rng.normal(size=(400, 6)) + 0.7 * np.eye(5, 6)[y]
    A = rng.random((5, 4))
    model = small_model(threads=1, gan_max_epochs=60, cs_low=0.01, cs_high=0.9)
    found = [t for t in said(lambda: model.fit(X, y, A)) if "confidence score of only" in t]
    assert len(found) == 1 and "from 1 to 5" in found[0] and "scale the features" in found[0]


def test_two_classes_that_are_told_apart_are_not_a_low_reference(data, small_model):
    rows = np.isin(data.y_train, [0, 1])
    model = small_model(threads=1, router_delta_low=0.2, router_delta_high=0.5)
    model.fit(data.X_train[rows], data.y_train[rows], data.seen_prototypes[:2])  # no warning
    assert 1.9 < model.proxy_source_.reference <= 2


# Thresholds


@pytest.mark.parametrize(("delta", "warned"), [(np.log(5) - 1e-3, False), (np.log(5), True)])
def test_a_threshold_out_of_reach_is_said(fit, delta, warned):
    texts = said(lambda: fit(router_delta_high=float(delta)))
    assert ["at most ln 5 = 1.609" in text for text in texts] == [True] * warned


# The entropy's AUROC on the folds


def fold(seen, unseen):
    entropy = np.array([*seen, *unseen], float)
    is_seen = np.arange(len(entropy)) < len(seen)
    return SimpleNamespace(entropy=entropy, weight_seen=is_seen, weight_unseen=~is_seen)


@pytest.mark.parametrize(
    ("unseen", "area"),
    [([0.0, 1.5], "0.250"), ([0.5, 3.5], "0.500"), ([1.1, 9.0], None), ([5.0, 9.0], None)],
)
def test_an_entropy_no_better_than_chance_on_the_folds_is_said(unseen, area):
    folds = [fold([1.0, 2.0, 3.0, 1.2], unseen)] * 2
    texts = said(lambda: _warn_if_chance(folds))
    assert len(texts) == (area is not None)
    if area:
        assert f"its AUROC on the folds is {area}, and 0.5 is chance" in texts[0]


def test_tune_says_it_of_its_folds():
    """Features that are as many numbers as classes: an unseen one has the logits of no class."""
    A, y = np.eye(8), np.arange(320) % 8
    X = 3 * A[y] + 0.3 * np.random.default_rng(0).normal(size=(320, 8))
    fixed = {"scale_features": "standard", "vsmm_weight_es": 0.0, "vsmm_epochs": 6}
    fixed |= {"router_metric": "euclidean", "vsmm_lr": 1e-2, "vsmm_latent": 8, "vsmm_batch": 32}
    training = TrainingSet(X, y, A, np.arange(8))
    texts = said(lambda: tz.tune(training, overrides=fixed, folds=2, threads=1))
    (text,) = [t for t in texts if t.startswith("entropy hardly tells pseudo-unseen")]
    assert float(text.partition("folds is ")[2].split(",")[0]) < LOW_AUROC
    assert "use another scaler" in text


# The command line


def test_train_says_them_once_and_goes_on(run_cli, write_xlsa17, tmp_path, fast_options):
    write_xlsa17(tmp_path / "data")
    options = (*fast_options, "--set", "vsmm.gamma=0", "--set", "router.delta_high=2")
    results = []

    def train():
        results.append(run_cli("train", tmp_path / "data", *options, "--out", tmp_path / "run"))

    lines = said(train)
    assert results[0].exit_code == 0, results[0].stderr
    assert sum("no sample can take the route ZSL" in line for line in lines) == 1
    assert sum("L_ES is 0 from epoch" in line for line in lines) == 1
