"""The fused critic against the general one, which the gradient checks cover."""

import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.critic import OneLayerCritic, WholeRowCritic, is_fusable
from tinygzsl.cwgan import CWGAN, critic_loss
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.runtime.threads import workers
from tinygzsl.settings import Settings

D, K = 33, 7


@pytest.fixture
def make_critic():
    """make_critic(hidden, units, dtype) -> a critic whose biases are not zero."""

    def make(hidden="leaky_relu", units=70, dtype="float64", layers=1):
        sizes = [D + K, *[units] * layers, 1]
        net = MLP.create(
            np, sizes, seed=3, purpose=Purpose.CHECK, std=None, hidden=hidden, dtype=dtype
        )
        net.params[1] += np.linspace(-0.5, 0.5, units, dtype=dtype)
        return net

    return make


@pytest.fixture
def make_batch():
    """make_batch(n, classes, dtype) -> x, fake, y, prototypes, alpha."""

    def make(n, classes, dtype="float64"):
        rng = np.random.default_rng(n + classes)
        x, fake, prototypes = (rng.normal(size=(r, c)) for r, c in ((n, D), (n, D), (classes, K)))
        y, alpha = rng.integers(0, classes, n), rng.random(n)
        return x.astype(dtype), fake.astype(dtype), y, prototypes.astype(dtype), alpha.astype(dtype)

    return make


@pytest.fixture(params=[OneLayerCritic, WholeRowCritic])
def version(request):
    """The fused critic for NumPy, and the one for CuPy."""
    return request.param


def fused_loss(version, critic, x, fake, y, prototypes, alpha, penalty=10.0):
    fused = version(critic, batch=len(x), d=D)
    fused.real[...], fused.fake[...] = x, fake
    return fused.loss(prototypes, y, alpha, penalty=penalty)


@pytest.mark.wheel
@pytest.mark.parametrize("hidden", ["leaky_relu", "relu", "linear"])
@pytest.mark.parametrize(("n", "classes"), [(1, 1), (5, 1), (8, 20), (31, 4), (64, 64), (33, 34)])
def test_terms_and_gradients_are_those_of_the_general_critic(
    version, make_critic, make_batch, hidden, n, classes
):
    critic, (x, fake, y, prototypes, alpha) = make_critic(hidden), make_batch(n, classes)
    terms, grads = fused_loss(version, critic, x, fake, y, prototypes, alpha)
    expected, others = critic_loss(critic, x, fake, prototypes[y], alpha[:, None], penalty=10.0)
    assert {k: float(v) for k, v in terms.items()} == pytest.approx(expected, rel=1e-12)
    for mine, other in zip(grads, others, strict=True):
        assert mine.shape == other.shape
        assert np.linalg.norm(mine - other) <= 1e-13 * max(1, np.linalg.norm(other))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_neither_threads_nor_the_type_change_more_than_rounding(
    version, make_critic, make_batch, threads, dtype
):
    critic, batch = make_critic(units=200, dtype=dtype), make_batch(40, 9, dtype)
    with workers(threads):
        terms, grads = fused_loss(version, critic, *batch)
    x, fake, y, prototypes, alpha = batch
    expected, others = critic_loss(critic, x, fake, prototypes[y], alpha[:, None], penalty=10.0)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert terms["loss"] == pytest.approx(expected["loss"], rel=tolerance)
    for mine, other in zip(grads, others, strict=True):
        assert mine.dtype == dtype
        assert np.linalg.norm(mine - other) <= tolerance * max(1, np.linalg.norm(other))


def test_an_input_gradient_of_zero_has_no_penalty_gradient(version, make_critic, make_batch):
    critic, (x, fake, y, prototypes, alpha) = make_critic(), make_batch(6, 3)
    critic.params[2][:] = 0
    terms, grads = fused_loss(version, critic, x, fake, y, prototypes, alpha)
    assert terms["penalty"] == 10  # (0 - 1)^2 for each
    assert not grads[0].any()
    assert np.isfinite(grads[2]).all()


