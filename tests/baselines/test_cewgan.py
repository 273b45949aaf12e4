import numpy as np
import pytest

from tinygzsl.baselines.cewgan import EmbeddingTerms, cosine_embedding_loss, reconstruction_loss
from tinygzsl.baselines.common.detector import detector_entropy, detector_loss, train_detector
from tinygzsl.cwgan import generator_loss
from tinygzsl.explain.gradcheck import Check, run_check
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose

D, K, M, N, CLASSES = 5, 3, 2, 6, 4


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def network(sizes, step, hidden="tanh"):
    common = {"seed": 0, "purpose": Purpose.CHECK, "step": step, "std": None, "dtype": "float64"}
    return MLP.create(np, sizes, hidden=hidden, **common)


# The terms of the generator's loss


def test_cosine_embedding_by_hand():
    fake, real = np.array([[3.0, 0], [0, 2], [1, 1]]), np.array([[1.0, 0], [0, -1], [1, 0]])
    same = np.array([True, True, False])
    loss, _ = cosine_embedding_loss(fake, real, same, weight=0.5)
    assert loss == pytest.approx(0.5 * (0 + 2 + 0.5**0.5) / 3)
    far, gradient = cosine_embedding_loss(fake[1:2], real[1:2], same[2:], weight=0.5)
    assert far == 0
    assert not gradient.any()  # it points away from a sample of another class: all is well


def test_the_gradient_of_cosine_embedding(rng):
    fake, real, same = rng.normal(size=(N, D)), rng.normal(size=(N, D)), np.arange(N) % 2 == 0
    _, dfake = cosine_embedding_loss(fake, real, same, weight=0.8)
    check = Check(
        "cosine embedding",
        [fake],
        [dfake],
        lambda: cosine_embedding_loss(fake, real, same, weight=0.8)[0],
    )
    assert run_check(check).passed


def test_a_sample_of_zeros_has_no_direction():
    zeros = np.zeros((2, 3), np.float32)
    loss, dfake = cosine_embedding_loss(zeros, zeros + 1, np.ones(2, bool), weight=1.0)
    assert loss == 1
    assert np.isfinite(dfake).all()


def test_the_gradients_of_reconstruction(rng):
    decoder, x, a = network([D, 7, K], 1), rng.normal(size=(N, D)), rng.normal(size=(N, K))
    loss, dx, grads = reconstruction_loss(decoder, x, a, weight=0.4)
    assert loss == pytest.approx(0.4 * ((decoder.forward(x)[0] - a) ** 2).mean())
    check = Check(
        "reconstruction",
        [x, *decoder.params],
        [dx, *grads],
        lambda: reconstruction_loss(decoder, x, a, weight=0.4)[0],
    )
    assert run_check(check).passed


@pytest.fixture
def terms(rng):
    """The terms of 12 samples of 4 classes, with a decoder that takes no steps."""
    x, a = rng.normal(size=(12, D)), rng.normal(size=(CLASSES, K))
    terms = EmbeddingTerms(
        x,
        np.arange(12) % CLASSES,
        a,
        hidden=(7,),
        cosine_weight=0.5,
        reconstruction_weight=0.7,
        lr=1e-3,
        seed=0,
    )
    terms.adam.step = lambda grads: None
    return terms


def test_all_terms_by_their_definition(rng, terms):
    fake, rows = rng.normal(size=(N, D)), np.array([0, 4, 1, 2, 3, 7])

    def cos(u, v):
        return u @ v / np.linalg.norm(u) / np.linalg.norm(v)

    near = np.mean([1 - cos(fake[i], terms.x[rows[i]]) for i in range(N)])
    far = 0
    for i in range(N):
        other = rows[i - 1]  # the batch, shifted by one
        c, same = cos(fake[i], terms.x[other]), other % CLASSES == rows[i] % CLASSES
        far += (1 - c if same else max(0, c)) / N
    decoded = ((terms.decoder.forward(fake)[0] - terms.a[rows % CLASSES]) ** 2).mean()
    assert terms(fake, rows)[0] == pytest.approx(0.5 * (near + far) + 0.7 * decoded)


def test_the_gradient_of_the_generators_loss_with_all_terms(rng, terms):
    generator, critic = network([M + K, 7, D], 2), network([D + K, 7, 1], 3)
    z, rows = rng.normal(size=(N, M)), np.array([0, 4, 1, 2, 3, 7])
    a = terms.a[rows % CLASSES]

    def loss():
        return generator_loss(generator, critic, z, a, extra=lambda fake: terms(fake, rows))

    check = Check("CEWGAN", generator.params, loss()[1], lambda: loss()[0])
    assert run_check(check).passed


