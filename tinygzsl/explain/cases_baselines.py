"""Gradient checks of the objectives of all baselines that are trained by gradients."""

from __future__ import annotations

import numpy as np

from ..baselines import (
    cewgan,
    class_normalization,
    dsen_loss,
    fclswgan,
    fvaegan,
    psr,
    sadle,
    segzsl,
)
from ..baselines.common import detector
from ..baselines.common.networks import parameters
from ..baselines.common.synthetic import Softmax
from ..baselines.dem import dem_loss
from ..baselines.sync import one_versus_other_loss
from ..kernels import reference_only
from ..runtime.array import Array
from .cases import Case
from .cases_ranking import RANKING, ranking_case, ranking_step_case
from .draw import Draw
from .gradcheck import Check


def baseline_cases() -> list[Case]:
    """Every case of this file and of cases_ranking.py."""
    cases: list[Case] = [ranking_case(name) for name in RANKING]
    cases += [sync_case, dem_case, psr_case, sadle_case, dsen_case, fclswgan_case]
    cases += [segzsl_regressor_case, segzsl_encoder_case, segzsl_generator_case]
    cases += [fvaegan_case(output) for output in ("sigmoid", "linear")]
    cases += [cosine_embedding_case, decoder_case, detector_case]
    cases += [class_normalization_case, normalize_case]
    return cases + [ranking_step_case(name) for name in RANKING]


def sync_case(draw: Draw) -> Check:
    """SYNC's squared hinges with their L2 term."""
    n, d, classes = draw.sizes.n, draw.sizes.d, draw.sizes.classes
    w, x, signs = draw.normal(classes, d), draw.normal(n, d), np.sign(draw.normal(n, classes))

    def loss() -> tuple[float, Array]:
        return one_versus_other_loss(w, x, signs, weight=0.3)

    return Check("SYNC objective", [w], [loss()[1]], lambda: loss()[0])


def dem_case(draw: Draw) -> Check:
    """DEM's distances with their weight decay."""
    classes, d, k = draw.sizes.pairs, draw.sizes.d, draw.sizes.k
    net = draw.mlp([k, draw.sizes.units, d], "relu", output="relu")
    a, means, counts = (
        draw.normal(classes, k),
        np.abs(draw.normal(classes, d)),
        draw.labels(classes),
    )

    def loss() -> tuple[float, list[Array]]:
        return dem_loss(net, a, means, 2 + counts, weight_decay=0.07)

    return Check("DEM objective", net.params, loss()[1], lambda: loss()[0])


def psr_case(draw: Draw) -> Check:
    """PSR's three terms; one anchor has no similar class and one no dissimilar class."""
    n, d, k, units = draw.sizes.pairs, draw.sizes.d, draw.sizes.k, draw.sizes.units
    encoder, decoder = draw.mlp([k, units, d], "relu"), draw.mlp([d, units, k], "relu")
    samples = (draw.normal(n, d) for _ in range(3))
    x_i, x_j, x_k = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in samples)
    similar, dissimilar = np.linspace(0.6, 0.95, n), np.linspace(-0.9, 0.5, n)
    similar[0] = dissimilar[1] = np.nan
    triples = psr.Triples(draw.labels(n, n), x_i, x_j, x_k, similar, dissimilar)
    a = draw.normal(n, k)

    def loss() -> tuple[float, list[Array], list[Array]]:
        return psr.psr_loss(
            encoder,
            decoder,
            a,
            triples,
            threshold=0.6,
            similar_weight=0.7,
            reconstruction_weight=0.3,
        )

    _, encoder_grads, decoder_grads = loss()
    return Check(
        "PSR objective",
        encoder.params + decoder.params,
        encoder_grads + decoder_grads,
        lambda: loss()[0],
    )


def sadle_case(draw: Draw) -> Check:
    """SADLE's four terms."""
    n, d, k, classes = draw.sizes.pairs, draw.sizes.d, draw.sizes.k, draw.sizes.classes
    with reference_only():  # the same weights on every version of the kernels
        nets = sadle.sadle_networks(
            d=d,
            k=k,
            n_seen=classes,
            latent=draw.sizes.latent,
            seed=draw.seed,
            dtype=draw.dtype,
        )
    x, y, prototypes = draw.normal(n, d), draw.labels(n), draw.normal(classes, k)

    def loss() -> tuple[dict[str, Array], list[Array]]:
        return sadle.sadle_loss(
            nets,
            x,
            y,
            prototypes[y],
            align_weight=0.7,
            structure_weight=1.3,
            class_weight=0.4,
        )

    return Check("SADLE objective", parameters(nets), loss()[1], lambda: loss()[0]["loss"])


