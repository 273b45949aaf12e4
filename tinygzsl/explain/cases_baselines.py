"""The gradient checks of the baselines: the objective of each that is trained by gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..baselines import cewgan, dsen_loss, fclswgan, fvaegan, psr, sadle, segzsl
from ..baselines.ale import ALE
from ..baselines.common import detector
from ..baselines.common.networks import parameters
from ..baselines.common.ranking import bilinear_loss
from ..baselines.common.synthetic import Softmax
from ..baselines.dem import dem_loss
from ..baselines.sync import one_versus_other_loss
from .draw import CLASSES, D, Draw, K, N
from .gradcheck import Check

M = 4  # latent units
RANKING = {
    "ALE": ALE()._weights(CLASSES),
    "DeViSE": np.ones(CLASSES),
    "SJE": None,
}


def baseline_cases() -> list[Callable[[Draw], Check]]:
    """Every case of this file."""
    cases = [ranking_case(name) for name in RANKING]
    cases += [sync_case, dem_case, psr_case, sadle_case, dsen_case, fclswgan_case]
    cases += [segzsl_regressor_case, segzsl_encoder_case, segzsl_generator_case]
    cases += [fvaegan_case(output) for output in ("sigmoid", "linear")]
    return [*cases, cosine_embedding_case, decoder_case, detector_case]


def ranking_case(name: str) -> Callable:
    """The bilinear score's ranking loss with the weights of a method."""

    def case(draw: Draw) -> Check:
        w, batch = draw.normal(D, K), (draw.normal(N, D), draw.labels(N), draw.normal(CLASSES, K))
        arguments = *batch, 1.0, RANKING[name]
        _, dw = bilinear_loss(w, *arguments)
        return Check(f"{name}, ranking loss", [w], [dw], lambda: bilinear_loss(w, *arguments)[0])

    return case


def sync_case(draw: Draw) -> Check:
    """SYNC's squared hinges with their L2 term."""
    w, x, signs = draw.normal(CLASSES, D), draw.normal(N, D), np.sign(draw.normal(N, CLASSES))
    _, dw = one_versus_other_loss(w, x, signs, 0.3)
    return Check("SYNC objective", [w], [dw], lambda: one_versus_other_loss(w, x, signs, 0.3)[0])


def dem_case(draw: Draw) -> Check:
    """DEM's distances with their weight decay."""
    net, counts = draw.mlp([K, 8, D], "relu", "relu"), np.array([2, 5, 3, 7])
    arguments = draw.normal(CLASSES, K), abs(draw.normal(CLASSES, D)), counts, 0.07
    _, grads = dem_loss(net, *arguments)
    return Check("DEM objective", net.params, grads, lambda: dem_loss(net, *arguments)[0])


def psr_case(draw: Draw) -> Check:
    """PSR's three terms; one anchor has no similar class and one no dissimilar class."""
    encoder, decoder = draw.mlp([K, 5, D], "relu"), draw.mlp([D, 5, K], "relu")
    samples = (draw.normal(N, D) for _ in range(3))
    x_i, x_j, x_k = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in samples)
    similar, dissimilar = np.linspace(0.6, 0.95, N), np.linspace(-0.9, 0.5, N)
    similar[0] = dissimilar[1] = np.nan
    triples = psr.Triples(draw.labels(N), x_i, x_j, x_k, similar, dissimilar)
    arguments = encoder, decoder, draw.normal(CLASSES, K), triples, 0.6, 0.7, 0.3
    _, encoder_grads, decoder_grads = psr.psr_loss(*arguments)
    return Check(
        "PSR objective",
        encoder.params + decoder.params,
        encoder_grads + decoder_grads,
        lambda: psr.psr_loss(*arguments)[0],
    )


def sadle_case(draw: Draw) -> Check:
    """SADLE's four terms."""
    nets = sadle.sadle_networks(D, K, CLASSES, M, draw.seed, "float64")
    y = draw.labels(N)
    arguments = nets, draw.normal(N, D), y, draw.normal(CLASSES, K)[y], 0.7, 1.3, 0.4
    _, grads = sadle.sadle_loss(*arguments)
    return Check(
        "SADLE objective",
        parameters(nets),
        grads,
        lambda: sadle.sadle_loss(*arguments)[0]["loss"],
    )


def dsen_case(draw: Draw) -> Check:
    """DSEN's four terms, with two unseen classes."""
    nets = dsen_loss.dsen_networks(D, K, CLASSES + 2, 2 * M, 5, draw.seed, "float64")
    prototypes = draw.normal(CLASSES + 2, K)
    arguments = nets, draw.normal(N, D), draw.labels(N), prototypes, CLASSES, 0.3, 1.7
    _, grads = dsen_loss.dsen_loss(*arguments)
    return Check(
        "DSEN objective",
        parameters(nets),
        grads,
        lambda: dsen_loss.dsen_loss(*arguments)[0]["loss"],
    )


