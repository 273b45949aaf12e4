"""The stages of a training: what each is given, and what it gives."""

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygzsl import pipeline, router
from tinygzsl.confidence import ConfidenceScorer, class_balanced_weights, confidence_score
from tinygzsl.datasets.hold_out import hold_out_rows
from tinygzsl.datasets.scaling import Scaler
from tinygzsl.nn import random
from tinygzsl.nn.random import Purpose
from tinygzsl.pipeline import Plan, SeenData, find_proxies
from tinygzsl.proxies import draw_proxies
from tinygzsl.router import VsmmScores
from tinygzsl.settings import Settings, settings_for
from tinygzsl.snapshots import SnapshotKeeper

SMALL = {
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 1e-3,
    "gan_batch": 16,
    "gan_critic_steps": 1,
    "gan_max_epochs": 3,
    "ptc_l2": (1e-2,),
    "cs_low": 1e-6,
    "cs_high": 0.99,
    "cs_per_class": 4,
}


@pytest.fixture
def data(tiny_dataset):
    """x (n, d), y (n,) indexing the rows of the seen prototypes (S, k), scaled by hand."""
    tiny = tiny_dataset()
    x = tiny.X_train - tiny.X_train.min(axis=0)
    y = np.searchsorted(tiny.seen_classes, tiny.y_train)
    return x / x.max(axis=0), y, tiny.seen_prototypes


@pytest.fixture
def find(data):
    """find(seed, ...) -> the ProxySource of the tiny data and the callback's calls."""

    def find(seed=0, checkpoint=None, **settings):
        calls, (x, y, a) = [], data
        plan = Plan(
            settings=Settings(**{**SMALL, **settings}),
            seed=seed,
            xp=np,
            dtype=str(x.dtype),
            callback=lambda *call: calls.append(call),
        )
        return find_proxies(seen_data(x, y, a), plan, checkpoint=checkpoint), calls

    return find


def seen_data(x, y, a):
    """As SeenData, with scalers that nothing asks."""
    none = Scaler(np.zeros(1), np.ones(1))
    return SeenData(x=x, y=y, a=a, feature_scaler=none, prototype_scaler=none)


class Recorder:
    """A checkpoint that saves nothing but notes what it is asked."""

    def __init__(self):
        self.restored, self.asked, self.saves = 0, 0, []

    def restore(self, training):
        assert (training.step, training.keepers[0].inside, training.looks) == (0, [], [])
        self.restored += 1

    def due(self):
        self.asked += 1
        return self.asked % 7 == 0

    def save(self, training):
        self.saves.append(training.step)


# Finding


@pytest.mark.wheel
def test_the_source_is_what_was_trained(find, data):
    source, calls = find()
    assert len(source.snapshots) == 1
    assert source.snapshots[0].look == source.looks[0]
    assert source.reference > 2
    assert source.ptc_l2 == 1e-2
    assert source.latent == data[2].shape[1]
    assert [(step, logs["phase"]) for step, logs in calls[:2]] == [(0, "ptc"), (1, "ptc")]
    assert {logs["phase"] for _, logs in calls[2:]} == {"gan"}
    assert [step for step, _ in calls[2:]] == list(range(1, len(calls) - 1))


@pytest.mark.wheel
def test_draw_takes_scaled_seen_prototypes_and_gives_scaled_features(find, data):
    source, _ = find()
    expected = draw_proxies(source.snapshots, data[2], 30, latent=source.latent, seed=5, draw=1)
    assert np.array_equal(source.draw(data[2], 30, seed=5, draw=1), expected)
    assert expected.shape == (30, data[0].shape[1])


