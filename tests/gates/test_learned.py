"""The learned gate: its objective, its optimum, and the choice of kappa and o."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from tinygzsl.gates import learned
from tinygzsl.gates.learned import (
    KAPPAS,
    OFFSETS,
    PLATEAU,
    FoldFeatures,
    LearnedGate,
    as_settings,
    calibrated,
    fit_gate,
    gate_loss,
    gate_of,
    h_at,
    h_curve,
    h_table,
    sample_weights,
    warn_if_other_number,
)
from tinygzsl.metrics import harmonic_mean
from tinygzsl.runtime.threads import workers
from tinygzsl.settings import Settings


def classes_of(seed, *, n, classes=9):
    """The classes of a fold's samples, each at least once."""
    more = np.random.default_rng([seed, 1]).random(n - classes)
    return np.concatenate([np.arange(classes), (classes * more**2).astype(int)])


def fold(seed=0, *, n=120, q=2, n_seen=6, n_unseen=3):
    """A fold whose features tell the sides apart somewhat, and whose classes differ in size."""
    rng, classes = np.random.default_rng(seed), n_seen + n_unseen
    y = classes_of(seed, n=n, classes=classes)
    is_seen, counts = y < n_seen, np.bincount(y, minlength=classes)
    return FoldFeatures(
        phi=3 + rng.normal(size=(n, q)) * np.arange(1, q + 1) + 1.5 * is_seen[:, None],
        lead=rng.normal(size=n) + is_seen,
        right_seen=is_seen & (rng.random(n) < 0.8),
        right_unseen=~is_seen & (rng.random(n) < 0.7),
        weight_seen=is_seen / counts[y] / n_seen,
        weight_unseen=~is_seen / counts[y] / n_unseen,
    )


@pytest.fixture
def folds():
    return [fold(seed, n=100 + 20 * seed) for seed in range(3)]


def gate(**changes):
    numbers = {"means": (3.0, 3.5), "deviations": (1.5, 2.0), "weights": (0.8, -0.3)}
    return LearnedGate(**{"features": ("entropy", "gap"), **numbers, "intercept": 0.4, **changes})


# The objective


def test_each_side_weighs_half_and_within_it_every_class_the_same(folds):
    omega, n = sample_weights(folds), 360
    is_seen = np.concatenate([fold.is_seen for fold in folds])
    assert omega[is_seen].sum() == pytest.approx(n / 2)
    assert omega[~is_seen].sum() == pytest.approx(n / 2)
    one, y = folds[0], classes_of(0, n=100)
    for classes, share in ((range(6), n / 2 / 3 / 6), (range(6, 9), n / 2 / 3 / 3)):
        assert [omega[:100][y == c].sum() for c in classes] == pytest.approx([share] * len(classes))
    assert np.array_equal(one.is_seen, y < 6)


def test_the_loss_by_its_definition(folds):
    phi, is_seen, omega = folds[0].phi, folds[0].is_seen, sample_weights(folds[:1])
    w, b = np.array([0.7, -0.4]), 0.2
    p = 1 / (1 + np.exp(-(phi @ w + b)))
    expected = 0.5 * (0.49 + 0.16) - omega @ np.log(np.where(is_seen, p, 1 - p))
    assert gate_loss(w, b, phi, is_seen, omega)[0] == pytest.approx(expected)


