"""Training on one fold: the proxies are those of fit, and nothing is learnt from test rows."""

from dataclasses import replace

import numpy as np
import pytest

from tinygzsl import pipeline
from tinygzsl.confidence import ConfidenceScorer
from tinygzsl.gates.units import EntropyScaleError
from tinygzsl.pipeline import find_proxies
from tinygzsl.proxies import TRAINING_DRAW
from tinygzsl.settings import settings_for
from tinygzsl.tuning import trials
from tinygzsl.tuning.folds import folds
from tinygzsl.tuning.trials import SHARE_OF_EPOCHS, Draws, FoldTrainer

SETTINGS = settings_for(
    "small",
    {
        "gan_generator_hidden": (16,),
        "gan_critic_hidden": (16,),
        "gan_lr": 3e-2,
        "gan_batch": 16,
        "gan_max_epochs": 32,
        "proxy_count": 100,
        "vsmm_latent": 16,
        "vsmm_lr": 1e-2,
        "vsmm_epochs": 3,
    },
)
# entered late, entered early, jumped over at once, jumped over after the first, never reached
WINDOWS = [(0.5835, 0.7), (0.1, 0.5), (0.02, 0.1), (0.45, 0.55), (8.0, 9.0)]


@pytest.fixture
def fold(tiny_dataset):
    return folds(tiny_dataset().training(), count=1)[0]


def trainer(fold, seed=3):
    return FoldTrainer(fold, seed=seed, device="cpu", dtype="float32")


@pytest.mark.parametrize("kind", ["single", "pool"])
@pytest.mark.filterwarnings("ignore:the confidence score jumped", "ignore:held-out real samples")
def test_the_proxies_of_each_window_are_those_of_fit(fold, kind, sentence):
    one, settings = trainer(fold), replace(SETTINGS, proxy_from=kind)
    data = one._scaled(settings).seen
    found = dict(one.windows(settings, WINDOWS))
    assert list(found) == WINDOWS[:4]
    epochs = int(SHARE_OF_EPOCHS * settings.gan_max_epochs)
    steps = set()
    for low, high in WINDOWS:
        alone = replace(settings, cs_low=low, cs_high=high, gan_max_epochs=epochs)
        plan = one._plan(alone)
        if (low, high) not in found:
            with sentence(ValueError, "no snapshot has 8"):
                find_proxies(data, plan)
            continue
        source = find_proxies(data, plan)
        steps.add(source.snapshots[0].look.step)
        fakes = source.draw(data.a, settings.proxy_count, seed=one.seed, draw=TRAINING_DRAW)
        np.testing.assert_array_equal(found[low, high].trained_on, fakes)
        assert found[low, high].fresh is None
    assert len(steps) == 3


def test_the_cwgan_has_three_quarters_of_the_epochs(fold, monkeypatch):
    seen = []

    def spy(data, plan, keepers):
        seen.append((plan.settings.gan_max_epochs, plan.seed))
        raise InterruptedError

    monkeypatch.setattr(pipeline, "start_gan", spy)
    with pytest.raises(InterruptedError):
        list(trainer(fold).windows(SETTINGS, WINDOWS))
    assert seen == [(24, 3)]


def test_windows_passed_before_the_cwgan_diverges_are_reached(fold, monkeypatch):
    whole, train = dict(trainer(fold).windows(SETTINGS, WINDOWS)), pipeline.train_gan

    def diverging(training, data, plan):
        def after_step(step, logs):
            if any(keeper.passed for keeper in training.keepers):
                raise FloatingPointError

        train(training, data, replace(plan, callback=after_step))

    monkeypatch.setattr(pipeline, "train_gan", diverging)
    found = dict(trainer(fold).windows(SETTINGS, WINDOWS))
    assert (0.02, 0.1) in found
    assert (0.5, 0.7) not in found
    np.testing.assert_array_equal(found[0.02, 0.1].trained_on, whole[0.02, 0.1].trained_on)


def test_the_unit_of_scores_is_taken_from_training_rows(fold, monkeypatch):
    scales = []
    monkeypatch.setattr(trials, "make_scores", lambda *_, **units: scales.append(units))
    changed = [replace(fold, X_test=times * fold.X_test[::-1]) for times in (1, 100)]
    other = replace(fold, X_train=2 * fold.X_train + fold.X_train[:1])
    settings = replace(SETTINGS, scale_features="none")
    for data in (fold, *changed, other):
        one = trainer(data)
        one.scores(one.vsmm(settings), settings)
    assert scales[0] == scales[1] == scales[2]
    assert scales[0].keys() == {"scale", "unit"}
    assert all(scales[3][name] != scales[0][name] for name in scales[0])


def test_scores_that_are_not_finite_count_as_diverged(fold):
    one = trainer(fold)
    vsmm = one.vsmm(SETTINGS)
    for p in vsmm.params:
        p[...] = np.nan
    with pytest.raises(FloatingPointError):
        one.scores(vsmm, SETTINGS)
    assert one.scores_with(replace(SETTINGS, vsmm_lr=1e38), Draws(None, None)) is None


