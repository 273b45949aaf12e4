import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from tinygzsl.confidence import ConfidenceScorer
from tinygzsl.cwgan import CWGAN
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.ptc import PTC
from tinygzsl.settings import Settings
from tinygzsl.snapshots import (
    POOL_LIMIT,
    GanTraining,
    Look,
    SnapshotKeeper,
    train_with_looks,
    warn_if_reference_low,
)

S, D, K = 4, 5, 3
SMALL = {"gan_generator_hidden": (8,), "gan_critic_hidden": (8,), "gan_lr": 1e-3, "gan_batch": 4}


@pytest.fixture
def keep():
    """keep(scores, ...) -> a keeper that was shown these relative scores at steps 0, 1, ..."""

    def keep(scores, **settings):
        keeper = SnapshotKeeper(Settings(cs_low=0.4, cs_high=0.7, **settings))
        for step, score in enumerate(scores):
            keeper.add(
                Look(
                    step=step,
                    epoch=0.0,
                    cs=10 * score,
                    relative=score,
                    wasserstein=0.0,
                    penalty=0.0,
                ),
                generator(step),
            )
        return keeper

    return keep


@pytest.fixture
def train(monkeypatch):
    """train(n, scores, ...) -> keeper, looks and the callback's calls of a GAN on n samples.

    scores are the relative scores of its looks; the last one is repeated.
    """

    def train(n, scores=(0.0,), lr=1e-3, **settings):
        rng, scores = np.random.default_rng(0), list(scores)
        x, y = rng.random((n, D)).astype(np.float32), np.arange(n) % S
        prototypes = rng.random((S, K)).astype(np.float32)
        ptc = PTC(
            10 * rng.normal(size=(S, D)).astype(np.float32),
            np.zeros(S, np.float32),
            l2=0,
            held_out_loss=0,
        )
        settings = Settings(**{**SMALL, "gan_critic_steps": 1, "gan_lr": lr, **settings})
        gan = CWGAN(np, d=D, k=K, settings=settings, seed=0, dtype="float32")
        scorer = ConfidenceScorer(ptc, prototypes, x, y, latent=K, per_class=2, seed=0)
        scripted = scores.pop
        monkeypatch.setattr(scorer, "relative", lambda cs: scripted(0) if scores[1:] else scores[0])
        keeper, calls = SnapshotKeeper(settings), []
        training = GanTraining(gan, scorer, [keeper])
        train_with_looks(training, x, y, prototypes, callback=lambda *call: calls.append(call))
        return keeper, training.looks, calls

    return train


def generator(seed=0):
    return MLP.create(np, [2 + K, 4, D], seed=seed, purpose=Purpose.CHECK, std=None)


def steps(snapshots):
    return [snapshot.look.step for snapshot in snapshots]


# The keeper


@pytest.mark.wheel
def test_single_keeps_the_first_inside(keep):
    keeper = keep([0.1, 0.39, 0.5, 0.6, 0.41])
    assert steps(keeper.chosen()) == [2]
    assert not keeper.passed


@pytest.mark.parametrize("edge", [0.4, 0.7])
def test_the_window_is_open(keep, edge):
    assert steps(keep([0.1, edge, 0.5]).inside) == [2]


def test_a_snapshot_is_a_copy(keep):
    keeper, net = SnapshotKeeper(Settings()), generator()
    keeper.add(Look(step=1, epoch=0.0, cs=5.0, relative=0.1, wasserstein=0.0, penalty=0.0), net)
    keeper.add(Look(step=2, epoch=0.0, cs=5.0, relative=0.5, wasserstein=0.0, penalty=0.0), net)
    before = net.params[0].copy()
    net.params[0] += 1
    for snapshot in (keeper.nearest, *keeper.chosen()):
        assert np.array_equal(snapshot.generator.params[0], before)


@pytest.mark.wheel
def test_a_pool_keeps_everything_inside_up_to_its_limit(keep):
    keeper = keep([0.1, *[0.5] * POOL_LIMIT, 0.8], proxy_from="pool")
    assert steps(keeper.chosen()) == list(range(1, POOL_LIMIT + 1))


@pytest.mark.parametrize("count", [9, 16, 17, 40, 200, 1000])
def test_a_large_pool_is_thinned_evenly(keep, count):
    chosen = steps(keep([0.5] * count, proxy_from="pool").chosen())
    assert POOL_LIMIT / 2 <= len(chosen) <= POOL_LIMIT
    assert chosen[0] == 0
    assert len(set(np.diff(chosen))) == 1
    assert count - 1 - chosen[-1] < chosen[1]  # the spacing reaches to the end


def test_a_pool_counts_looks_inside_only(keep):
    scores = [0.5, 0.1] * 20
    chosen = steps(keep(scores, proxy_from="pool").chosen())
    assert all(step % 2 == 0 for step in chosen)
    assert len(set(np.diff(chosen))) == 1