def test_large_margins_overflow_nothing():
    phi, omega = np.array([[1e4], [-1e4]]), np.ones(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, dw, db = gate_loss(np.ones(1), 0.0, phi, np.array([False, True]), omega)
    assert loss == pytest.approx(2e4 + 0.5)
    assert (dw[0], db) == (pytest.approx(2e4 + 1), pytest.approx(0))


@pytest.mark.parametrize("q", [1, 2, 5])
def test_the_optimum_is_that_of_an_independent_solver(q):
    folds = [fold(seed, q=q) for seed in range(3)]
    found = fit_gate(folds, tuple("abcde"[:q]))
    omega, is_seen = sample_weights(folds), np.concatenate([fold.is_seen for fold in folds])
    phi = np.concatenate([fold.phi for fold in folds])
    standard = (phi - found.means) / found.deviations

    def loss(wb):  # written out, with differences for the gradient
        g = standard @ wb[:-1] + wb[-1]
        return 0.5 * wb[:-1] @ wb[:-1] + omega @ np.logaddexp(0, np.where(is_seen, -g, g))

    other = minimize(loss, np.ones(q + 1), method="BFGS", options={"gtol": 1e-7})
    mine = np.append(found.weights, found.intercept)
    np.testing.assert_allclose(mine, other.x, atol=1e-5)
    assert loss(mine) <= other.fun + 1e-9


def test_features_are_standardised_with_the_weights_of_the_loss(folds):
    found, omega = fit_gate(folds, ("a", "b")), sample_weights(folds)
    phi = np.concatenate([fold.phi for fold in folds])
    np.testing.assert_allclose(found.means, np.average(phi, axis=0, weights=omega), rtol=1e-12)
    variance = np.average((phi - found.means) ** 2, axis=0, weights=omega)
    np.testing.assert_allclose(np.square(found.deviations), variance, rtol=1e-12)


def test_units_of_a_feature_change_nothing(folds):
    scaled = [replace(fold, phi=fold.phi * [1e3, 1e-3] + [5, -7]) for fold in folds]
    one, other = (fit_gate(parts, ("a", "b")) for parts in (folds, scaled))
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-6)
    assert (one.kappa, one.offset) == (other.kappa, other.offset)


def test_a_constant_feature_says_nothing_and_divides_by_nothing(folds):
    flat = [replace(fold, phi=np.c_[fold.phi, np.full(len(fold.phi), 0.1)]) for fold in folds]
    one, other = fit_gate(folds, ("a", "b")), fit_gate(flat, ("a", "b", "c"))
    assert np.isfinite([*other.weights, *other.deviations]).all()
    assert min(other.deviations) > 0
    assert abs(other.weights[2]) < 1e-6
    np.testing.assert_allclose(other.weights[:2], one.weights, rtol=1e-5)
    moved = np.c_[folds[0].phi, np.full(len(folds[0].phi), 0.1 + 1e-9)]
    np.testing.assert_allclose(other.evidence(moved), one.evidence(folds[0].phi), rtol=1e-5)


def test_threads_change_no_bit():
    folds, found = [fold(seed, n=20_000) for seed in range(2)], []
    for count in (1, 2):
        with workers(count):
            found.append(fit_gate(folds, ("a", "b")))
    assert found[0] == found[1]


# kappa and o


def test_h_at_every_offset_by_brute_force(folds):
    one, margin = folds[0], np.round(np.random.default_rng(1).normal(size=100), 1)
    offsets = np.array([-9.0, -0.3, 0.0, 0.1, 0.25, 9.0])  # some equal margins
    for o, h in zip(offsets, h_curve(margin, one, offsets), strict=True):
        wins = margin >= o
        s = (one.weight_seen * one.right_seen)[wins].sum()
        u = (one.weight_unseen * one.right_unseen)[~wins].sum()
        assert h == pytest.approx(harmonic_mean(s, u), abs=1e-12)


def test_h_of_a_gate_is_its_place_in_the_table(folds):
    table = h_table(gate(), folds[0])
    assert table.shape == (len(KAPPAS), len(OFFSETS))
    for i, j in ((0, 80), (3, 70), (5, 100)):
        one = gate(kappa=KAPPAS[i], offset=float(OFFSETS[j]))
        assert h_at(one, folds[0]) == table[i, j]
        theta = one.kappa * one.evidence(folds[0].phi) - one.offset
        wins = theta + folds[0].lead >= 0
        s = (folds[0].weight_seen * folds[0].right_seen)[wins].sum()
        u = (folds[0].weight_unseen * folds[0].right_unseen)[~wins].sum()
        assert table[i, j] == pytest.approx(harmonic_mean(s, u), abs=1e-12)


