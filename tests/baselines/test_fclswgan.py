import numpy as np
import pytest

from tinygzsl.baselines.common.synthetic import Softmax
from tinygzsl.baselines.fclswgan import FCLSWGAN, classification_loss
from tinygzsl.cwgan import CWGAN, generator_loss
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.settings import settings_for

D, K, M, N, CLASSES = 5, 3, 2, 6, 4


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def classifier(rng):
    return Softmax(rng.normal(size=(CLASSES, D)), rng.normal(size=CLASSES))


def network(sizes, step, output="linear"):
    common = {"seed": 0, "purpose": Purpose.CHECK, "step": step, "std": None, "dtype": "float64"}
    return MLP.create(np, sizes, hidden="tanh", output=output, **common)


def test_the_classification_loss_and_its_gradient(rng, classifier):
    fake, y = rng.normal(size=(N, D)), rng.integers(0, CLASSES, N)
    loss, dfake = classification_loss(classifier, fake, y, weight=0.3)
    p = np.exp(fake @ classifier.w.T + classifier.b)
    p /= p.sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-0.3 * np.log(p[np.arange(N), y]).mean())
    check = Check(
        "classification loss",
        [fake],
        [dfake],
        lambda: classification_loss(classifier, fake, y, weight=0.3)[0],
    )
    assert run_check(check).passed


@pytest.mark.parametrize("output", ["relu", "sigmoid", "linear"])
def test_the_gradient_of_the_generators_loss_with_its_classification_term(rng, classifier, output):
    generator, critic = network([M + K, 7, D], 1, output), network([D + K, 7, 1], 2)
    z, a, y = rng.normal(size=(N, M)), rng.normal(size=(N, K)), rng.integers(0, CLASSES, N)

    def extra(fake):
        return classification_loss(classifier, fake, y, weight=0.7)

    loss, grads = generator_loss(generator, critic, z, a, extra=extra)
    fake = generator.forward(np.concatenate([z, a], axis=1))[0]
    plain = generator_loss(generator, critic, z, a)
    assert loss == pytest.approx(plain[0] + extra(fake)[0])
    check = Check(
        "f-CLSWGAN",
        generator.params,
        grads,
        lambda: generator_loss(generator, critic, z, a, extra=extra)[0],
    )
    assert run_check(check).passed


def test_without_its_weight_it_is_the_cwgan_of_this_library(fit, make, tiny_dataset):
    data = tiny_dataset()
    model = fit("FCLSWGAN", classification_weight=0.0, seed=5)
    x = model._feature_scaler.apply(data.X_train)
    a = model._seen_prototypes
    index = np.searchsorted(data.seen_classes, data.y_train)
    given = {k: v for k, v in model.get_params().items() if k.startswith("gan_")}
    gan = CWGAN(np, d=12, k=6, settings=settings_for("paper", given), seed=5, dtype="float32")
    for _ in range(model.gan_max_epochs * 3):  # 150 samples in batches of 50
        gan.train_step(x, index, a)
    for mine, same in zip(model._generator.params, gan.generator.params, strict=True):
        assert np.array_equal(mine, same)


def test_the_classification_term_makes_samples_that_a_classifier_knows(fit, classes_of_samples):
    few = {"gan_max_epochs": 15, "gan_lr": 5e-3}
    weak, strong = (
        classes_of_samples(fit("FCLSWGAN", classification_weight=w, **few)) for w in (0.0, 10.0)
    )
    assert strong > weak + 0.1


def test_the_published_settings_are_the_defaults():
    model = FCLSWGAN()
    assert (model.classification_weight, model.per_class, model.gan_latent) == (0.01, 300, 0)
    assert model.gan_generator_hidden == model.gan_critic_hidden == (4096,)
    assert not model.strict