def test_the_decoder_learns_to_read_samples(rng):
    a = rng.normal(size=(CLASSES, K)).astype(np.float32)
    index = np.arange(40) % CLASSES
    x = (a @ rng.normal(size=(K, D)))[index].astype(np.float32)
    terms = EmbeddingTerms(
        x, index, a, hidden=(32,), cosine_weight=0.1, reconstruction_weight=0.01, lr=1e-2, seed=0
    )
    before = reconstruction_loss(terms.decoder, x, a[index], weight=1.0)[0]
    for _ in range(300):
        terms.train_decoder(np.arange(40))
    assert reconstruction_loss(terms.decoder, x, a[index], weight=1.0)[0] < 0.02 * before


# The detector


def test_the_gradient_of_the_detectors_loss(rng):
    detector, x, y = network([D, 7, 6, CLASSES], 1), rng.normal(size=(10, D)), np.arange(N) % 4
    terms, grads = detector_loss(detector, x, y)
    p = np.exp(detector.forward(x)[0])
    p /= p.sum(axis=1, keepdims=True)
    entropy = -(p * np.log(p)).sum(axis=1)
    expected = entropy[:N].mean() - np.log(p[np.arange(N), y]).mean() - entropy[N:].mean()
    assert terms["loss"] == pytest.approx(expected)
    assert np.allclose(detector_entropy(detector, x), entropy)
    check = Check(
        "detector", detector.params, grads, lambda: detector_loss(detector, x, y)[0]["loss"]
    )
    assert run_check(check).passed


def test_the_detector_is_sure_of_seen_samples_and_of_nothing_else(rng):
    centres, y = 3 * rng.normal(size=(CLASSES, D)), np.arange(120) % CLASSES
    x = (centres[y] + 0.3 * rng.normal(size=(120, D))).astype(np.float32)
    fakes = (8 + 0.3 * rng.normal(size=(120, D))).astype(np.float32)
    logs = []
    detector = train_detector(
        x,
        y,
        fakes,
        [D, 16, CLASSES],
        epochs=60,
        batch=20,
        seed=0,
        callback=lambda step, log: logs.append((step, log["total"])),
    )
    assert logs[-1] == (360, 360)
    assert len(logs) == 360
    assert detector_entropy(detector, x).mean() < 0.2
    assert detector_entropy(detector, fakes).mean() > 0.9 * np.log(CLASSES)
    assert (detector.forward(x)[0].argmax(axis=1) == y).mean() > 0.95


# The whole


def test_the_greatest_score_is_the_detectors_and_the_classifiers_choice(fit, tiny_dataset):
    data = tiny_dataset()
    model = fit("CEWGANOD", detector_epochs=40)  # enough for entropies that differ
    x = model._feature_scaler.apply(data.X_test)
    entropy = detector_entropy(model._detector, x)
    train = model._feature_scaler.apply(data.X_train)
    mean = detector_entropy(model._detector, train).mean()
    assert model._threshold == pytest.approx(mean, rel=1e-5)
    as_seen = data.seen_classes[model._seen_classifier.logits(x).argmax(axis=1)]
    as_unseen = data.unseen_classes[model._unseen_classifier.logits(x).argmax(axis=1)]
    expected = np.where(entropy < model._threshold, as_seen, as_unseen)
    labels = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    assert np.array_equal(labels, expected)
    assert 0 < (entropy < model._threshold).mean() < 1
    model.offset = -0.5 * np.log(5) / model.score_scale_  # a threshold higher by (ln 5) / 2
    labels = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    moved = entropy < model._threshold + 0.5 * np.log(5)
    assert np.array_equal(labels, np.where(moved, as_seen, as_unseen))


def test_without_its_terms_the_generator_is_the_cwgan_of_f_clswgan(fit):
    weights = {"cosine_weight": 0.0, "reconstruction_weight": 0.0, "gan_generator_hidden": (16,)}
    mine = fit("CEWGANOD", **weights)._generator.params
    same = fit("FCLSWGAN", classification_weight=0.0)._generator.params
    assert all(np.array_equal(p, q) for p, q in zip(mine, same, strict=True))