@pytest.mark.wheel
def test_the_same_seed_gives_the_same_bits_and_another_does_not(find, data):
    draws = [find(seed)[0].draw(data[2], 20, seed=0, draw=0) for seed in (4, 4, 5)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_the_held_out_samples_choose_the_ptc_and_give_the_reference(find, data, monkeypatch):
    x, y, prototypes = data
    held = hold_out_rows(y, share=0.25, seed=3, purpose=Purpose.PTC_HOLD_OUT)
    seen, how, train_ptc = [], {}, pipeline.train_ptc

    def spy(*args, **named):
        seen.extend(args)
        how.update(named)
        return train_ptc(*args, **named)

    monkeypatch.setattr(pipeline, "train_ptc", spy)
    source, _ = find(3, cs_held_out=0.25)
    for mine, expected in zip(seen, (x[~held], y[~held], x[held], y[held]), strict=True):
        assert np.array_equal(mine, expected)
    assert how["n_classes"] == len(prototypes)
    log_p = train_ptc(*seen, **how).log_proba(x[held])
    expected = confidence_score(log_p, class_balanced_weights(y[held], 5).astype(np.float32))
    assert source.reference == pytest.approx(float(expected), rel=1e-5)


def test_a_pool_is_drawn_from_all_qualifying_snapshots(find):
    source, _ = find(proxy_from="pool")
    assert len(source.looks) > 1
    assert [snapshot.look for snapshot in source.snapshots] == source.looks


def test_a_checkpoint_is_restored_once_and_saved_when_due_and_at_the_end(find):
    recorder = Recorder()
    source, _ = find(checkpoint=recorder)
    steps = [look.step for look in source.looks]
    assert recorder.restored == 1
    assert recorder.saves == [*range(7, steps[-1] + 1, 7), steps[-1]]


def test_no_snapshot_in_the_window_is_an_error(find, sentence):
    with sentence(ValueError, "no snapshot has 0.98 <", "gan_max_epochs"):
        find(cs_low=0.98, cs_high=0.99, gan_max_epochs=1, gan_lr=1e-9)


def test_a_classifier_that_tells_nothing_apart_is_warned_about(find):
    with pytest.warns(UserWarning, match="barely tells the classes apart"):
        source, _ = find(ptc_l2=(10.0,))
    assert source.reference < 2


def test_one_training_serves_several_windows(data):
    """Each keeper ends as it would alone, and whoever watches sees the looks of all."""
    settings = Settings(**{**SMALL, "gan_lr": 3e-2, "gan_max_epochs": 40})
    plan = Plan(settings=settings, seed=1, xp=np, dtype=str(data[0].dtype))
    seen = seen_data(*data)

    def keepers(*windows):
        return [SnapshotKeeper(replace(settings, cs_low=lo, cs_high=hi)) for lo, hi in windows]

    windows, looks = [(0.001, 0.005), (0.01, 0.3)], []
    together = pipeline.start_gan(seen, plan, keepers(*windows))
    pipeline.train_gan(together, seen, plan, on_look=lambda snapshot, last: looks.append(snapshot))
    assert together.passed
    assert [snapshot.look for snapshot in looks] == together.looks
    first, second = together.keepers
    assert first.highest < second.highest  # or both would have passed at one look
    for window, keeper in zip(windows, together.keepers, strict=True):
        alone = pipeline.start_gan(seen, plan, keepers(window))
        pipeline.train_gan(alone, seen, plan)
        (own,) = alone.keepers
        assert [s.look for s in own.kept] == [s.look for s in keeper.kept]
        assert (own.lowest, own.highest) == (keeper.lowest, keeper.highest)


def test_enough_ends_a_training_before_its_window(data):
    settings = Settings(**{**SMALL, "cs_low": 0.98})
    plan = Plan(settings=settings, seed=1, xp=np, dtype=str(data[0].dtype))
    seen = seen_data(*data)
    training = pipeline.start_gan(seen, plan, [SnapshotKeeper(settings)])
    pipeline.train_gan(training, seen, plan, enough=lambda: training.step >= 3)
    assert training.step == 3
    pipeline.train_gan(training, seen, plan, enough=lambda: training.step >= 5)
    assert training.step == 5


def test_nobody_else_wires_the_stages():
    """A VSMM is trained and a CWGAN made in pipeline.py; the baselines' own trainings aside."""
    checkout = Path(__file__).parents[1]
    if not (checkout / "bench").is_dir():
        pytest.skip("there is no checkout to read")
    calls = re.compile(r"(?<!def )(?<!class )\b(train_vsmm|CWGAN)\(")
    files = [f for name in ("tinygzsl", "cli", "bench") for f in (checkout / name).rglob("*.py")]
    found = {str(f.relative_to(checkout)) for f in files if calls.search(f.read_text("utf-8"))}
    assert {name for name in found if "baselines" not in name} == {"tinygzsl/pipeline.py"}


def test_the_noise_of_the_score_is_of_the_seed(data):
    x, _, a = data
    for latent in (0, 5):
        settings = Settings(**SMALL, gan_latent=latent)
        plan = Plan(settings=settings, seed=3, xp=np, dtype=str(x.dtype))
        training = pipeline.start_gan(seen_data(*data), plan, [SnapshotKeeper(settings)])
        shape = (len(a) * settings.cs_per_class, latent or a.shape[1])
        expected = random.normal(
            np, shape, seed=3, step=0, purpose=Purpose.SCORE_NOISE, dtype=str(x.dtype)
        )
        assert np.array_equal(training.scorer.z, expected)


def test_what_is_said_of_training_is_of_evenly_spaced_samples_and_their_classes(data, monkeypatch):
    x, y, a = data
    monkeypatch.setattr(router, "SAMPLE_ROWS", 40)
    settings = Settings(vsmm_weight_es=0.0, vsmm_latent=8, vsmm_epochs=1)
    plan = Plan(settings=settings, seed=0, xp=np, dtype=str(x.dtype))
    trained = pipeline.fit(seen_data(*data), plan)
    rows = np.arange(len(y))[:: 1 + len(y) // 40]
    assert 10 < len(rows) <= 40
    assert np.array_equal(trained.y, y[rows])
    expected = router.vsmm_scores(trained.vsmm, x[rows], a, metric=settings.router_metric)
    for one, other in zip(trained.sample, expected, strict=True):
        assert np.array_equal(one, other)
    assert trained.score_scale == router.score_deviation(expected.f)


def test_doubts_are_told_in_nats_of_measured_thresholds():
    position = {"router_unit": "measured", "router_delta_low": 0.2, "router_delta_high": 0.9}
    trained = pipeline.Trained(
        vsmm=None,
        history=[],
        source=None,
        sample=VsmmScores(np.log(np.eye(2) + 1e-9), np.ones(2), np.zeros((2, 2))),
        y=np.arange(2),
        entropy_scale=(0.0, 2.0),  # so that 0.9 is 1.8 nats, above the 1.0 of every sample
        neighbours=None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline.warn_if_doubtful(trained, settings_for("small", position))
    with pytest.warns(UserWarning, match="100% have an entropy above delta_high = 0.8"):
        position["router_delta_high"] = 0.4
        pipeline.warn_if_doubtful(trained, settings_for("small", position))


def test_an_absolute_window_needs_no_classes_told_apart(data, monkeypatch):
    monkeypatch.setattr(ConfidenceScorer, "tells_classes_apart", False)
    absolute = Settings(**{**SMALL, "cs_unit": "absolute", "cs_low": 0.5, "cs_high": 60.0})
    plan = Plan(settings=absolute, seed=0, xp=np, dtype=str(data[0].dtype))
    assert pipeline.find_proxies(seen_data(*data), plan).snapshots
    with pytest.raises(ValueError, match="can't tell any classes apart"):
        pipeline.find_proxies(seen_data(*data), plan.changed(**SMALL, cs_unit="relative"))


def test_looks_stay_frequent_until_it_is_enough(data):
    x, y, a = data
    x, y = np.tile(x, (3, 1)), np.tile(y, 3)
    settings = Settings(**{**SMALL, "cs_high": 1e-5, "gan_batch": 16, "gan_max_epochs": 2})
    plan = Plan(settings=settings, seed=1, xp=np, dtype=str(x.dtype))
    seen = seen_data(x, y, a)
    training = pipeline.start_gan(seen, plan, [SnapshotKeeper(settings)])
    pipeline.train_gan(training, seen, plan, enough=lambda: False)
    assert training.passed
    assert [look.step for look in training.looks][:3] == [10, 20, 30]


@pytest.mark.parametrize("given", [{"proxies": True}, {"vsmm_weight_es": 0.0}])
def test_held_out_samples_are_not_forgotten_where_there_is_no_gan(data, sentence, given):
    settings = Settings(**{**SMALL, "vsmm_weight_es": given.get("vsmm_weight_es", 1.0)})
    plan = Plan(settings=settings, seed=0, xp=np, dtype=str(data[0].dtype))
    proxies = data[0][:5] if "proxies" in given else None
    with sentence(ValueError, "held-out samples", "pass no proxies"):
        pipeline.fit(seen_data(*data), plan, held=data[0][:5], proxies=proxies)
