"""f-VAEGAN-D2, inductive: a VAE and a conditional WGAN that share decoder and generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..cwgan import CWGAN, generator_forward, generator_loss
from ..nn.adam import Adam
from ..nn.mlp import MLP
from ..nn.random import Purpose
from ..runtime.array import Array
from ..settings import Settings
from ..settings.names import names_checked
from .common.checks import check_numbers
from .common.synthetic import GANBaseline
from .common.vae import (
    kl_backward,
    kl_forward,
    reconstruction_loss,
    reparameterise_backward,
    reparameterise_forward,
)

ENCODER_BETAS = (0.9, 0.999)  # of Adam; generator and critic have 0.5 in place of 0.9


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class FVAEGAN(GANBaseline):
    """Xian, Sharma, Schiele, Akata: f-VAEGAN-D2: A Feature Generating Framework for Any-Shot
    Learning, CVPR 2019, in the inductive form: without unlabelled data, and so without the second
    discriminator D2, which is trained on such data only.

    min_{G, E} max_D L_VAE + gamma L_WGAN on seen classes. L_VAE = KL(q(z | x, a) || N(0, 1))
    - E[log p(x | z, a)] for q = N(mu, sigma^2) from the encoder E(x, a) and p from G(z, a), the
    same G as in L_WGAN, which is that of this library's CWGAN, its noise N(0, 1). p is Bernoulli
    for a sigmoid output, else normal with variance 1. Then a softmax over all classes is trained
    on real seen and synthetic unseen samples. Details that the paper does not give, or whose text
    was not available, follow the code published with TF-VAEGAN, which extends the method.

    Parameters
    ----------
    wgan_weight : float
        gamma; 10 in TF-VAEGAN's code, which also has lr 1e-4 for CUB and 1e-5 for AWA, 4096 units
        in each network, m = k, and Adam's betas (0.5, 0.999) but (0.9, 0.999) for E, as here.
    encoder_hidden : tuple of int
        Units of E's hidden layers.
    per_class : int
        300 for CUB and 1800 for AWA in TF-VAEGAN's code.
    **others
        See GANBaseline, SyntheticBaseline and Baseline.
    """

    title: ClassVar[str] = "f-VAEGAN-D2"
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "gan_max_epochs": (10, 30),
        "wgan_weight": (1.0, 10.0),
    }

    gan_output: str = "sigmoid"
    wgan_weight: float = 10.0
    encoder_hidden: tuple[int, ...] = (4096,)

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(self, positive=("wgan_weight",), widths=("encoder_hidden",))

    def _train_generator(self, x: Array, index: Array, a: Array) -> MLP:
        weight, hidden = self.wgan_weight, self.encoder_hidden
        gan = VAEGAN(
            x,
            k=a.shape[1],
            settings=self._settings(),
            hidden=hidden,
            weight=weight,
            seed=self.seed,
            dtype=self.dtype,
        )
        return self._train_gan(gan, x, index, a)


class VAEGAN(CWGAN):
    """A CWGAN whose generator is trained as the decoder of a VAE too, with its encoder."""

    def __init__(
        self,
        x: Array,
        *,
        k: int,
        settings: Settings,
        hidden: tuple[int, ...],
        weight: float,
        seed: int,
        dtype: str,
    ):
        super().__init__(np, d=x.shape[1], k=k, settings=settings, seed=seed, dtype=dtype)
        self.x, self.weight = x, weight
        sizes = [x.shape[1] + k, *hidden, 2 * self.latent]
        self.encoder = MLP.create(
            np,
            sizes,
            seed=seed,
            purpose=Purpose.GENERATOR_WEIGHTS,
            step=1,  # the generator itself is step 0
            dtype=dtype,
        )
        self.encoder_adam = Adam(self.encoder.params, lr=settings.gan_lr, betas=ENCODER_BETAS)

    def _generator_step(self, y: Array, prototypes: Array) -> Array:
        rows = self._rows(np, len(y), step=self.step, purpose=Purpose.GENERATOR_BATCH)
        a = prototypes[y[rows]]
        z, eps = (
            self._normal(np, step=self.step, purpose=purpose)
            for purpose in (Purpose.GENERATOR_NOISE, Purpose.SCORE_NOISE)
        )
        terms, encoder_grads, grads = vaegan_loss(
            self.encoder, self.generator, self.critic, self.x[rows], a, z, eps, weight=self.weight
        )
        self.encoder_adam.step(encoder_grads)
        self.generator_adam.step(grads)
        return terms["loss"]

    @property
    def diverged_at(self) -> int | None:
        """The step in which a parameter first became NaN or inf, or None."""
        return super().diverged_at or self.encoder_adam.diverged_at


def vaegan_loss(
    encoder: MLP,
    generator: MLP,
    critic: MLP,
    x: Array,
    a: Array,
    z: Array,
    eps: Array,
    *,
    weight: float,
) -> tuple[dict[str, Array], list[Array], list[Array]]:
    """Return the terms of L_VAE - weight E[D(G(z, a), a)] and the gradients of both networks.

    x is (n, d), a (n, k); z and eps (n, m) are standard normal. The terms are 0-d arrays: "kl" and
    "reconstruction" (nats), "wgan" and "loss". The gradients are those of encoder.params and of
    generator.params.
    """
    wgan, wgan_grads = generator_loss(generator, critic, z, a)
    code, code_cache = encoder.forward(np.concatenate([x, a], axis=1))
    encoded, encoded_cache = reparameterise_forward(code, eps)
    decoded, decoded_cache = generator_forward(generator, encoded, a)
    kl, kl_cache = kl_forward(code)
    bernoulli = generator.output == "sigmoid"
    reconstruction, ddecoded = reconstruction_loss(decoded, x, weight=1.0, bernoulli=bernoulli)
    terms = {"kl": kl, "reconstruction": reconstruction, "wgan": wgan}
    terms["loss"] = kl + reconstruction + weight * wgan

    dinput, grads = generator.backward(ddecoded, decoded_cache)
    dcode = reparameterise_backward(dinput[:, : z.shape[1]], encoded_cache)
    dcode += kl_backward(1.0, kl_cache)
    _, encoder_grads = encoder.backward(dcode, code_cache, need_dx=False)
    for grad, extra in zip(grads, wgan_grads, strict=True):
        grad += weight * extra
    return terms, encoder_grads, grads
