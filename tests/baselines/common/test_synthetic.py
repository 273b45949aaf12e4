"""Softmax classifiers of synthetic samples, and what the generative methods share."""

import numpy as np
import pytest

from tinygzsl.baselines.common.synthetic import synthesize, train_softmax
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.ptc import ptc_loss, train_ptc
from tinygzsl.settings import Settings

NAMES = ("FCLSWGAN", "SEGZSL", "FVAEGAN", "CEWGANOD")


def softmax(x, y, classes, **changes):
    settings = {"epochs": 1500, "batch": len(x), "lr": 0.02, "seed": 0}
    return train_softmax(
        x, y, n_classes=classes, **{**settings, **changes}, callback=lambda *_: None
    )


def test_the_softmax_reaches_the_optimum_that_lbfgs_finds():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 4)), rng.integers(0, 3, 120)  # no separation: a finite optimum
    best = train_ptc(x, y, x, y, n_classes=3, settings=Settings(ptc_l2=(1e-9,)), seed=0)
    mine = softmax(x, y, 3)
    least = ptc_loss(best.w, best.b, x, y, l2=0.0)[0]
    assert ptc_loss(mine.w, mine.b, x, y, l2=0.0)[0] == pytest.approx(least, rel=1e-5)
    log_p = mine.logits(x) - np.log(np.exp(mine.logits(x)).sum(axis=1, keepdims=True))
    assert -log_p[np.arange(120), y].mean() == pytest.approx(least, rel=1e-5)


def test_a_softmax_that_diverges_says_so(sentence):
    x, y = np.ones((8, 2), np.float32), np.arange(8) // 3
    with sentence(FloatingPointError, "classifier_lr", "1e+38"), np.errstate(all="ignore"):
        softmax(x, y, 3, epochs=9, lr=1e38)


def test_synthetic_samples_are_the_generators_class_by_class():
    a = np.random.default_rng(0).random((3, 2))
    generator = MLP.create(
        np, [4 + 2, 5, 7], seed=1, purpose=Purpose.CHECK, std=None, dtype="float64"
    )
    x, rows = synthesize(generator, a, per_class=6, seed=0)
    assert x.shape == (18, 7)
    assert rows.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    again, _ = synthesize(generator, a, per_class=6, seed=0)
    other, _ = synthesize(generator, a, per_class=6, seed=1)
    assert np.array_equal(x, again)
    assert not np.isclose(x, other).any()
    generator.params[0][:, :4] = 0  # without noise there is one sample a class
    x, _ = synthesize(generator, a, per_class=6, seed=0)
    assert np.array_equal(x, generator.forward(np.concatenate([0 * x[:, :4], a[rows]], axis=1))[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "params",
    [
        {"per_class": 0},
        {"per_class": 2.5},
        {"classifier_lr": 0.0},
        {"classifier_epochs": True},
        {"classifier_batch": float("nan")},
    ],
)
def test_settings_out_of_range_are_a_sentence(name, params, fit, sentence):
    (key, value), *_ = params.items()
    with sentence(ValueError, key, repr(value)):
        fit(name, **params)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("FCLSWGAN", {"gan_lr": -1.0}),
        ("FCLSWGAN", {"gan_lr": None}),
        ("FCLSWGAN", {"gan_output": "bogus"}),
        ("FCLSWGAN", {"classification_weight": -0.1}),
        ("FCLSWGAN", {"pretrained_epochs": 0}),
        ("CEWGANOD", {"cosine_weight": "much"}),
        ("CEWGANOD", {"detector_hidden": 512}),
        ("CEWGANOD", {"decoder_hidden": (0,)}),
        ("FVAEGAN", {"wgan_weight": 0.0}),
        ("FVAEGAN", {"encoder_hidden": (1.5,)}),
        ("SEGZSL", {"weight_prior": float("inf")}),
        ("SEGZSL", {"output": "sigmoid"}),
    ],
)
def test_settings_of_one_method_are_checked_too(name, params, fit, sentence):
    (key, value), *_ = params.items()
    with sentence(ValueError, key, str(value)):
        fit(name, **params)


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_is_trained_on_seen_classes_alone(name, fit, tiny_dataset):
    data = tiny_dataset()
    other = tiny_dataset()
    other.unseen_prototypes[...] = 1 - other.unseen_prototypes
    mine, same = (fit(name, data=d)._generator.params for d in (data, other))
    assert all(np.array_equal(p, q) for p, q in zip(mine, same, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_training_that_diverges_says_so(name, fit, sentence):
    rate = {"lr": 1e30} if name == "SEGZSL" else {"gan_lr": 1e30}
    with sentence(FloatingPointError, "diverged", "lower"), np.errstate(all="ignore"):
        fit(name, **rate)


@pytest.mark.parametrize("name", NAMES)
def test_the_callback_sees_every_phase_to_its_end(name, fit):
    seen = {}
    fit(name, callback=lambda step, logs: seen.update({logs["phase"]: (step, logs["total"])}))
    phases = {"SEGZSL": {"vae", "classifier"}, "CEWGANOD": {"gan", "classifier", "detector"}}
    assert set(seen) == phases.get(name, {"gan", "classifier"})
    assert all(step == total for step, total in seen.values())
