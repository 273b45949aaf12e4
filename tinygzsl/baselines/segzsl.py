"""SE-GZSL: a conditional VAE with a regressor from its samples to the attributes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..cwgan import generator_forward
from ..nn import random
from ..nn.adam import Adam
from ..nn.mlp import MLP
from ..nn.random import Purpose
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.checks import check_choice, check_numbers
from .common.synthetic import SyntheticBaseline, synthesize
from .common.vae import (
    kl_backward,
    kl_forward,
    reconstruction_loss,
    reparameterise_backward,
    reparameterise_forward,
)


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class SEGZSL(SyntheticBaseline):
    """Verma, Arora, Mishra, Rai: Generalized Zero-Shot Learning via Synthesized Examples, CVPR
    2018.

    An encoder q(z | x), a generator p(x | z, a) and a regressor r(a | x), all normal with networks
    for means (and for the variance of q, else 1), are trained in turns on seen classes:
    the regressor minimises E[-log r(a | x)] + lambda_R E[-log r(a | x~)], encoder and generator
    L_VAE + lambda_c L_c + lambda_reg L_reg + lambda_E L_E. Here x~ = G(z, a) with z ~ N(0, 1),
    L_VAE = E[-log p(x | z, a)] + KL(q(z | x) || N(0, 1)) with z from q, L_c = E[-log r(a | x~)],
    L_reg = E[-log p(x | z, a)] with z ~ N(0, 1), and L_E = E[KL(q(z | x~) || N(0, 1))]. L_c, L_reg
    and L_E train the generator alone. Then a classifier is trained on synthetic samples of all
    classes, seen ones too.

    After the description in the paper's abstract and in later ones; no code was found, and the
    equations could not be compared with the paper's. Decided here: the weights, the widths, the
    rate; prototypes of the feedback are those of the batch, so seen; x in L_reg is a real
    sample of the class of a; a synthetic sample is the mean G(z, a); the classifier is a softmax
    (in the paper a linear SVM). Features are standardised by default, which fits p's variance of 1.

    Parameters
    ----------
    weight_regressor, weight_attributes, weight_prior, weight_latent : float
        lambda_R, lambda_c, lambda_reg and lambda_E.
    hidden : int
        Units of the one hidden layer of each network.
    latent : int
        m, the dimensions of z.
    output : str
        The activation of G's output.
    lr : float
    epochs, batch : int
        Training by Adam.
    **others
        See SyntheticBaseline and Baseline.
    """

    title: ClassVar[str] = "SE-GZSL"
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("standard", "minmax"),
        "weight_attributes": (0.1, 1.0),
        "epochs": (10, 30),
    }

    features: str = "standard"
    per_class: int = 300
    output: str = "linear"
    hidden: int = 512
    latent: int = 64
    weight_regressor: float = 0.1
    weight_attributes: float = 1.0
    weight_prior: float = 0.1
    weight_latent: float = 0.1
    lr: float = 1e-3
    epochs: int = 50
    batch: int = 64

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        weights = tuple(f"weight_{name}" for name in ("regressor", *Weights._fields))
        whole = "hidden", "latent", "epochs", "batch"
        check_numbers(self, whole=whole, positive=("lr",), weights=weights)
        check_choice(self, "output", choices=("linear", "relu"))

    def _train_generator(self, x: Array, index: Array, a: Array) -> MLP:
        d, k, m, h = x.shape[1], a.shape[1], self.latent, self.hidden
        encoder, generator, regressor = (
            self._network(i, sizes)
            for i, sizes in enumerate(([d, h, 2 * m], [m + k, h, d], [d, h, k]))
        )
        generator.output = self.output
        adam = Adam(encoder.params + generator.params, lr=self.lr)
        regressor_adam = Adam(regressor.params, lr=self.lr)
        weights = Weights(self.weight_attributes, self.weight_prior, self.weight_latent)
        total = self.epochs * math.ceil(len(x) / self.batch)
        for step in range(total):
            rows = random.integers(
                np,
                min(self.batch, len(x)),
                seed=self.seed,
                step=step,
                purpose=Purpose.REAL_BATCH,
                high=len(x),
            )
            z, eps = (
                random.normal(
                    np, (len(rows), m), seed=self.seed, step=step, purpose=purpose, dtype=self.dtype
                )
                for purpose in (Purpose.GENERATOR_NOISE, Purpose.SCORE_NOISE)
            )
            real, prototypes = x[rows], a[index[rows]]
            fake, _ = generator_forward(generator, z, prototypes)
            _, regressor_grads = regressor_loss(
                regressor, real, prototypes, fake, weight=self.weight_regressor
            )
            regressor_adam.step(regressor_grads)
            _, encoder_grads, generator_grads = vae_loss(
                encoder, generator, regressor, real, prototypes, z, eps, weights
            )
            adam.step(encoder_grads + generator_grads)
            self._report(step + 1, {"phase": "vae", "total": total})
        bad = adam.diverged_at or regressor_adam.diverged_at
        if bad:
            raise FloatingPointError(
                f"the VAE of SE-GZSL diverged at step {bad}; lower lr, now {self.lr:g}"
            )
        return generator

    def _samples(self, x: Array, index: Array, a: Array, a_unseen: Array) -> tuple[Array, Array]:
        return synthesize(
            self._generator, np.concatenate([a, a_unseen]), per_class=self.per_class, seed=self.seed
        )

    def _network(self, i: int, sizes: list[int]) -> MLP:
        return MLP.create(
            np,
            sizes,
            seed=self.seed,
            purpose=Purpose.GENERATOR_WEIGHTS,
            step=i,
            std=None,
            hidden="relu",
            dtype=self.dtype,
        )


class Weights(NamedTuple):
    """lambda_c, lambda_reg and lambda_E."""

    attributes: float
    prior: float
    latent: float


def regressor_loss(
    regressor: MLP, x: Array, a: Array, fake: Array, *, weight: float
) -> tuple[Array, list[Array]]:
    """Return E[-log r(a | x)] + weight E[-log r(a | x~)], and the gradients of regressor.params.

    The constants of the normal distributions are left out. x and x~ (n, d) share the prototypes
    a (n, k).
    """
    n = len(x)
    read, cache = regressor.forward(np.concatenate([x, fake]))
    real, dreal = reconstruction_loss(read[:n], a, weight=1.0, bernoulli=False)
    made, dmade = reconstruction_loss(read[n:], a, weight=weight, bernoulli=False)
    _, grads = regressor.backward(np.concatenate([dreal, dmade]), cache, need_dx=False)
    return real + made, grads


def vae_loss(
    encoder: MLP,
    generator: MLP,
    regressor: MLP,
    x: Array,
    a: Array,
    z: Array,
    eps: Array,
    weights: Weights,
) -> tuple[dict[str, Array], list[Array], list[Array]]:
    """Return L_VAE + lambda_c L_c + lambda_reg L_reg + lambda_E L_E and its gradients.

    The gradients are those of encoder.params (of L_VAE only, as the other terms hold the encoder
    fixed) and generator.params. x is (n, d), a (n, k); z and eps (n, m) are standard normal. The
    terms are 0-d arrays in nats, without the constants of the normal distributions: "kl" and
    "reconstruction"; "attributes", "prior" and "latent", weighted; and "loss".
    """
    n, m = z.shape
    code, code_cache = encoder.forward(x)
    encoded, encoded_cache = reparameterise_forward(code, eps)
    made, cache = generator_forward(generator, np.concatenate([encoded, z]), np.tile(a, (2, 1)))
    fake = made[n:]
    kl, kl_cache = kl_forward(code)
    reconstruction, dmade = reconstruction_loss(made[:n], x, weight=1.0, bernoulli=False)
    prior, dprior = reconstruction_loss(fake, x, weight=weights.prior, bernoulli=False)
    read, read_cache = regressor.forward(fake)
    attributes, dread = reconstruction_loss(read, a, weight=weights.attributes, bernoulli=False)
    fake_code, fake_cache = encoder.forward(fake)
    latent, latent_cache = kl_forward(fake_code)
    terms = {"kl": kl, "reconstruction": reconstruction, "attributes": attributes, "prior": prior}
    terms["latent"] = weights.latent * latent
    terms["loss"] = kl + reconstruction + attributes + prior + terms["latent"]

    dprior = dprior + regressor.backward(dread, read_cache)[0]
    dprior += encoder.backward(kl_backward(weights.latent, latent_cache), fake_cache)[0]
    dinput, generator_grads = generator.backward(np.concatenate([dmade, dprior]), cache)
    dcode = reparameterise_backward(dinput[:n, :m], encoded_cache) + kl_backward(1.0, kl_cache)
    _, encoder_grads = encoder.backward(dcode, code_cache, need_dx=False)
    return terms, encoder_grads, generator_grads