def fclswgan_case(draw: Draw) -> Check:
    """What f-CLSWGAN adds to the generator's loss."""
    classifier = Softmax(draw.normal(CLASSES, D), draw.normal(CLASSES))
    fake, y = draw.normal(N, D), draw.labels(N)
    _, dfake = fclswgan.classification_loss(classifier, fake, y, 0.3)
    return Check(
        "f-CLSWGAN, classification loss",
        [fake],
        [dfake],
        lambda: fclswgan.classification_loss(classifier, fake, y, 0.3)[0],
    )


def segzsl_regressor_case(draw: Draw) -> Check:
    """SE-GZSL's regressor, on real samples and synthetic ones."""
    regressor = draw.mlp([D, 5, K], "relu")
    arguments = regressor, draw.normal(N, D), draw.normal(N, K), draw.normal(N, D), 0.4
    _, grads = segzsl.regressor_loss(*arguments)
    return Check(
        "SE-GZSL, regressor",
        regressor.params,
        grads,
        lambda: segzsl.regressor_loss(*arguments)[0],
    )


def _segzsl(draw: Draw) -> tuple:
    nets = (draw.mlp(sizes, "relu") for sizes in ([D, 5, 2 * M], [M + K, 5, D], [D, 5, K]))
    batch = (draw.normal(N, width) for width in (D, K, M, M))
    return *nets, *batch, segzsl.Weights(0.8, 0.3, 0.6)


def segzsl_encoder_case(draw: Draw) -> Check:
    """SE-GZSL's encoder, which L_VAE alone trains."""
    arguments = _segzsl(draw)
    _, grads, _ = segzsl.vae_loss(*arguments)

    def loss() -> float:
        terms = segzsl.vae_loss(*arguments)[0]
        return terms["kl"] + terms["reconstruction"]

    return Check("SE-GZSL, encoder", arguments[0].params, grads, loss)


def segzsl_generator_case(draw: Draw) -> Check:
    """SE-GZSL's generator."""
    arguments = _segzsl(draw)
    _, _, grads = segzsl.vae_loss(*arguments)
    return Check(
        "SE-GZSL, generator",
        arguments[1].params,
        grads,
        lambda: segzsl.vae_loss(*arguments)[0]["loss"],
    )


def fvaegan_case(output: str) -> Callable:
    """f-VAEGAN's encoder and generator; a sigmoid output has a Bernoulli likelihood."""

    def case(draw: Draw) -> Check:
        encoder = draw.mlp([D + K, 5, 2 * M], "leaky_relu")
        generator = draw.mlp([M + K, 5, D], "leaky_relu", output)
        critic = draw.mlp([D + K, 5, 1], "leaky_relu")
        x = 1 / (1 + np.exp(-draw.normal(N, D)))
        batch = x, *(draw.normal(N, width) for width in (K, M, M))
        arguments = encoder, generator, critic, *batch, 1.3
        _, encoder_grads, grads = fvaegan.vaegan_loss(*arguments)
        return Check(
            f"f-VAEGAN-D2, encoder and generator, output {output}",
            encoder.params + generator.params,
            encoder_grads + grads,
            lambda: fvaegan.vaegan_loss(*arguments)[0]["loss"],
        )

    return case


def cosine_embedding_case(draw: Draw) -> Check:
    """CEWGAN's cosine embedding, with samples of the same class and of others."""
    arguments = draw.normal(N, D), draw.normal(N, D), np.arange(N) % 2 == 0, 0.8
    _, dfake = cewgan.cosine_embedding_loss(*arguments)
    return Check(
        "CEWGAN, cosine embedding",
        [arguments[0]],
        [dfake],
        lambda: cewgan.cosine_embedding_loss(*arguments)[0],
    )


def decoder_case(draw: Draw) -> Check:
    """CEWGAN's decoder, with the gradient that goes on to the generator."""
    net, x, a = draw.mlp([D, 5, K], "leaky_relu"), draw.normal(N, D), draw.normal(N, K)
    _, dx, grads = cewgan.reconstruction_loss(net, x, a, 0.4)
    return Check(
        "CEWGAN, decoder",
        [x, *net.params],
        [dx, *grads],
        lambda: cewgan.reconstruction_loss(net, x, a, 0.4)[0],
    )


def detector_case(draw: Draw) -> Check:
    """CEWGAN's detector, on seen samples and synthetic ones."""
    net, x, y = draw.mlp([D, 5, CLASSES], "relu"), draw.normal(2 * N, D), draw.labels(N)
    _, grads = detector.detector_loss(net, x, y)
    return Check(
        "CEWGAN, detector",
        net.params,
        grads,
        lambda: detector.detector_loss(net, x, y)[0]["loss"],
    )
