"""What a fit with validation takes is known before it: time from one epoch, memory from shapes."""

import tracemalloc

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.datasets import TrainingSet
from tinygzsl.settings import settings_for
from tinygzsl.tuning.expected import GAN_UNITS, Work, expected
from tinygzsl.tuning.folds import disjoint_folds
from tinygzsl.tuning.learned_gate import with_fitted_gate
from tinygzsl.tuning.search import SEPARATION_FOLDS, Search
from tinygzsl.tuning.space import EPOCHS
from tinygzsl.tuning.trials import FoldTrainer

pytestmark = pytest.mark.filterwarnings("ignore:")
TINY = {
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 2e-2,
    "gan_batch": 16,
    "gan_max_epochs": 4,
    "cs_low": 0.0,
    "cs_high": 0.9,
    "proxy_count": 100,
    "vsmm_latent": 16,
    "vsmm_batch": 16,
    "vsmm_lr": 1e-2,
    "vsmm_epochs": 5,
}
TRAINER = {"seed": 0, "device": "cpu", "dtype": "float32"}


@pytest.fixture
def training():
    """12 classes of 20 samples with 60 features."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((12, 8), dtype=np.float32)
    y = np.repeat(np.arange(12), 20)
    noise = 0.3 * rng.normal(size=(240, 60))
    X = (prototypes[y] @ rng.normal(size=(8, 60)) + noise).astype(np.float32)
    return TrainingSet(X, y, prototypes, np.arange(12))


class Clock:
    """A clock that goes 100 s during the first epoch and 3 s during every other."""

    def __init__(self):
        self.times = iter((100.0, 103.0))

    def __call__(self):
        return next(self.times)


@pytest.mark.parametrize(("has_gan", "final"), [(False, 1), (True, 1 + GAN_UNITS)])
def test_seconds_are_those_of_the_second_epoch_for_all_work(training, has_gan, final):
    folds = disjoint_folds(training)
    found = expected(
        FoldTrainer(folds[0], **TRAINER),
        folds,
        settings_for("small", TINY),
        Work(units=7, scaled=1, scores=1),
        has_gan=has_gan,
        clock=Clock(),
    )
    share = len(folds[0].y_train) / 240
    assert found.seconds == pytest.approx(3 * 5 * (7 + final / share))
    assert found.logs() == {"expected_seconds": found.seconds, "expected_bytes": found.bytes}


def test_nothing_is_expected_of_a_training_that_diverges(training):
    folds = disjoint_folds(training)
    settings = settings_for("small", {**TINY, "vsmm_lr": 1e30})
    work = Work(units=1, scaled=1, scores=1)
    trainer = FoldTrainer(folds[0], **TRAINER)
    assert expected(trainer, folds, settings, work, has_gan=False) is None


def test_the_search_counts_its_longest_trainings(training, monkeypatch):
    from tinygzsl.tuning import search as module

    works = []
    monkeypatch.setattr(module, "expected", lambda *args, has_gan: works.append((args[3], has_gan)))
    trainers = [FoldTrainer(fold, **TRAINER) for fold in disjoint_folds(training)]
    Search(trainers, settings_for("small", TINY), n_seen=12, given=frozenset()).expected()
    pairs = 2  # of gamma and weight
    gan = SEPARATION_FOLDS * (GAN_UNITS + pairs) + 2 * (GAN_UNITS + 1)
    units = 2 * 5 * (max(EPOCHS) * 5) / 5 + gan  # two scalers on five folds, 1.6 times as long
    assert works == [(Work(units=pytest.approx(units), scaled=5, scores=2 * len(EPOCHS)), True)]


@pytest.mark.parametrize("what", ["auto", "gate", "gate without a CWGAN"])
def test_memory_is_right_within_a_factor_of_two(training, what):
    said = []

    def callback(step, logs):
        if "expected_bytes" in logs:
            assert step == 0
            said.append(logs["expected_bytes"])

    def run():
        if what == "auto":
            tz.tune(training, "small", {**TINY, "vsmm_weight_es": 0.0}, callback=callback)
            return
        weight = 0.0 if "without" in what else 1.0
        given = {**TINY, "router_gate": "learned", "vsmm_weight_es": weight}
        with_fitted_gate(training, settings_for("small", given), **TRAINER, callback=callback)

    run()  # what is compiled and cached is not counted
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        run()
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert len(said) == 2
    assert peak / 2 < said[0] < 2 * peak


def test_without_a_callback_nothing_is_measured(training, monkeypatch):
    from tinygzsl.tuning import learned_gate

    monkeypatch.setattr(learned_gate, "expected", None)
    given = {**TINY, "router_gate": "learned", "vsmm_weight_es": 0.0}
    fitted = with_fitted_gate(training, settings_for("small", given), **TRAINER)
    assert fitted.router_weights


def test_every_scaled_fold_and_all_scores_take_memory(training):
    folds = disjoint_folds(training)
    trainer = FoldTrainer(folds[0], **TRAINER)

    def size(**changes):
        work = Work(**{"units": 1, "scaled": 1, "scores": 1, **changes})
        settings = settings_for("small", TINY)
        return expected(trainer, folds, settings, work, has_gan=False, clock=Clock()).bytes

    assert size(scaled=3) - size() == 2 * 240 * 60 * 4
    tests = sum(len(fold.y_test) for fold in folds)
    assert size(scores=4) - size() == 3 * tests * (2 * 12 + 10) * 8


@pytest.mark.parametrize("given", [True, False])
def test_a_cwgan_is_expected_only_where_no_proxies_are_given(training, monkeypatch, given):
    from tinygzsl.tuning import learned_gate

    said = []
    monkeypatch.setattr(
        learned_gate, "expected", lambda *args, has_gan: said.append((args[3].units, has_gan))
    )
    settings = settings_for("small", {**TINY, "router_gate": "learned", "vsmm_weight_es": 1.0})
    how = {"proxies": training.X[:40] if given else None, "callback": lambda step, logs: None}
    with_fitted_gate(training, settings, **TRAINER, **how)
    assert said == [(5, False) if given else (5 * (1 + GAN_UNITS), True)]
