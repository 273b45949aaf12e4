"""The search: it keeps what the user fixed, prefers the default, and every choice can be redone."""

from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.settings import settings_for
from tinygzsl.tuning.folds import folds
from tinygzsl.tuning.gate_choice import Candidate
from tinygzsl.tuning.gate_grids import THRESHOLDS
from tinygzsl.tuning.search import GAN_UNITS, MARGIN, SEPARATION_FOLDS, Search
from tinygzsl.tuning.trials import FoldTrainer

TINY = {
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 2e-2,
    "gan_batch": 16,
    "gan_max_epochs": 24,
    "proxy_count": 100,
    "vsmm_latent": 16,
    "vsmm_batch": 16,
}
FIXED = {
    **TINY,
    "scale_features": "standard",
    "gan_output": "linear",
    "vsmm_lr": 1e-2,
    "vsmm_epochs": 4,
    "router_metric": "euclidean",
    "cs_low": 0.05,
    "cs_high": 0.2,
}


@pytest.fixture
def training(tiny_dataset):
    return tiny_dataset().training()


@pytest.fixture
def calls():
    """The logs of every callback."""
    return []


def tune(training, overrides, calls=None, **options):
    def callback(step, logs):
        if calls is not None:
            calls.append((step, logs))

    return tz.tune(training, "small", overrides, callback=callback, **{"folds": 2, **options})


def trainer(training):
    return FoldTrainer(folds(training, count=1)[0], seed=0, device="cpu", dtype="float32")


@pytest.mark.filterwarnings("ignore:entropy hardly tells")
def test_every_stage_has_its_trials_and_the_work_is_counted(training, calls):
    overrides = {**TINY, "vsmm_epochs": 12, "cs_low": 0.05, "cs_high": 0.2}
    found = tune(training, overrides, calls)
    stages = [trial["stage"] for trial in found.trials]
    assert {s: stages.count(s) for s in stages} == {"networks": 2, "separation": 2}
    for trial in found.trials:
        assert 0 <= trial["H"] <= 1
        assert trial["H"] == pytest.approx(np.mean(trial["H_by_fold"]))
    assert [logs["trial"] for _, logs in calls if "trial" in logs] == found.trials
    steps = [step for step, _ in calls]
    assert steps == sorted(steps)
    assert steps[-1] == calls[-1][1]["total"] == 2 * (2 + 2 + GAN_UNITS)
    assert [(g["kind"], g["unit"]) for g in found.gates] == [
        *(("hard", "fraction"), ("hard", "nats"), ("soft", "fraction"), ("soft", "nats")),
        *(("learned", "entropy, gap"), ("learned", "entropy, gap, neighbours")),
    ]
    (taken,) = (gate for gate in found.gates if gate["taken"])
    assert taken["H"] == found.H
    assert found.settings.router_gate == taken["kind"]
    assert replace(settings_for("small", overrides), **found.chosen) == found.settings


def test_what_is_fixed_stays(training):
    everything = {**FIXED, "vsmm_weight_es": 0.7, "vsmm_gamma": 0.4, "router_gate": "hard"}
    found = tune(training, everything)
    for name, value in everything.items():
        assert getattr(found.settings, name) == value
    assert set(found.chosen) <= {"router_delta_low", "router_delta_high"}
    assert [t["stage"] for t in found.trials] == ["networks", "separation"]
    assert {g["kind"] for g in found.gates} == {"hard"}


def test_without_a_gan_none_is_trained(training, monkeypatch):
    monkeypatch.setattr(FoldTrainer, "windows", lambda *_: 1 / 0)
    found = tune(training, {**FIXED, "vsmm_weight_es": 0.0})
    assert found.settings.vsmm_weight_es == 0
    assert [t["stage"] for t in found.trials] == ["networks"]


