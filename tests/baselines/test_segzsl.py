import numpy as np
import pytest

from tinygzsl.baselines.segzsl import Weights, regressor_loss, vae_loss
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.nn.adam import Adam
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose

D, K, M, N = 5, 3, 2, 6
WEIGHTS = Weights(0.8, 0.3, 0.6)


def network(sizes, step):
    common = {"seed": 0, "purpose": Purpose.CHECK, "step": step, "std": None, "dtype": "float64"}
    return MLP.create(np, sizes, hidden="tanh", **common)


@pytest.fixture
def batch():
    """x, a, z and eps."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(N, width)) for width in (D, K, M, M))


@pytest.fixture
def networks():
    """Encoder, generator and regressor."""
    return network([D, 7, 2 * M], 1), network([M + K, 7, D], 2), network([D, 7, K], 3)


def test_the_gradient_of_the_generator_is_that_of_the_whole_loss(networks, batch):
    _, _, grads = vae_loss(*networks, *batch, WEIGHTS)
    check = Check(
        "SE-GZSL, generator",
        networks[1].params,
        grads,
        lambda: vae_loss(*networks, *batch, WEIGHTS)[0]["loss"],
    )
    assert run_check(check).passed


def test_the_gradient_of_the_encoder_is_that_of_the_vae(networks, batch):
    _, grads, _ = vae_loss(*networks, *batch, WEIGHTS)

    def vae():
        terms, _, _ = vae_loss(*networks, *batch, WEIGHTS)
        return terms["kl"] + terms["reconstruction"]

    assert run_check(Check("SE-GZSL, encoder", networks[0].params, grads, vae)).passed


def test_the_gradient_of_the_regressor(networks, batch):
    regressor, (x, a, *_) = networks[2], batch
    loss, grads = regressor_loss(regressor, x, a, x[::-1] + 0.5, weight=0.4)
    real, made = (regressor.forward(v)[0] for v in (x, x[::-1] + 0.5))
    expected = ((real - a) ** 2).sum() + 0.4 * ((made - a) ** 2).sum()
    assert loss == pytest.approx(0.5 * expected / N)
    check = Check(
        "SE-GZSL, regressor",
        regressor.params,
        grads,
        lambda: regressor_loss(regressor, x, a, x[::-1] + 0.5, weight=0.4)[0],
    )
    assert run_check(check).passed


def test_the_terms_by_their_definition(networks, batch):
    (encoder, generator, regressor), (x, a, z, eps) = networks, batch

    def kl(samples):
        code = encoder.forward(samples)[0]
        mu, variance = code[:, :M], np.exp(code[:, M:])
        return 0.5 * (variance + mu**2 - 1 - np.log(variance)).sum() / N

    def generated(latent):
        return generator.forward(np.concatenate([latent, a], axis=1))[0]

    code = encoder.forward(x)[0]
    decoded = generated(code[:, :M] + np.exp(code[:, M:] / 2) * eps)
    fake = generated(z)
    terms, _, _ = vae_loss(*networks, *batch, WEIGHTS)
    assert terms["kl"] == pytest.approx(kl(x))
    assert terms["reconstruction"] == pytest.approx(0.5 * ((x - decoded) ** 2).sum() / N)
    assert terms["prior"] == pytest.approx(0.3 * 0.5 * ((x - fake) ** 2).sum() / N)
    assert terms["latent"] == pytest.approx(0.6 * kl(fake))
    read = regressor.forward(fake)[0]
    assert terms["attributes"] == pytest.approx(0.8 * 0.5 * ((read - a) ** 2).sum() / N)
    total = sum(value for name, value in terms.items() if name != "loss")
    assert terms["loss"] == pytest.approx(total)


def test_descent_on_one_batch_lowers_the_vaes_loss_at_every_step(networks, batch):
    adam, losses = Adam(networks[0].params + networks[1].params, lr=1e-3), []
    for _ in range(50):
        terms, *grads = vae_loss(*networks, *batch, Weights(0.0, 0.0, 0.0))
        losses.append(terms["loss"])
        adam.step(grads[0] + grads[1])
    assert (np.diff(losses) < 0).all()


def test_generated_samples_gather_around_their_classes(fit, classes_of_samples):
    assert classes_of_samples(fit("SEGZSL", epochs=30)) > 0.8
