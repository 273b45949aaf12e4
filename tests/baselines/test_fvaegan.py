import numpy as np
import pytest

from tinygzsl.baselines.fvaegan import FVAEGAN, VAEGAN, vaegan_loss
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.nn.adam import Adam
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose

D, K, M, N = 5, 3, 2, 6


def network(sizes, step, output="linear"):
    common = {"seed": 0, "purpose": Purpose.CHECK, "step": step, "std": None, "dtype": "float64"}
    return MLP.create(np, sizes, hidden="tanh", output=output, **common)


@pytest.fixture
def batch():
    """x in [0, 1], a, z and eps."""
    rng = np.random.default_rng(0)
    x = rng.random((N, D))
    return x, *(rng.normal(size=(N, width)) for width in (K, M, M))


@pytest.fixture(params=["sigmoid", "linear"])
def networks(request):
    """Encoder, generator with either output, and critic."""
    return (
        network([D + K, 7, 2 * M], 1),
        network([M + K, 7, D], 2, request.param),
        network([D + K, 7, 1], 3),
    )


def test_the_gradients_of_encoder_and_generator(networks, batch):
    encoder, generator, _ = networks
    _, encoder_grads, grads = vaegan_loss(*networks, *batch, weight=1.3)
    check = Check(
        "f-VAEGAN",
        encoder.params + generator.params,
        encoder_grads + grads,
        lambda: vaegan_loss(*networks, *batch, weight=1.3)[0]["loss"],
    )
    assert run_check(check).passed


def test_the_loss_by_its_definition(networks, batch):
    (encoder, generator, critic), (x, a, z, eps) = networks, batch
    terms, _, _ = vaegan_loss(*networks, *batch, weight=1.3)
    code = encoder.forward(np.concatenate([x, a], axis=1))[0]
    mu, sigma = code[:, :M], np.exp(code[:, M:] / 2)
    kl = np.mean(
        [(s**2 + m**2 - 1 - np.log(s**2)).sum() / 2 for m, s in zip(mu, sigma, strict=True)]
    )
    decoded = generator.forward(np.concatenate([mu + sigma * eps, a], axis=1))[0]
    if generator.output == "sigmoid":
        likelihood = np.log(decoded**x * (1 - decoded) ** (1 - x))
    else:
        likelihood = -0.5 * (x - decoded) ** 2
    fake = generator.forward(np.concatenate([z, a], axis=1))[0]
    wgan = -critic.forward(np.concatenate([fake, a], axis=1))[0].mean()
    reconstruction = -likelihood.sum(axis=1).mean()
    assert terms["kl"] == pytest.approx(kl)
    assert terms["reconstruction"] == pytest.approx(reconstruction)
    assert terms["wgan"] == pytest.approx(wgan)
    assert terms["loss"] == pytest.approx(kl + reconstruction + 1.3 * wgan)


def test_descent_on_one_batch_lowers_the_loss_at_every_step(networks, batch):
    encoder, generator, _ = networks
    adam, losses = Adam(encoder.params + generator.params, lr=1e-3), []
    for _ in range(50):
        terms, *grads = vaegan_loss(*networks, *batch, weight=0.1)
        losses.append(terms["loss"])
        adam.step(grads[0] + grads[1])
    assert (np.diff(losses) < 0).all()


def test_generated_samples_gather_around_their_classes(fit, classes_of_samples):
    more = {"gan_output": "sigmoid", "features": "minmax", "wgan_weight": 1.0}
    assert classes_of_samples(fit("FVAEGAN", gan_max_epochs=80, gan_lr=1e-2, **more)) > 0.8


def test_adam_has_the_published_betas(batch):
    model = FVAEGAN()
    gan = VAEGAN(
        batch[0],
        k=K,
        settings=model._settings(),
        hidden=(4,),
        weight=1.0,
        seed=0,
        dtype="float64",
    )
    assert gan.encoder_adam.betas == (0.9, 0.999)
    assert gan.generator_adam.betas == gan.critic_adam.betas == (0.5, 0.999)


def test_the_published_settings_are_the_defaults():
    model = FVAEGAN()
    assert (model.wgan_weight, model.gan_penalty, model.gan_lr) == (10, 10, 1e-4)
    assert model.encoder_hidden == model.gan_generator_hidden == (4096,)
    assert not model.strict