def test_no_window_where_no_classes_are_told_apart(tiny_dataset, monkeypatch):
    monkeypatch.setattr(ConfidenceScorer, "tells_classes_apart", False)
    monkeypatch.setattr(pipeline, "train_gan", None)
    settings = settings_for("small", {"gan_generator_hidden": (16,), "gan_critic_hidden": (16,)})
    one = FoldTrainer(
        folds(tiny_dataset().training(), count=1)[0], seed=3, device="cpu", dtype="float32"
    )
    assert list(one.windows(settings, [(0.1, 0.5)])) == []


def test_a_fold_without_a_scale_is_not_reached(tiny_dataset, monkeypatch):
    def none(*args):
        raise EntropyScaleError

    monkeypatch.setattr(pipeline, "measure_entropies", none)
    start = replace(settings_for("small"), router_unit="measured", vsmm_epochs=1)
    one = FoldTrainer(
        folds(tiny_dataset().training(), count=1)[0],
        seed=3,
        device="cpu",
        dtype="float32",
        start=start,
    )
    assert (
        one.scores_with(
            start, Draws(one._scaled(start).seen.x[:20], one._scaled(start).seen.x[20:40])
        )
        is None
    )


def test_the_unit_of_scores_is_of_seen_classes_alone(fold, monkeypatch):
    scales = []
    monkeypatch.setattr(trials, "make_scores", lambda *_, **units: scales.append(units))
    settings = replace(SETTINGS, scale_prototypes="none")
    for times in (1, 10):
        one = trainer(replace(fold, unseen_prototypes=times * fold.unseen_prototypes))
        one.scores(one.vsmm(settings), settings)
    assert scales[0] == scales[1]


def test_the_search_never_trains_on_for_the_curve(fold, monkeypatch):
    seen = []

    def spy(data, plan, keepers):
        seen.extend([plan.settings.gan_train_on, *(k.settings.gan_train_on for k in keepers)])
        raise InterruptedError

    monkeypatch.setattr(pipeline, "start_gan", spy)
    with pytest.raises(InterruptedError):
        list(trainer(fold).windows(replace(SETTINGS, gan_train_on=True), WINDOWS))
    assert seen == [False] * (1 + len(WINDOWS))


def test_a_window_the_cwgan_diverges_in_is_not_reached(fold, monkeypatch):
    train = pipeline.train_gan

    def diverging(training, data, plan):
        def after_step(step, logs):
            if any(keeper.inside and not keeper.passed for keeper in training.keepers):
                raise FloatingPointError

        train(training, data, replace(plan, callback=after_step))
        raise AssertionError("no window was entered")

    monkeypatch.setattr(pipeline, "train_gan", diverging)
    one, window = trainer(fold), (0.0005, 9.0)
    pool = replace(SETTINGS, proxy_from="pool")  # a single snapshot would be there
    assert list(one.windows(pool, [window])) == []


@pytest.mark.filterwarnings("ignore:the confidence score jumped", "ignore:held-out real samples")
def test_fresh_proxies_are_those_that_fit_measures_by(fold):
    from tinygzsl.proxies import FRESH_DRAW

    start = replace(SETTINGS, router_unit="measured")
    one, (low, high) = (
        FoldTrainer(fold, seed=3, device="cpu", dtype="float32", start=start),
        WINDOWS[1],
    )
    ((_, draws),) = one.windows(start, [(low, high)])
    epochs = int(SHARE_OF_EPOCHS * start.gan_max_epochs)
    alone = replace(start, cs_low=low, cs_high=high, gan_max_epochs=epochs)
    seen = one._scaled(alone).seen
    source = find_proxies(seen, one._plan(alone))
    for found, draw in ((draws.trained_on, TRAINING_DRAW), (draws.fresh, FRESH_DRAW)):
        expected = source.draw(seen.a, start.proxy_count, seed=one.seed, draw=draw)
        np.testing.assert_array_equal(found, expected)


def test_a_fold_is_scaled_anew_for_another_scaler(fold):
    one = trainer(fold)
    for kind in ("minmax", "standard", "minmax"):
        settings = replace(SETTINGS, scale_features=kind)
        found, expected = one._scaled(settings), trainer(fold)._scaled(settings)
        np.testing.assert_array_equal(found.seen.x, expected.seen.x)
        np.testing.assert_array_equal(found.x_test, expected.x_test)


@pytest.mark.filterwarnings("ignore:the confidence score jumped", "ignore:held-out real samples")
def test_the_cwgan_of_a_fold_stops_at_the_last_snapshot_wanted(fold, monkeypatch):
    train, steps = pipeline.train_gan, []

    def spy(training, data, plan):
        train(training, data, plan)
        steps.append((training.step, [keeper.chosen()[0].look.step for keeper in training.keepers]))

    monkeypatch.setattr(pipeline, "train_gan", spy)
    list(trainer(fold).windows(SETTINGS, WINDOWS[:2]))
    assert steps == [(50, [50, 10])]
