"""The stages of a training: what each is given, and what it gives."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygzsl import pipeline
from tinygzsl.confidence import class_balanced_weights, confidence_score
from tinygzsl.datasets.hold_out import hold_out_rows
from tinygzsl.datasets.scaling import Scaler
from tinygzsl.pipeline import Plan, SeenData, find_proxies
from tinygzsl.proxies import draw_proxies
from tinygzsl.settings import Settings
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
    expected = draw_proxies(source.snapshots, data[2], source.latent, 30, 5, 1)
    assert np.array_equal(source.draw(data[2], 30, 5, 1), expected)
    assert expected.shape == (30, data[0].shape[1])


@pytest.mark.wheel
def test_the_same_seed_gives_the_same_bits_and_another_does_not(find, data):
    draws = [find(seed)[0].draw(data[2], 20, 0, 0) for seed in (4, 4, 5)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_the_held_out_samples_choose_the_ptc_and_give_the_reference(find, data, monkeypatch):
    x, y, prototypes = data
    held = hold_out_rows(y, 0.25, 3)
    seen, train_ptc = [], pipeline.train_ptc

    def spy(*args):
        seen.extend(args)
        return train_ptc(*args)

    monkeypatch.setattr(pipeline, "train_ptc", spy)
    source, _ = find(3, cs_held_out=0.25)
    for mine, expected in zip(seen, (x[~held], y[~held], x[held], y[held]), strict=False):
        assert np.array_equal(mine, expected)
    assert seen[4] == len(prototypes)
    log_p = train_ptc(*seen).log_proba(x[held])
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

    windows, looks = [(0.02, 0.1), (0.1, 0.3)], []
    together = pipeline.start_gan(seen, plan, keepers(*windows))
    pipeline.train_gan(together, seen, plan, on_look=lambda snapshot, last: looks.append(snapshot))
    assert together.passed
    assert [snapshot.look for snapshot in looks] == together.looks
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