def test_windows_that_are_not_reached_are_no_choice(training, sentence):
    """Within three quarters of the epochs, so that the final run does reach what was chosen."""
    found = tune(training, {**FIXED, "cs_low": 8.0, "cs_high": 9.0, "gan_max_epochs": 3})
    assert [t["stage"] for t in found.trials] == ["networks"]
    assert found.settings.vsmm_weight_es == 0
    fixed = {**FIXED, "cs_low": 8.0, "cs_high": 9.0, "gan_max_epochs": 3, "vsmm_weight_es": 2.0}
    with sentence(ValueError, "vsmm_weight_es is fixed at 2", "75% of", "3 epochs", "gan_lr"):
        tune(training, fixed)


def test_the_first_within_the_margin_of_the_best_is_taken(training, monkeypatch):
    start = settings_for("small")
    search = Search([trainer(training)], start, n_seen=5, given=frozenset())
    monkeypatch.setattr(search, "_figure", np.atleast_1d)
    a, b, c = (replace(start, vsmm_epochs=n) for n in (1, 2, 3))
    for figures, taken in (
        ((0.5, 0.5 + 0.9 * MARGIN, 0.4), a),
        ((0.5, 0.5 + 1.1 * MARGIN, 0.4), b),
        ((0.5, 0.6 - 0.9 * MARGIN, 0.6), b),
        (((0.5, 0.5), (0.51, 0.51), (0, 0)), b),  # better on both folds
        (((0.5, 0.6), (0.6, 0.54), (0, 0)), a),  # +.10 and -.06: +.02, standard error .08
        (((0.5, 0.6), (0.6, 0.66), (0, 0)), b),  # +.10 and +.06: +.08, standard error .02
    ):
        search._take(dict(zip((a, b, c), figures, strict=True)))
        assert search.settings == taken


@pytest.mark.parametrize(
    ("hard", "soft", "taken"),
    [
        ((0.5, 0.5), (0.9, 0.5 + 0.9 * MARGIN), "hard"),  # 0.9 was chosen on what it is measured on
        ((0.5, 0.5), (0.4, 0.5 + 1.1 * MARGIN), "soft"),
        ((0.5, np.nan), (0.5 + 1.1 * MARGIN, np.nan), "soft"),  # a single fold has no other figure
    ],
)
def test_the_gate_is_judged_by_folds_that_did_not_choose_it(
    training, monkeypatch, hard, soft, taken
):
    figures = {"hard": hard, "soft": soft}
    found = [
        Candidate(kind=kind, unit="nats", by_fold=(h,), left_out=left_out, settings={}, edges=[])
        for kind, (h, left_out) in figures.items()
    ]
    monkeypatch.setattr("tinygzsl.tuning.search.candidates", lambda *_, **__: found)
    search = Search([trainer(training)], settings_for("small"), n_seen=5, given=frozenset())
    search.features = ()
    gate, gates = search.gate()
    assert (gate.kind, gates) == (taken, found)


def test_one_training_is_looked_at_after_several_epochs(training):
    one = trainer(training)
    start = settings_for("small", {**TINY, "vsmm_weight_es": 0.0})
    short, long = (replace(start, vsmm_epochs=n) for n in (4, 9))
    scores = one.scores_by_epoch([long, short])
    alone = one.scores(one.vsmm(short), short)
    np.testing.assert_array_equal(scores[short].entropy, alone.entropy)
    np.testing.assert_array_equal(scores[short].gaps, alone.gaps)
    assert not np.array_equal(scores[long].entropy, alone.entropy)


def test_the_figure_of_a_fold_is_what_fit_and_evaluate_give(training):
    """Of the gate that was chosen: the search takes no shortcut that changes the result."""
    found = tune(training, {**FIXED, "vsmm_weight_es": 0.0}, folds=1)
    (fold,) = folds(training, count=1)
    start = {**FIXED, "vsmm_weight_es": 0.0}
    for gate in found.gates:
        if gate["unit"] == "nats":
            continue
        names = [name for name in gate if name.startswith("router_")]
        params = {name: gate[name] for name in names}
        for name in ("router_delta_low", "router_delta_high"):
            if name in params:  # written for 5 classes; the fold has 3
                params[name] *= np.log(3) / np.log(5)
        model = tz.EntropySeparationGZSL(preset="small", **start, **params)
        model.fit(fold.X_train, fold.y_train, fold.seen_prototypes)
        assert tz.evaluate(model, fold)["H"] == pytest.approx(gate["H"], abs=1e-9)


