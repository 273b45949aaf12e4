import numpy as np
import pytest

from tinygzsl.baselines.common.vae import (
    kl_backward,
    kl_forward,
    reconstruction_loss,
    reparameterise_backward,
    reparameterise_forward,
)
from tinygzsl.explain.gradcheck import Check, run_check

N, M, D = 6, 3, 5


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_reparameterised_samples_have_the_encoders_mean_and_deviation(rng):
    code = np.tile([1.0, -2.0, np.log(9.0), np.log(0.25)], (100_000, 1))
    z, _ = reparameterise_forward(code, rng.normal(size=(100_000, 2)))
    assert z.mean(axis=0) == pytest.approx([1, -2], abs=0.05)
    assert z.std(axis=0) == pytest.approx([3, 0.5], rel=0.02)


def test_the_gradient_of_reparameterisation(rng):
    code, eps, dz = rng.normal(size=(N, 2 * M)), rng.normal(size=(N, M)), rng.normal(size=(N, M))
    dcode = reparameterise_backward(dz, reparameterise_forward(code, eps)[1])
    check = Check(
        "reparameterisation",
        [code],
        [dcode],
        lambda: (dz * reparameterise_forward(code, eps)[0]).sum(),
    )
    assert run_check(check).passed


def test_kl_is_that_of_an_integral():
    mu, deviation = 0.7, 0.4
    t, step = np.linspace(-8, 8, 160_001, retstep=True)
    q = np.exp(-0.5 * ((t - mu) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    log_ratio = -0.5 * ((t - mu) / deviation) ** 2 - np.log(deviation) + 0.5 * t * t
    code = np.array([[mu, 2 * np.log(deviation)]])
    assert kl_forward(code)[0] == pytest.approx((q * log_ratio).sum() * step, rel=1e-6)
    assert kl_forward(np.zeros((4, 6)))[0] == 0
    both = np.concatenate([code, np.zeros((1, 2))])
    assert kl_forward(both)[0] == pytest.approx(kl_forward(code)[0] / 2)


def test_the_gradient_of_kl(rng):
    code = rng.normal(size=(N, 2 * M))
    dcode = kl_backward(1.7, kl_forward(code)[1])
    assert run_check(Check("KL", [code], [dcode], lambda: 1.7 * kl_forward(code)[0])).passed


@pytest.mark.parametrize("bernoulli", [False, True])
def test_reconstruction_is_the_negative_log_likelihood(rng, bernoulli):
    x, decoded = rng.random((N, D)), 0.05 + 0.9 * rng.random((N, D))
    if bernoulli:
        expected = -(x * np.log(decoded) + (1 - x) * np.log(1 - decoded)).sum(axis=1).mean()
    else:
        expected = 0.5 * ((x - decoded) ** 2).sum(axis=1).mean()
    loss, gradient = reconstruction_loss(decoded, x, weight=0.6, bernoulli=bernoulli)
    assert loss == pytest.approx(0.6 * expected)
    check = Check(
        "reconstruction",
        [decoded],
        [gradient],
        lambda: reconstruction_loss(decoded, x, weight=0.6, bernoulli=bernoulli)[0],
    )
    assert run_check(check).passed


def test_a_saturated_bernoulli_stays_finite():
    decoded = np.array([[0.0, 1.0, 0.0, 1.0]], np.float32)
    loss, gradient = reconstruction_loss(
        decoded, np.array([[0, 1, 1, 0]], np.float32), weight=1.0, bernoulli=True
    )
    assert loss == pytest.approx(2 * -np.log(1e-6), rel=1e-2)
    assert np.isfinite(gradient).all()
    assert gradient.dtype == np.float32