@pytest.mark.wheel
@pytest.mark.parametrize(("scores", "nearest"), [([0.1, 0.38, 0.9], 1), ([0.1, 0.2, 0.72, 0.9], 2)])
def test_a_jump_over_the_window_takes_the_nearest_with_a_warning(keep, scores, nearest):
    keeper = keep(scores)
    assert keeper.passed
    with pytest.warns(UserWarning, match=f"jumped over 0.4 < r .* < 0.7.*at {scores[nearest]:g} "):
        assert steps(keeper.chosen()) == [nearest]


def test_the_first_of_equally_near_snapshots_is_kept(keep):
    with pytest.warns(UserWarning, match="jumped over"):
        assert steps(keep([0.25, 0.25, 0.9]).chosen()) == [0]


def test_nothing_outside_is_kept_once_there_is_one_inside(keep):
    assert keep([0.1, 0.5, 0.39]).nearest.look.step == 0
    assert keep([0.5, 0.39]).nearest is None


def test_a_window_that_is_entered_after_a_jump_counts(keep):
    assert steps(keep([0.1, 0.9, 0.5]).chosen()) == [2]


@pytest.mark.wheel
def test_a_window_that_was_never_reached_is_an_error(keep, sentence):
    keeper = keep([0.123, 0.05, 0.321, 0.2])
    with sentence(ValueError, "0.4 < r = ln CS / ln CS_ref < 0.7", "from 0.05 to 0.321", "gan_lr"):
        keeper.chosen()


def test_reaching_the_upper_bound_is_passing(keep):
    assert not keep([0.69]).passed
    assert keep([0.7]).passed
    assert keep([0.9, 0.1]).passed


def test_absolute_windows_are_about_cs(sentence):
    keeper = SnapshotKeeper(Settings(cs_unit="absolute", cs_low=5.0, cs_high=9.0))
    keeper.add(
        Look(step=0, epoch=0.0, cs=4.0, relative=7.0, wasserstein=0.0, penalty=0.0), generator()
    )
    with sentence(ValueError, "5 < CS < 9", "from 4 to 4"):
        keeper.chosen()
    keeper.add(
        Look(step=1, epoch=0.0, cs=7.0, relative=0.5, wasserstein=0.0, penalty=0.0), generator()
    )
    assert steps(keeper.chosen()) == [1]


# Training under looks


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("n", "epochs", "expected"),
    [
        (40, 3, [10, 20, 30]),  # 10 steps an epoch: every 10 steps
        (43, 2, [10, 20, 22]),  # 11 steps an epoch; the last step is looked at
        (1200, 1, list(range(15, 301, 15))),  # 300 steps: every 20th of an epoch
        (8, 2, [4]),  # fewer than 10 steps in all
    ],
)
def test_the_schedule_of_looks(train, n, epochs, expected):
    _, looks, calls = train(n, gan_max_epochs=epochs)
    assert [look.step for look in looks] == expected
    per_epoch = math.ceil(n / 4)
    assert [look.epoch for look in looks] == [step / per_epoch for step in expected]
    assert [step for step, _ in calls] == list(range(1, epochs * per_epoch + 1))


@pytest.mark.wheel
def test_training_for_a_pool_stops_once_the_window_is_passed(train):
    scores, settings = [0.1, 0.5, 0.6, 0.7, 0.9], {"gan_max_epochs": 20, "proxy_from": "pool"}
    keeper, looks, calls = train(40, scores, **settings)
    assert [look.relative for look in looks] == [0.1, 0.5, 0.6, 0.7]
    assert len(calls) == 40
    assert steps(keeper.chosen()) == [20, 30]


@pytest.mark.wheel
def test_training_for_a_single_snapshot_stops_at_the_first_inside(train):
    keeper, looks, calls = train(40, [0.1, 0.5, 0.6, 0.7, 0.9], gan_max_epochs=20)
    assert [look.relative for look in looks] == [0.1, 0.5]
    assert len(calls) == 20
    assert steps(keeper.chosen()) == [20]


@pytest.mark.filterwarnings("ignore:the confidence score jumped")
def test_training_for_a_single_snapshot_stops_behind_a_window_that_was_jumped_over(train):
    keeper, looks, _ = train(40, [0.1, 0.35, 0.9, 0.5], gan_max_epochs=20)
    assert [look.relative for look in looks] == [0.1, 0.35, 0.9]
    assert steps(keeper.chosen()) == [20]


def test_training_on_for_the_curve_keeps_the_same_single_snapshot(train):
    stopped, few, _ = train(40, [0.1, 0.5, 0.6, 0.9], gan_max_epochs=9)
    whole, many, _ = train(40, [0.1, 0.5, 0.6, 0.9], gan_max_epochs=9, gan_train_on=True)
    assert len(few) == 2 and len(many) == 9 and few == many[:2]
    (one,), (other,) = stopped.chosen(), whole.chosen()
    assert one.look == other.look
    pairs = zip(one.generator.params, other.generator.params, strict=True)
    assert all(np.array_equal(mine, theirs) for mine, theirs in pairs)