@pytest.mark.filterwarnings("ignore:entropy hardly tells")
def test_the_same_seed_finds_the_same(training):
    one, other = (tune(training, FIXED, seed=3, folds=1) for _ in range(2))
    assert one == other
    assert tune(training, FIXED, seed=4, folds=1).trials != one.trials


def test_a_fixed_threshold_is_not_scaled(training):
    found = tune(training, {**FIXED, "router_gate": "hard", "router_delta_low": 0.123})
    assert found.settings.router_delta_low == 0.123
    highs = np.array(THRESHOLDS) * np.log(5)
    assert np.abs(highs - found.settings.router_delta_high).min() < 1e-6


def test_nan_is_refused(training, sentence):
    training.X[3, 2] = np.nan
    with sentence(ValueError, "NaN or inf"):
        tune(training, FIXED)


def test_a_rate_that_diverges_is_no_choice_unless_it_is_the_only_one(training, sentence):
    with sentence(FloatingPointError, "vsmm_lr, now 1e+38"):
        tune(training, {**FIXED, "vsmm_lr": 1e38})


def test_an_unknown_setting_is_refused(training, sentence):
    with sentence(ValueError, "no setting 'vsmm_rate'"):
        tune(training, {"vsmm_rate": 1})


def separated(search, monkeypatch, figures):
    """search's settings after stage 3 where each pair has the H that figures gives it."""
    (one,) = search.trainers
    monkeypatch.setattr(one, "windows", lambda _, windows: ((w, None) for w in windows))
    monkeypatch.setattr(one, "scores_with", lambda settings, _: figures(settings))
    monkeypatch.setattr(search, "_figure", lambda h: (h[0],))
    monkeypatch.setattr(search, "_on_all_folds", lambda _, found, folds: found)
    search.separation()
    return search.settings


@pytest.mark.parametrize(
    ("own", "none", "other", "taken"),
    [
        (0.5, 0.5, 0.5, "none"),
        (0.5 + 0.9 * MARGIN, 0.5, 0.5, "none"),
        (0.5 + 1.1 * MARGIN, 0.5, 0.5 + 1.9 * MARGIN, "own"),
        (0.5, 0.5, 0.5 + 1.1 * MARGIN, "other"),
        (None, 0.5, 0.5 + 0.9 * MARGIN, "none"),  # it diverged
    ],
)
def test_no_separation_comes_first_then_the_presets(training, monkeypatch, own, none, other, taken):
    start = settings_for("small", {"vsmm_gamma": 1.5})
    search = Search([trainer(training)], start, n_seen=5, given=frozenset())
    search.scores = [none]

    def figures(settings):
        return own if settings == start else other if settings.vsmm_gamma == 3 else 0.1

    found = separated(search, monkeypatch, figures)
    names = {True: "own", False: "other"}
    assert ("none" if found.vsmm_weight_es == 0 else names[found == start]) == taken


def test_what_diverges_with_proxies_is_not_reached(training, monkeypatch):
    monkeypatch.setattr(FoldTrainer, "scores_with", lambda *_: None)
    found = tune(training, FIXED)
    assert [t["stage"] for t in found.trials] == ["networks"]
    assert found.settings.vsmm_weight_es == 0


def test_a_diverging_cwgan_is_no_end(training):
    found = tune(training, {**FIXED, "gan_lr": 1e30})
    assert [t["stage"] for t in found.trials] == ["networks"]