def planted(monkeypatch, tables):
    monkeypatch.setattr(learned, "h_table", lambda gate, fold: tables[fold])
    return calibrated(gate(), list(range(len(tables))))


def test_the_middle_of_the_plateau_around_the_best_offset_is_taken(monkeypatch):
    table = np.zeros((len(KAPPAS), len(OFFSETS)))
    table[2, 60:71] = 0.5 - 0.9 * PLATEAU
    table[2, 62] = 0.5  # not in the middle
    table[2, 80:99] = 0.5 - 0.5 * PLATEAU  # a plateau of its own
    table[4, :] = 0.5 - 0.1 * PLATEAU  # of another kappa
    found = planted(monkeypatch, [table])
    assert found.kappa == KAPPAS[2]
    assert found.offset == pytest.approx(OFFSETS[65])


def test_the_best_is_that_of_the_mean_over_the_folds(monkeypatch):
    tables = np.zeros((2, len(KAPPAS), len(OFFSETS)))
    tables[0, 1, 10], tables[1, 1, 10] = 0.9, 0.1
    tables[:, 3, 20] = 0.6
    found = planted(monkeypatch, tables)
    assert (found.kappa, found.offset) == (KAPPAS[3], OFFSETS[20])


@pytest.mark.parametrize("at", [0, len(OFFSETS) - 1])
def test_a_plateau_may_end_with_the_grid(monkeypatch, at):
    table = np.zeros((len(KAPPAS), len(OFFSETS)))
    table[0, at] = 0.5
    assert planted(monkeypatch, [table]).offset == OFFSETS[at]


# As settings


def test_theta_is_kappa_g_minus_o():
    one, phi = gate(kappa=1.4, offset=-0.7), np.array([[4.5, 1.5]])
    g = 0.8 * (4.5 - 3.0) / 1.5 - 0.3 * (1.5 - 3.5) / 2.0 + 0.4
    assert one.evidence(phi) == pytest.approx([g])
    assert one.theta(phi) == pytest.approx([1.4 * g + 0.7])


def test_a_gate_is_kept_in_settings_to_the_bit(folds):
    found = fit_gate(folds, ("entropy", "gap"))
    settings = Settings(**as_settings(found, tau=1 / 3, fold_unseen=(3, 3, 4)))
    assert gate_of(settings) == found
    assert (settings.router_tau, settings.router_fold_unseen) == (1 / 3, (3, 3, 4))


def test_without_numbers_there_is_no_gate(sentence):
    with sentence(ValueError, "router_gate is 'learned', but router_weights is empty", "fit"):
        gate_of(Settings(router_gate="learned"))


@pytest.mark.parametrize(
    ("n_unseen", "of_folds", "words"),
    [
        (9, (4, 3), "there are 9 unseen classes.*with 3 to 4 pseudo"),
        (1, (4, 3), "1 unseen"),
        (7, (3,), "with 3 pseudo-unseen ones"),
    ],
)
def test_far_more_or_fewer_unseen_classes_than_on_the_folds_are_said(n_unseen, of_folds, words):
    with pytest.warns(UserWarning, match=words):
        warn_if_other_number(n_unseen, of_folds)


@pytest.mark.parametrize(("n_unseen", "of_folds"), [(8, (4, 3)), (2, (4, 3)), (99, ())])
def test_others_are_not(n_unseen, of_folds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_other_number(n_unseen, of_folds)


def test_the_folds_count_by_their_mean_and_not_by_their_median(monkeypatch):
    tables = np.zeros((3, len(KAPPAS), len(OFFSETS)))
    tables[:2, 1, 10] = 0.5  # the higher median
    tables[:, 3, 20] = 0.4  # the higher mean
    found = planted(monkeypatch, tables)
    assert (found.kappa, found.offset) == (KAPPAS[3], OFFSETS[20])