def dsen_case(draw: Draw) -> Check:
    """DSEN's four terms, with two unseen classes."""
    n, d, k, m = draw.sizes.pairs, draw.sizes.d, draw.sizes.k, 2 * draw.sizes.latent
    with reference_only():  # the same weights on every version of the kernels
        nets = dsen_loss.dsen_networks(
            d=d,
            k=k,
            n_classes=n + 2,
            latent=m,
            hidden=draw.sizes.units,
            seed=draw.seed,
            dtype=draw.dtype,
        )
    x, y, prototypes = draw.normal(n, d), draw.labels(n, n), draw.normal(n + 2, k)

    def loss() -> tuple[dict[str, Array], list[Array]]:
        return dsen_loss.dsen_loss(
            nets,
            x,
            y,
            prototypes,
            n_seen=n,
            division_weight=0.3,
            reconstruction_weight=1.7,
        )

    return Check("DSEN objective", parameters(nets), loss()[1], lambda: loss()[0]["loss"])


def fclswgan_case(draw: Draw) -> Check:
    """The term that f-CLSWGAN adds to the generator's loss."""
    n, d, classes = draw.sizes.n, draw.sizes.d, draw.sizes.classes
    classifier = Softmax(draw.normal(classes, d), draw.normal(classes))
    fake, y = draw.normal(n, d), draw.labels(n)

    def loss() -> tuple[Array, Array]:
        return fclswgan.classification_loss(classifier, fake, y, weight=0.3)

    return Check("f-CLSWGAN, classification loss", [fake], [loss()[1]], lambda: loss()[0])


def segzsl_regressor_case(draw: Draw) -> Check:
    """SE-GZSL's regressor, on real samples and synthetic ones."""
    n, d, k = draw.sizes.n, draw.sizes.d, draw.sizes.k
    regressor = draw.mlp([d, draw.sizes.units, k], "relu")
    x, a, fake = draw.normal(n, d), draw.normal(n, k), draw.normal(n, d)

    def loss() -> tuple[Array, list[Array]]:
        return segzsl.regressor_loss(regressor, x, a, fake, weight=0.4)

    return Check("SE-GZSL, regressor", regressor.params, loss()[1], lambda: loss()[0])


def segzsl_encoder_case(draw: Draw) -> Check:
    """SE-GZSL's encoder, which is trained by L_VAE only."""
    vae = _SegzslVae(draw)

    def loss() -> Array:
        terms = vae.loss()[0]
        return terms["kl"] + terms["reconstruction"]

    return Check("SE-GZSL, encoder", vae.encoder.params, vae.loss()[1], loss)


def segzsl_generator_case(draw: Draw) -> Check:
    """SE-GZSL's generator."""
    vae = _SegzslVae(draw)
    return Check(
        "SE-GZSL, generator",
        vae.generator.params,
        vae.loss()[2],
        lambda: vae.loss()[0]["loss"],
    )


class _SegzslVae:
    """SE-GZSL's networks and a batch."""

    def __init__(self, draw: Draw):
        n, d, k, m = draw.sizes.n, draw.sizes.d, draw.sizes.k, draw.sizes.latent
        units = draw.sizes.units
        self.encoder = draw.mlp([d, units, 2 * m], "relu")
        self.generator = draw.mlp([m + k, units, d], "relu")
        self.regressor = draw.mlp([d, units, k], "relu")
        self.x, self.a = draw.normal(n, d), draw.normal(n, k)
        self.z, self.eps = draw.normal(n, m), draw.normal(n, m)

    def loss(self) -> tuple[dict[str, Array], list[Array], list[Array]]:
        """Return the terms, the encoder's gradients and the generator's."""
        return segzsl.vae_loss(
            self.encoder,
            self.generator,
            self.regressor,
            self.x,
            self.a,
            self.z,
            self.eps,
            weights=segzsl.Weights(attributes=0.8, prior=0.3, latent=0.6),
        )