def test_a_second_batch_leaves_nothing_of_the_first(version, make_critic, make_batch):
    critic = make_critic()
    fused = version(critic, batch=12, d=D)
    for seed_classes in (20, 3):  # with a column per sample, then one per class
        x, fake, y, prototypes, alpha = make_batch(12, seed_classes)
        fused.real[...], fused.fake[...] = x, fake
        _, grads = fused.loss(prototypes, y, alpha, penalty=10.0)
    _, expected = fused_loss(version, critic, x, fake, y, prototypes, alpha)
    assert all(np.array_equal(a, b) for a, b in zip(grads, expected, strict=True))


def test_only_one_layer_without_curvature_is_fused(make_critic):
    assert is_fusable(make_critic("relu"))
    assert not is_fusable(make_critic("tanh"))
    assert not is_fusable(make_critic("relu", layers=2))
    assert not is_fusable(MLP(make_critic("relu").params, hidden="relu", output="tanh"))


@pytest.mark.wheel
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 2e-3)])
def test_after_200_steps_the_fused_and_the_reference_path_agree(dtype, tolerance):
    rng = np.random.default_rng(0)
    prototypes, means, y = rng.random((12, K)), rng.random((12, D)), np.arange(240) % 12
    x = np.maximum(means[y] + 0.1 * rng.normal(size=(240, D)), 0).astype(dtype)
    settings = Settings(gan_generator_hidden=(64,), gan_critic_hidden=(64,), gan_batch=32)

    def train():
        gan = CWGAN(np, d=D, k=K, settings=settings, seed=0, dtype=dtype)
        start = np.concatenate([p.ravel() for p in gan.generator.params + gan.critic.params])
        for _ in range(200):
            gan.train_step(x, y, prototypes.astype(dtype))
        end = np.concatenate([p.ravel() for p in gan.generator.params + gan.critic.params])
        return end, np.linalg.norm(end - start)

    with workers(2):
        fused, way = train()
    with kernels.reference_only():
        reference, _ = train()
    assert way > 0.05 * np.linalg.norm(reference)
    assert np.linalg.norm(fused - reference) < tolerance * np.linalg.norm(reference)


def test_in_float32_what_cancels_in_the_gradient_of_w_a_leaves_no_rounding(version):
    """The prototypes' part of an outer step's update, relative to the same step in float64.

    Fake and real samples share their prototypes, so their parts cancel wherever both lie on one
    side of the kink, and Adam's first steps have the size of gan_lr whatever the gradient's.
    """
    d, k, n_classes = 200, 40, 30
    rng = np.random.default_rng(0)
    prototypes, means = rng.random((n_classes, k)), np.maximum(rng.normal(size=(n_classes, d)), 0)
    y = np.arange(600) % n_classes
    x = np.maximum(means[y] + 0.1 * rng.normal(size=(600, d)), 0).astype("float32")
    prototypes = prototypes.astype("float32")
    settings = Settings(gan_generator_hidden=(128,), gan_critic_hidden=(256,), gan_batch=64)

    def update(dtype):
        gan, start = (
            CWGAN(np, d=d, k=k, settings=settings, seed=0, dtype=kind)
            for kind in (dtype, "float32")
        )
        for mine, other in zip(
            gan.generator.params + gan.critic.params,
            start.generator.params + start.critic.params,
            strict=True,
        ):
            mine[...] = other
        gan._fused = version(gan.critic, batch=settings.gan_batch, d=d)
        gan.train_step(x.astype(dtype), y, prototypes.astype(dtype))
        return gan.critic.params[0][:, d:].astype("float64") - start.critic.params[0][:, d:]

    wanted = update("float64")
    assert np.linalg.norm(update("float32") - wanted) < 5e-5 * np.linalg.norm(wanted)
