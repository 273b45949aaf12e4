import numpy as np
import pytest

from tinygzsl import cwgan
from tinygzsl.cwgan import CWGAN, critic_loss, generator_forward, generator_loss
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.settings import Settings

D, K = 5, 3
SMALL = {
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "gan_lr": 1e-3,
    "gan_batch": 8,
    "gan_output": "linear",
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def critic():
    return MLP.create(
        np, [D + K, 7, 1], seed=1, purpose=Purpose.CHECK, std=None, hidden="tanh", dtype="float64"
    )


@pytest.fixture
def batch(rng):
    """x, fake, a and alpha of six samples."""
    x, fake, a = (rng.normal(size=(6, width)) for width in (D, D, K))
    return x, fake, a, rng.random((6, 1))


@pytest.fixture
def data(rng):
    """x (60, D) around the means of 4 classes, y and prototypes (4, K), as float32."""
    prototypes, means, y = rng.random((4, K)), rng.normal(size=(4, D)), np.arange(60) % 4
    x = means[y] + 0.1 * rng.normal(size=(60, D))
    return x.astype(np.float32), y, prototypes.astype(np.float32)


@pytest.fixture
def make():
    """make(seed, **changes) -> a small CWGAN for `data`."""

    def make(seed=0, dtype="float32", **changes):
        return CWGAN(
            np, d=D, k=K, settings=Settings(**{**SMALL, **changes}), seed=seed, dtype=dtype
        )

    return make


def train(gan, data, steps):
    for _ in range(steps):
        terms = gan.train_step(*data)
    return terms


def saved(gan):
    return {name: np.array(value) for name, value in gan.state().items()}


def same_bits(gan, other):
    state, expected = saved(gan), saved(other)
    assert state.keys() == expected.keys()
    return all(np.array_equal(state[name], expected[name]) for name in state)


# The losses


@pytest.mark.wheel
def test_critic_loss_by_finite_differences(critic, batch):
    x, fake, a, alpha = batch

    def scores(samples):
        return critic.forward(np.concatenate([samples, a], axis=1))[0][:, 0]

    mixed, h = alpha * x + (1 - alpha) * fake, 1e-5
    steps = h * np.eye(D)
    g = np.stack([(scores(mixed + e) - scores(mixed - e)) / (2 * h) for e in steps], axis=1)
    penalty = 10 * ((np.linalg.norm(g, axis=1) - 1) ** 2).mean()
    distance = scores(x).mean() - scores(fake).mean()

    terms, _ = critic_loss(critic, x, fake, a, alpha, penalty=10.0)
    assert terms["wasserstein"] == pytest.approx(distance, rel=1e-12)
    assert terms["penalty"] == pytest.approx(penalty, rel=1e-8)
    assert terms["loss"] == pytest.approx(scores(fake).mean() - scores(x).mean() + penalty)


@pytest.mark.wheel
def test_alpha_one_is_the_real_sample_and_zero_the_fake(critic, batch):
    x, fake, a, _ = batch

    def penalty(x, fake, alpha):
        return critic_loss(critic, x, fake, a, np.full((6, 1), alpha), penalty=10.0)[0]["penalty"]

    assert penalty(x, fake, 1.0) == penalty(x, 2 * fake, 1.0) != penalty(2 * x, fake, 1.0)
    assert penalty(x, fake, 0.0) == penalty(2 * x, fake, 0.0) != penalty(x, 2 * fake, 0.0)
    assert penalty(x, fake, 0.25) == penalty(fake, x, 0.75)


@pytest.mark.parametrize("slope_of_a", [0.0, 100.0])
def test_the_penalty_is_about_x_and_never_a(batch, slope_of_a):
    w = np.array([[3.0, 4.0, 0.0, 0.0, 0.0, *[slope_of_a] * K]])
    terms, grads = critic_loss(MLP([w, np.zeros(1)]), *batch, penalty=10.0)
    assert terms["penalty"] == pytest.approx(10 * (5 - 1) ** 2)
    x, fake, _, _ = batch
    of_penalty = 2 * 10 * 4 * np.array([0.6, 0.8, 0, 0, 0])
    assert np.allclose(grads[0][0, :D], (fake - x).mean(axis=0) + of_penalty)
    assert np.allclose(grads[0][0, D:], 0, atol=1e-12)  # real and fake share a


def test_without_a_weight_there_is_no_penalty(critic, batch):
    x, fake, a, alpha = batch
    terms, grads = critic_loss(critic, x, fake, a, alpha, penalty=0.0)
    _, other = critic_loss(critic, x, fake, a, 1 - alpha, penalty=0.0)
    assert terms["penalty"] == 0
    assert terms["loss"] == -terms["wasserstein"]
    for mine, same in zip(grads, other, strict=True):
        assert np.allclose(mine, same, atol=1e-15)


def test_generator_loss_is_minus_the_mean_score(critic, rng):
    generator = MLP.create(
        np, [2 + K, 6, D], seed=2, purpose=Purpose.CHECK, std=None, output="relu", dtype="float64"
    )
    z, a = rng.normal(size=(6, 2)), rng.normal(size=(6, K))
    fake, _ = generator_forward(generator, z, a)
    assert np.array_equal(fake, generator.forward(np.concatenate([z, a], axis=1))[0])
    loss, grads = generator_loss(generator, critic, z, a)
    assert loss == pytest.approx(-critic.forward(np.concatenate([fake, a], axis=1))[0].mean())
    for p, grad in zip(generator.params, grads, strict=True):
        p -= 0.01 * grad
    assert generator_loss(generator, critic, z, a)[0] < loss


def test_losses_keep_float32(batch):
    net = MLP.create(np, [D + K, 7, 1], seed=1, purpose=Purpose.CHECK, std=None)
    generator = MLP.create(np, [K + K, 7, D], seed=1, purpose=Purpose.CHECK, std=None)
    x, fake, a, alpha = (array.astype(np.float32) for array in batch)
    _, grads = critic_loss(net, x, fake, a, alpha, penalty=10.0)
    grads += generator_loss(generator, net, a, a)[1]
    assert {grad.dtype for grad in grads} == {np.dtype("float32")}


# The networks


def test_networks_follow_the_settings(make):
    gan = make(gan_generator_hidden=(9, 8), gan_critic_hidden=(7, 6), gan_output="sigmoid")
    assert (gan.latent, make(gan_latent=11).latent) == (K, 11)
    assert make(gan_latent=11).generator.sizes[0] == 11 + K
    assert gan.generator.sizes == [K + K, 9, 8, D]
    assert gan.critic.sizes == [D + K, 7, 6, 1]
    assert (gan.generator.hidden, gan.generator.output) == ("leaky_relu", "sigmoid")
    assert (gan.critic.hidden, gan.critic.output) == ("leaky_relu", "linear")
    assert gan.generator_adam.lr == gan.critic_adam.lr == 1e-3
    assert gan.generator_adam.betas == gan.critic_adam.betas == (0.5, 0.999)


@pytest.mark.parametrize(("output", "low", "high"), [("relu", 0, 1e9), ("sigmoid", 0, 1)])
def test_outputs_stay_in_the_range_of_their_scaler(make, rng, output, low, high):
    gan = make(gan_output=output)
    z, a = (rng.normal(size=(50, K)).astype(np.float32) * 50 for _ in range(2))
    fake, _ = generator_forward(gan.generator, z, a)
    assert low <= fake.min() <= fake.max() <= high


def test_an_unknown_output_is_refused(make, sentence):
    with sentence(ValueError, "gan_output is 'softmax'", "relu, sigmoid, linear"):
        make(gan_output="softmax")


# Training


@pytest.mark.wheel
@pytest.mark.parametrize("critic_steps", [1, 5])
def test_the_critic_takes_its_steps_per_step_of_the_generator(make, data, critic_steps):
    gan = make(gan_critic_steps=critic_steps)
    terms = train(gan, data, 3)
    assert gan.step == gan.generator_adam.t == 3
    assert gan.critic_adam.t == 3 * critic_steps
    assert set(terms) == {"wasserstein", "penalty", "loss", "generator"}
    assert all(np.ndim(term) == 0 and np.isfinite(term) for term in terms.values())


def test_batches_are_real_samples_with_their_own_prototypes(make, data, monkeypatch):
    x, y, prototypes = data
    calls, generator_calls = [], []

    def spy(critic, *batch, penalty):
        calls.append((*batch, penalty))
        return critic_loss(critic, *batch, penalty=penalty)

    def spy_on_generator(generator, critic, *batch, **options):
        generator_calls.append(batch)
        return generator_loss(generator, critic, *batch, **options)

    monkeypatch.setattr(cwgan, "critic_loss", spy)
    monkeypatch.setattr(cwgan, "generator_loss", spy_on_generator)
    curved = {"gan_activation": "tanh"}  # a critic that isn't fused
    train(make(gan_batch=10, gan_critic_steps=2, gan_penalty=7.0, **curved), data, 30)
    rows = np.array([[np.flatnonzero((x == r).all(axis=1))[0] for r in c[0]] for c in calls])
    assert rows.shape == (60, 10)
    for mine, (_, fake, a, alpha, penalty) in zip(rows, calls, strict=True):
        assert np.array_equal(a, prototypes[y[mine]])
        assert fake.shape == (10, D)
        assert alpha.shape == (10, 1)
        assert penalty == 7
    assert np.unique(rows).size == 60  # 600 draws with replacement reach every sample
    assert len({tuple(r) for r in rows}) == 60  # and no batch comes twice
    alphas = np.concatenate([alpha for _, _, _, alpha, _ in calls])
    assert np.unique(alphas).size > 590
    assert 0 <= alphas.min() < 0.02
    assert 0.98 < alphas.max() < 1
    for i in range(2):  # noise and prototypes of the generator's steps
        assert len({batch[i].tobytes() for batch in generator_calls}) == 30


def test_training_brings_generated_samples_to_their_classes(make, data):
    x, y, prototypes = data
    means = np.stack([x[y == c].mean(axis=0) for c in range(4)])
    gan = make(gan_batch=32, gan_lr=1e-2)
    z, a = np.random.default_rng(3).normal(size=(400, K)), np.repeat(prototypes, 100, axis=0)

    def error():
        fake, _ = generator_forward(gan.generator, z, a)
        return np.linalg.norm(fake.reshape(4, 100, D).mean(axis=1) - means, axis=1).mean()

    before = error()
    train(gan, data, 300)
    assert error() < 0.5 * before


@pytest.mark.wheel
def test_the_same_seed_gives_the_same_bits_and_another_does_not(make, data):
    gans = [make(seed) for seed in (3, 3, 4)]
    for gan in gans:
        train(gan, data, 4)
    assert same_bits(gans[0], gans[1])
    assert not same_bits(gans[0], gans[2])


@pytest.mark.wheel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_five_and_five_steps_are_ten(make, data, dtype):
    data = data[0].astype(dtype), data[1], data[2].astype(dtype)
    whole, first, second = (make(dtype=dtype) for _ in range(3))
    train(whole, data, 10)
    train(first, data, 5)
    second.restore(saved(first))
    assert second.step == second.generator_adam.t == 5
    assert second.critic_adam.t == 25
    train(second, data, 5)
    assert same_bits(second, whole)
    assert not same_bits(first, whole)


def test_restore_copies_in_place(make, data):
    gan, other = make(), make(seed=9)
    train(other, data, 2)
    params = gan.critic.params[0]
    gan.restore(other.state())
    assert gan.critic.params[0] is params
    assert same_bits(gan, other)
    train(other, data, 1)
    assert not same_bits(gan, other)


def test_the_state_names_parameters_moments_and_the_step(make):
    state = make().state()
    assert state["step"] == 0
    names = {f"{n}.{part}{i}" for n in ("generator", "critic") for part in "pmv" for i in range(4)}
    assert set(state) == {"step", *names}


def test_training_changes_none_of_its_inputs(make, data):
    before = [array.copy() for array in data]
    train(make(), data, 2)
    for array, copy in zip(data, before, strict=True):
        assert np.array_equal(array, copy)


def test_parameters_keep_float32(make, data):
    gan = make()
    train(gan, data, 2)
    kinds = {value.dtype for name, value in gan.state().items() if name != "step"}
    assert kinds == {np.dtype("float32")}