def fvaegan_case(output: str) -> Case:
    """f-VAEGAN's encoder and generator; a sigmoid output has a Bernoulli likelihood."""

    def case(draw: Draw) -> Check:
        n, d, k, m = draw.sizes.n, draw.sizes.d, draw.sizes.k, draw.sizes.latent
        encoder = draw.mlp([d + k, draw.sizes.units, 2 * m], "leaky_relu")
        generator = draw.mlp([m + k, draw.sizes.units, d], "leaky_relu", output=output)
        critic = draw.mlp([d + k, draw.sizes.units, 1], "leaky_relu")
        x = 1 / (1 + np.exp(-draw.normal(n, d)))
        a, z, eps = draw.normal(n, k), draw.normal(n, m), draw.normal(n, m)

        def loss() -> tuple[dict[str, Array], list[Array], list[Array]]:
            return fvaegan.vaegan_loss(encoder, generator, critic, x, a, z, eps, weight=1.3)

        _, encoder_grads, grads = loss()
        return Check(
            f"f-VAEGAN-D2, encoder and generator, output {output}",
            encoder.params + generator.params,
            encoder_grads + grads,
            lambda: loss()[0]["loss"],
        )

    return case


def cosine_embedding_case(draw: Draw) -> Check:
    """CEWGAN's cosine embedding, with samples of the same class and of others."""
    n, d = draw.sizes.n, draw.sizes.d
    fake, real, same = draw.normal(n, d), draw.normal(n, d), np.arange(n) % 2 == 0

    def loss() -> tuple[Array, Array]:
        return cewgan.cosine_embedding_loss(fake, real, same, weight=0.8)

    return Check("CEWGAN, cosine embedding", [fake], [loss()[1]], lambda: loss()[0])


def decoder_case(draw: Draw) -> Check:
    """CEWGAN's decoder, with the gradient that is passed to the generator."""
    n, d, k = draw.sizes.n, draw.sizes.d, draw.sizes.k
    net = draw.mlp([d, draw.sizes.units, k], "leaky_relu")
    x, a = draw.normal(n, d), draw.normal(n, k)

    def loss() -> tuple[Array, Array, list[Array]]:
        return cewgan.reconstruction_loss(net, x, a, weight=0.4)

    _, dx, grads = loss()
    return Check("CEWGAN, decoder", [x, *net.params], [dx, *grads], lambda: loss()[0])


def detector_case(draw: Draw) -> Check:
    """CEWGAN's detector, on seen samples and synthetic ones."""
    n, d = draw.sizes.n, draw.sizes.d
    net = draw.mlp([d, draw.sizes.units, draw.sizes.classes], "relu")
    x, y = draw.normal(2 * n, d), draw.labels(n)

    def loss() -> tuple[dict[str, Array], list[Array]]:
        return detector.detector_loss(net, x, y)

    return Check("CEWGAN, detector", net.params, loss()[1], lambda: loss()[0]["loss"])


def class_normalization_case(draw: Draw) -> Check:
    """Class Normalization's cross-entropy, through both normalisations."""
    n, d, k, units = draw.sizes.n, draw.sizes.d, draw.sizes.k, draw.sizes.units
    nets = {
        "inner": draw.mlp([k, units, units], "relu"),
        "outer": draw.mlp([units, d], "relu", output="relu"),
    }
    x, y, a = np.abs(draw.normal(n, d)), draw.labels(n), draw.normal(draw.sizes.classes, k)

    def loss() -> tuple[Array, list[Array]]:
        value, grads, _ = class_normalization.class_normalization_loss(nets, x, y, a, gamma=1.5)
        return value, grads

    return Check("Class Normalization objective", parameters(nets), loss()[1], lambda: loss()[0])


def normalize_case(draw: Draw) -> Check:
    """Normalisation over the classes, whose sums are weighted by random numbers."""
    shape = draw.sizes.classes, draw.sizes.units
    h, dy = draw.normal(*shape), draw.normal(*shape)

    def forward() -> tuple[Array, class_normalization.NormCache]:
        y, cache, _ = class_normalization.normalize_forward(h)
        return y, cache

    return Check(
        "Class Normalization, normalisation over classes",
        [h],
        [class_normalization.normalize_backward(dy, forward()[1])],
        lambda: (dy * forward()[0]).sum(),
    )