def test_gan_train_on_goes_to_the_limit_and_looks_once_an_epoch(train):
    keeper, looks, calls = train(100, [0.5, 0.8, 0.9], gan_max_epochs=4, gan_train_on=True)
    assert [look.step for look in looks] == [10, 20, 25, 50, 75, 100]
    assert len(calls) == 100
    assert steps(keeper.chosen()) == [10]


def test_the_callback_gets_the_phase_at_every_step_and_the_look_at_looks(train):
    _, looks, calls = train(40, [0.3], gan_max_epochs=2)
    assert all(logs["phase"] == "gan" and logs["total"] == 20 for _, logs in calls)
    assert [step for step, logs in calls if "cs" in logs] == [10, 20]
    assert {key: calls[9][1][key] for key in Look._fields} == looks[0]._asdict()


def test_a_run_that_has_its_snapshots_trains_no_further(train, monkeypatch):
    monkeypatch.setattr(SnapshotKeeper, "done", True)
    assert train(40)[1:] == ([], [])


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_divergence_names_the_rate(train, sentence):
    with sentence(FloatingPointError, "diverged at step", "lower gan_lr, now 1e+20"):
        train(40, lr=1e20)


@pytest.mark.parametrize("bad", ["wasserstein", "penalty", "generator"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_any_loss_that_is_not_finite_is_divergence(sentence, bad, value):
    class Scorer:
        def score(self, generator):
            return 2.0

        def relative(self, cs):
            return 0.25

    gan = CWGAN(np, d=D, k=K, settings=Settings(**SMALL), seed=0, dtype="float32")
    gan.step = 30
    terms = {"wasserstein": 1.0, "penalty": 2.0, "generator": 3.0}
    training = GanTraining(gan, Scorer(), [])
    assert training.look(terms, 20) == Look(
        step=30, epoch=1.5, cs=2.0, relative=0.25, wasserstein=1.0, penalty=2.0
    )
    with sentence(FloatingPointError, "diverged at step 30", "gan_lr, now 0.001"):
        training.look({**terms, bad: value}, 20)
    assert len(training.looks) == 1


@pytest.mark.parametrize(
    ("reference", "classes", "warned"),
    [(1.99, 60, True), (2.0, 60, False), (50.0, 60, False), (1.41, 2, True), (1.99, 2, False)],
)
def test_a_low_reference_is_warned_about(reference, classes, warned):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_reference_low(reference, classes)
    assert [
        f"score of only {reference}, from 1 to {classes}" in str(warning.message)
        for warning in caught
    ] == [True] * warned


@pytest.mark.parametrize(("train_on", "kept"), [(True, [10, 30]), (False, [10])])
def test_a_keeper_of_a_training_that_goes_on_sees_every_look(train_on, kept):
    window = {"cs_low": 0.4, "cs_high": 0.7, "proxy_from": "pool", "gan_train_on": train_on}
    settings, scores = Settings(**{**SMALL, **window}), iter([0.5, 0.8, 0.6])
    gan, keeper = (
        CWGAN(np, d=D, k=K, settings=settings, seed=0, dtype="float32"),
        SnapshotKeeper(settings),
    )
    scorer = SimpleNamespace(score=lambda generator: 2.0, relative=lambda cs: next(scores))
    training = GanTraining(gan, scorer, [keeper])
    for gan.step in (10, 20, 30):
        training.look({"wasserstein": 1.0, "penalty": 2.0}, 10)
    assert steps(keeper.inside) == kept


def test_a_thinned_pool_that_was_restored_goes_on_as_it_would_have():
    settings = Settings(
        **{**SMALL, "cs_low": 0.4, "cs_high": 0.7, "proxy_from": "pool", "gan_train_on": True}
    )
    scores = [0.9, 0.1, 0.39, *[0.5, 0.6] * 10]

    def training():
        scorer = SimpleNamespace(score=lambda generator: 2.0, relative=lambda cs: scores[gan.step])
        gan = CWGAN(np, d=5, k=3, settings=settings, seed=0, dtype="float32")
        return GanTraining(gan, scorer, [SnapshotKeeper(settings)])

    def look_on(training, steps):
        for step in steps:
            training.gan.step = step
            training.scorer.relative = lambda cs: scores[training.gan.step]
            training.look({"wasserstein": 1.0, "penalty": 2.0}, 10)

    whole, cut, resumed = training(), training(), training()
    look_on(whole, range(23))
    look_on(cut, range(14))
    assert cut.keepers[0].stride == 2
    resumed.restore(cut.state())
    look_on(resumed, range(14, 23))
    assert resumed.looks == whole.looks
    (one,), (other,) = whole.keepers, resumed.keepers
    assert [s.look for s in one.kept] == [s.look for s in other.kept]
    assert (one.seen_inside, one.stride) == (other.seen_inside, other.stride)
    assert (one.lowest, one.highest) == (other.lowest, other.highest)