def test_no_gate_above_zero_is_said(training, monkeypatch):
    names, scores = ("right_seen", "right_unseen", "right_all"), FoldTrainer.scores

    def wrong(*arguments):
        found = scores(*arguments)
        guess = found.expert.seen.argmax(axis=1)  # no seen sample is right under the learned gate
        y = np.where(found.y < found.n_seen, (guess + 1) % found.n_seen, found.y)
        return found._replace(y=y, **{name: 0 * getattr(found, name) for name in names})

    monkeypatch.setattr(FoldTrainer, "scores", wrong)
    with pytest.warns(UserWarning, match="no gate gives H above 0"):
        tune(training, {**FIXED, "vsmm_weight_es": 0.0})


def test_a_fixed_threshold_without_room_is_refused_before_the_search(training, sentence, calls):
    with sentence(ValueError, "router_delta_low is fixed at 1.45", "0.989 nats"):
        tune(training, {**FIXED, "router_delta_low": 1.45}, calls)
    assert not calls


@pytest.mark.parametrize(("weight", "trained"), [(0.0, SEPARATION_FOLDS), (1.0, 5)])
def test_further_folds_have_proxies_only_where_proxies_are_chosen(
    training, monkeypatch, weight, trained
):
    """A CWGAN takes as long as many VSMMs, so three folds choose."""
    asked, windows = [], FoldTrainer.windows
    monkeypatch.setattr(
        FoldTrainer, "windows", lambda one, *args: asked.append(one) or windows(one, *args)
    )
    parts = folds(training, count=5)
    trainers = [FoldTrainer(part, seed=0, device="cpu", dtype="float32") for part in parts]
    search = Search(trainers, settings_for("small", FIXED), n_seen=5, given=frozenset(FIXED))
    search.networks()
    without = search.scores

    def take(found):
        search.settings = next(s for s in found if s.vsmm_weight_es == weight)
        search.scores = found[search.settings]

    monkeypatch.setattr(search, "_take", take)
    search.separation()
    assert (len(asked), len(search.scores)) == (trained, 5)
    assert (search.scores is without) == (weight == 0)


def test_a_fold_without_proxies_does_not_count_for_the_gate(training, monkeypatch):
    parts, of_fold = folds(training, count=4), FoldTrainer.scores_of
    trainers = [FoldTrainer(part, seed=0, device="cpu", dtype="float32") for part in parts]
    last = trainers[3]
    monkeypatch.setattr(
        FoldTrainer, "scores_of", lambda one, s: None if one is last else of_fold(one, s)
    )
    start = settings_for("small", {**FIXED, "vsmm_weight_es": 1.0})
    search = Search(trainers, start, n_seen=5, given=frozenset({*FIXED, "vsmm_weight_es"}))
    search.networks()
    with pytest.warns(UserWarning, match="proxies could not be had on one of the folds"):
        search.separation()
    assert (len(search.scores), len(search.trainers), last in search.trainers) == (3, 3, False)
    gate, _ = search.gate()  # similarities are of the folds that count
    assert len(gate.by_fold) == 3


def test_without_a_number_of_folds_every_class_is_pseudo_unseen_once(training, monkeypatch):
    seen = []
    monkeypatch.setattr("tinygzsl.tuning.tune.FoldTrainer", lambda part, **_: seen.append(part))
    with pytest.raises(AttributeError):  # the search has no folds to work on
        tz.tune(training, "small", FIXED)
    unseen = np.concatenate([part.unseen_classes for part in seen])
    assert sorted(unseen) == sorted(training.classes)


def test_fitted_numbers_leave_nothing_to_search(training, sentence):
    numbers = {
        "router_features": ("gap",),
        **dict.fromkeys(("router_weights", "router_means", "router_deviations"), (1.0,)),
    }
    with sentence(ValueError, "router_weights is fixed", "another preset than 'auto'"):
        tune(training, {**FIXED, **numbers})


def test_features_the_user_set_are_the_only_ones(training):
    fixed = {**FIXED, "vsmm_weight_es": 0.0, "router_gate": "learned", "router_features": ("gap",)}
    found = tune(training, fixed)
    assert [(gate["kind"], gate["unit"]) for gate in found.gates] == [("learned", "gap")]
    assert found.settings.router_features == ("gap",)
    assert len(found.settings.router_weights) == 1
