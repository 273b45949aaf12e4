"""Which gate: kinds and features, from simple to complex, judged by folds that did not fit them."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from tinygzsl.gates import learned
from tinygzsl.gates.panel import LEAST_WEIGHT, fit_decision, held_out_h
from tinygzsl.kernels import reference
from tinygzsl.settings import Settings, settings_for
from tinygzsl.tuning.gate_choice import (
    FEATURES,
    MARGIN,
    Candidate,
    as_folds,
    candidates,
    chosen,
    feature_sets,
    fit_learned,
    learned_h,
)
from tinygzsl.tuning.gate_grids import UNITS, make_grids, make_scores

N_SEEN = 6


def scores(seed=0, n=150, *, quality=2.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(9), rng.integers(0, 9, n - 9)])
    of_seen = np.flatnonzero(y < N_SEEN)
    logits, f = rng.normal(size=(n, N_SEEN)), rng.normal(size=(n, 9))
    f[np.arange(n), y] += quality
    logits[of_seen, y[of_seen]] += quality
    log_p, entropy = reference.log_softmax_entropy(logits)
    classes = {"seen_classes": np.arange(N_SEEN), "unseen_classes": np.arange(N_SEEN, 9)}
    data = SimpleNamespace(y_test=y, **classes)
    return make_scores(data, log_p, entropy, f, scale=1.5, unit=1.2)


def similarities(folds, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=len(fold.y)) + (fold.y < N_SEEN) for fold in folds]


@pytest.fixture
def folds():
    return [scores(seed) for seed in range(3)]


def candidate(kind, unit, h, left_out):
    return Candidate(kind=kind, unit=unit, by_fold=(h,), left_out=left_out, settings={}, edges=[])


ORDER = [
    ("hard", "fraction"),
    ("hard", "nats"),
    ("soft", "fraction"),
    ("soft", "nats"),
    ("learned", "entropy, gap"),
    ("learned", "entropy, gap, neighbours"),
]


@pytest.mark.parametrize(
    ("left_out", "taken"),
    [
        ((0.5, 0.5, 0.5, 0.5, 0.5, 0.5), 0),
        ((0.5, 0.502, 0.5, 0.5, 0.5, 0.5), 1),  # of two units the better one
        ((0.5, 0.5, 0.5, 0.5, 0.5 + 0.9 * MARGIN, 0.5), 0),
        ((0.5, 0.5, 0.5, 0.5, 0.5 + 1.1 * MARGIN, 0.5), 4),
        ((0.3, 0.3, 0.5, 0.4, 0.5, 0.5 + 0.9 * MARGIN), 2),
        ((0.3, 0.3, 0.4, 0.4, 0.5, 0.5 + 0.9 * MARGIN), 4),  # the simpler set of features
        ((0.3, 0.3, 0.4, 0.4, 0.5, 0.5 + 1.1 * MARGIN), 5),
    ],
)
def test_the_first_as_good_as_the_best_is_taken(left_out, taken):
    found = [candidate(*key, 0.9, h) for key, h in zip(ORDER, left_out, strict=True)]
    assert chosen(found) is found[taken]


def test_with_a_single_fold_h_on_it_decides():
    found = [candidate("hard", "nats", 0.5, math.nan), candidate("learned", "gap", 0.6, math.nan)]
    assert chosen(found) is found[1]


def test_what_is_tried_and_how_it_is_judged(folds):
    grids = make_grids(Settings(), frozenset(), log_s=[2.0])
    near = similarities(folds)
    found = candidates(folds, grids, n_seen=9, features=FEATURES, similarities=near)
    assert [(c.kind, c.unit) for c in found] == ORDER
    panels = as_folds(folds, near)
    for one, kinds in zip(found[4:], FEATURES, strict=True):
        decision = fit_decision(panels, kinds)
        assert one.left_out == pytest.approx(np.mean(held_out_h(panels, kinds)))
        assert one.settings["router_weights"] == decision.gate.weights
        assert one.settings["router_tau"] == 1 / decision.unseen_weights[0]
        assert one.settings["router_fold_unseen"] == (3, 3, 3)
        assert one.h == pytest.approx(np.mean(one.by_fold))
        assert Settings(**one.settings).router_features == kinds


def test_the_figure_of_a_trial_is_that_of_the_gate_without_neighbours(folds):
    grids = make_grids(Settings(), frozenset(["router_gate"]), log_s=[2.0])._replace(kinds=())
    (one,) = candidates(folds, grids, n_seen=9, features=FEATURES[:1], similarities=None)
    assert learned_h(folds) == one.by_fold


def test_a_single_fold_judges_nothing(folds):
    grids = make_grids(Settings(), frozenset(), log_s=[2.0])
    found = candidates(folds[:1], grids, n_seen=9, features=FEATURES[:1], similarities=None)
    assert all(math.isnan(c.left_out) for c in found)
    assert [c.kind for c in found] == ["hard", "hard", "soft", "soft"]
    (alone,) = candidates(
        folds[:1], grids._replace(kinds=()), n_seen=9, features=FEATURES[:1], similarities=None
    )
    assert alone.kind == "learned"


def test_h_by_fold_is_that_of_the_gate_in_its_settings(folds):
    """Routed by the kernel, with the settings as they would be stored."""
    settings = Settings(**fit_learned(as_folds(folds), FEATURES[0]))
    for fold, h in zip(folds, learned_h(folds), strict=True):
        e = fold.expert
        f = 1.2 * np.concatenate([np.zeros_like(e.seen), e.unseen], axis=1)
        f[:, 0] = f[:, N_SEEN:].max(axis=1) + 1.2 * e.gap  # the best of the seen classes
        f[:, 1:N_SEEN] = f[:, :1] - 1
        label = learned.route(e.seen, f, settings, unit=1.2, similarity=None)[0]
        rates = [(label == fold.y)[fold.y == c].mean() for c in range(9)]
        s, u = np.mean(rates[:N_SEEN]), np.mean(rates[N_SEEN:])
        assert h == pytest.approx(2 * s * u / (s + u))


def test_where_f_says_nothing_tau_stays_finite(folds):
    wrong = [
        fold._replace(
            expert=SimpleNamespace(**{**vars(fold.expert), "unseen": -fold.expert.unseen})
        )
        for fold in folds
    ]
    found = fit_learned(as_folds(wrong), FEATURES[0])
    assert found["router_tau"] == 1 / LEAST_WEIGHT
    assert Settings(**found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, FEATURES),
        ({"router_gate": "soft"}, ()),
        ({"router_gate": "hard"}, ()),
        ({"router_gate": "learned"}, FEATURES),
        ({"router_features": ("gap",)}, (("gap",),)),
        ({"router_gate": "learned", "router_features": ("gap", "entropy")}, (("gap", "entropy"),)),
        ({"router_unit": "measured"}, ()),
    ],
)
def test_the_user_s_settings_limit_the_features(changes, expected):
    assert feature_sets(Settings(**changes), frozenset(changes)) == expected


def test_units_are_those_of_the_grids(folds):
    grids = make_grids(Settings(router_gate="soft"), frozenset(["router_gate"]), log_s=[2.0])
    found = candidates(folds, grids, n_seen=9, features=(), similarities=None)
    assert [(c.kind, c.unit) for c in found] == [("soft", unit) for unit in UNITS]


@pytest.mark.parametrize("name", ["router_kappa", "router_offset", "router_tau"])
def test_single_numbers_of_a_gate_to_be_fitted_are_refused_or_keep_it_out(name):
    settings = settings_for("small", {"router_gate": "learned", name: 1.4})
    with pytest.raises(ValueError, match=f"{name} is 1.4, but without router_weights"):
        feature_sets(settings, frozenset(["router_gate", name]))
    free = settings_for("small", {name: 1.4})
    assert feature_sets(free, frozenset([name])) == ()


def test_an_end_of_kappas_grid_is_named(folds, monkeypatch):
    monkeypatch.setattr(learned, "KAPPAS", (1.0,))
    grids = make_grids(Settings(), frozenset(), log_s=[1.8] * 3)
    *_, found = candidates(folds, grids, n_seen=N_SEEN, features=FEATURES[:1], similarities=None)
    assert found.edges == ["router_kappa"]
