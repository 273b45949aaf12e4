"""Conditional WGAN with gradient penalty (eq. 6), trained on seen classes only.

Generator G(z, a) -> x~ and critic D(x, a) -> R, both conditioned by concatenation of the class
prototype a. The critic minimises, in the sign convention of a loss,

    E[D(x~, a)] - E[D(x, a)] + lambda E[(||grad_x^ D(x^, a)||_2 - 1)^2],        eq. 6
    x^ = alpha x + (1 - alpha) x~, alpha ~ U(0, 1) per sample,

with the gradient with respect to x^ only, never a; the generator minimises -E[D(G(z, a), a)].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import kernels
from .critic import OneLayerCritic, WholeRowCritic, is_fusable
from .errors import InputError
from .nn import losses, random
from .nn.adam import Adam
from .nn.mlp import MLP, ForwardCache
from .nn.random import Purpose
from .runtime.array import Array, ArrayModule
from .runtime.backend import array_module
from .settings import Settings


def generator_forward(generator: MLP, z: Array, a: Array) -> tuple[Array, ForwardCache]:
    """Return x~ (n, d) for noise z (n, q) and prototypes a (n, k), and the cache."""
    return generator.forward(array_module(z, a).concatenate([z, a], axis=1))


def critic_loss(
    critic: MLP, x: Array, fake: Array, a: Array, alpha: Array, *, penalty: float
) -> tuple[dict[str, Array], list[Array]]:
    """Return the terms of the critic's loss (eq. 6), and the gradients by critic.params.

    x and fake (n, d) have the same prototypes a (n, k); alpha (n, 1) lies in [0, 1]. The terms are
    0-d arrays: "wasserstein" (E[D(x)] - E[D(x~)], the estimated distance), "penalty" and "loss".
    """
    xp = array_module(x, fake, a, alpha)
    n, d = x.shape
    scores, cache = critic.forward(
        xp.concatenate([xp.concatenate([fake, a], 1), xp.concatenate([x, a], 1)])
    )
    dscores = xp.full((2 * n, 1), 1 / n, scores.dtype)  # eq. 6
    dscores[n:] *= -1  # eq. 6
    _, grads = critic.backward(dscores, cache, need_dx=False)

    mixed = alpha * x + (1 - alpha) * fake  # x^ of eq. 6
    _, mixed_cache = critic.forward(xp.concatenate([mixed, a], axis=1))
    g, gradient_cache = critic.input_gradient(mixed_cache, columns=d)
    term, penalty_cache = losses.gradient_penalty_forward(g, penalty)
    u = losses.gradient_penalty_backward(1.0, penalty_cache)
    _, penalty_grads = critic.input_gradient_backward(u, gradient_cache)

    wasserstein = scores[n:].mean() - scores[:n].mean()
    terms = {"wasserstein": wasserstein, "penalty": term, "loss": term - wasserstein}  # eq. 6
    return terms, [grad + extra for grad, extra in zip(grads, penalty_grads, strict=True)]


def generator_loss(
    generator: MLP,
    critic: MLP,
    z: Array,
    a: Array,
    *,
    out: list[Array] | None = None,
    extra: Callable[[Array], tuple[Array, Array]] | None = None,
) -> tuple[Array, list[Array]]:
    """Return -E[D(G(z, a), a)] and its gradients in the order of generator.params.

    The gradients are written into the arrays of `out`, if given. extra(x~) -> (term, dterm/dx~)
    adds a term to the loss, for baselines that need one.
    """
    xp = array_module(z, a)
    fake, generator_cache = generator_forward(generator, z, a)
    n, d = fake.shape
    scores, critic_cache = critic.forward(xp.concatenate([fake, a], axis=1))
    g, _ = critic.input_gradient(critic_cache, columns=d)
    loss, dfake = -scores.mean(), g * (-1 / n)  # eq. 6
    if extra:
        term, dterm = extra(fake)
        loss, dfake = loss + term, dfake + dterm
    _, grads = generator.backward(dfake, generator_cache, need_dx=False, out=out)
    return loss, grads


def latent_size(settings: Settings, k: int) -> int:
    """Return the dimensions of the generator's noise: gan_latent, or k if that is 0."""
    return settings.gan_latent or k


class CWGAN:
    """Generator, critic and their optimisers; `train_step` is one step of the generator.

    Every random number is a function of (seed, step, purpose, index), and `state` includes the
    step. So a restored run gives the same bits, with as many threads on the same machine. Whether
    the critic's step is fused is decided once, when the CWGAN is built.

    extra(x~, rows) -> (term, dterm/dx~) adds a term to the generator's loss; x~ has the classes of
    these rows of the training data.
    """

    def __init__(
        self,
        xp: ArrayModule,
        *,
        d: int,
        k: int,
        settings: Settings,
        seed: int,
        dtype: str,
        extra: Callable[[Array, Array], tuple[Array, Array]] | None = None,
    ):
        self.settings, self.seed, self.dtype, self.extra = settings, seed, dtype, extra
        self.latent = latent_size(settings, k)
        self.generator = MLP.create(
            xp,
            [self.latent + k, *settings.gan_generator_hidden, d],
            seed=seed,
            purpose=Purpose.GENERATOR_WEIGHTS,
            hidden=settings.gan_activation,
            output=settings.gan_output,
            dtype=dtype,
        )
        self.critic = MLP.create(
            xp,
            [d + k, *settings.gan_critic_hidden, 1],
            seed=seed,
            purpose=Purpose.CRITIC_WEIGHTS,
            hidden=settings.gan_activation,
            dtype=dtype,
        )
        betas = (settings.gan_beta1, settings.gan_beta2)
        self.generator_adam = Adam(self.generator.params, lr=settings.gan_lr, betas=betas)
        self.critic_adam = Adam(self.critic.params, lr=settings.gan_lr, betas=betas)
        self.step = 0
        self._generator_grads = [xp.empty_like(p) for p in self.generator.params]
        self._fused: OneLayerCritic | None = None
        # Equal to critic_loss up to rounding, with fewer products: see critic.py.
        if is_fusable(self.critic) and not kernels.is_reference_only():
            fused = OneLayerCritic if xp is np else WholeRowCritic
            self._fused = fused(self.critic, batch=settings.gan_batch, d=d)

    def train_step(self, x: Array, y: Array, prototypes: Array) -> dict[str, Array]:
        """Take gan_critic_steps steps of the critic, then one of the generator.

        x (N, d) is all training data, y (N,) indexes the rows of prototypes (S, k). Each step draws
        its mini-batch uniformly, with replacement. Returns the last losses as 0-d arrays.
        """
        xp, steps = array_module(x, y, prototypes), self.settings.gan_critic_steps
        n = self.settings.gan_batch
        rows, z = xp.empty((steps, n), "int64"), xp.empty((steps, n, self.latent), self.dtype)
        ats = range(self.step * steps, (self.step + 1) * steps)
        for i, at in enumerate(ats):
            self._rows(xp, x.shape[0], step=at, purpose=Purpose.REAL_BATCH, out=rows[i])
            self._normal(xp, step=at, purpose=Purpose.CRITIC_NOISE, out=z[i])
        a = prototypes[y[rows.reshape(-1)]]
        fakes, _ = generator_forward(self.generator, z.reshape(-1, self.latent), a)
        fakes = fakes.reshape(steps, n, -1)  # all at once, as G is fixed for these steps
        for i, at in enumerate(ats):
            terms = self._critic_step(x, y, prototypes, rows[i], fakes[i], at=at)
        if self._fused:
            terms = self._fused.terms(self.settings.gan_penalty)
        terms["generator"] = self._generator_step(y, prototypes)
        self.step += 1
        return terms

    def _critic_step(
        self, x: Array, y: Array, prototypes: Array, rows: Array, fake: Array, *, at: int
    ) -> dict[str, Array]:
        """Update the critic. Return the terms of its loss, or {} if _fused has them."""
        xp, n, penalty = array_module(x, rows), rows.shape[0], self.settings.gan_penalty
        terms: dict[str, Array] = {}
        alpha = random.uniform(
            xp, (n, 1), seed=self.seed, step=at, purpose=Purpose.INTERPOLATION, dtype=self.dtype
        )
        if self._fused:
            kernels.gather_rows(x, rows, self._fused.real)
            self._fused.fake[...] = fake
            grads = self._fused.gradients(prototypes, y[rows], alpha[:, 0], penalty=penalty)
        else:
            terms, grads = critic_loss(
                self.critic, x[rows], fake, prototypes[y[rows]], alpha, penalty=penalty
            )
        self.critic_adam.step(grads)
        return terms

    def _generator_step(self, y: Array, prototypes: Array) -> Array:
        xp = array_module(y, prototypes)
        rows = self._rows(xp, y.shape[0], step=self.step, purpose=Purpose.GENERATOR_BATCH)
        z = self._normal(xp, step=self.step, purpose=Purpose.GENERATOR_NOISE)
        a = prototypes[y[rows]]
        term = self.extra
        extra = None if term is None else lambda fake: term(fake, rows)
        out = self._generator_grads
        loss, grads = generator_loss(self.generator, self.critic, z, a, out=out, extra=extra)
        self.generator_adam.step(grads)
        return loss

    @property
    def diverged_at(self) -> int | None:
        """The step in which a parameter first became NaN or inf, or None."""
        found = self.first_bad()
        return found and found[0]

    def first_bad(self) -> tuple[int, str] | None:
        """Return that step and the parameter, as "critic parameter 0", or None."""
        steps, found = self.settings.gan_critic_steps, []
        if bad := self.critic_adam.first_bad():
            found.append((-(-bad[0] // steps), f"critic parameter {bad[1]}"))
        if bad := self.generator_adam.first_bad():
            found.append((bad[0], f"generator parameter {bad[1]}"))
        return min(found, key=lambda at: at[0], default=None)  # the critic's step comes first

    def _rows(
        self, xp: ArrayModule, count: int, *, step: int, purpose: Purpose, out: Array | None = None
    ) -> Array:
        return random.integers(
            xp,
            self.settings.gan_batch,
            seed=self.seed,
            step=step,
            purpose=purpose,
            high=count,
            out=out,
        )

    def _normal(
        self, xp: ArrayModule, *, step: int, purpose: Purpose, out: Array | None = None
    ) -> Array:
        shape = (self.settings.gan_batch, self.latent)
        return random.normal(
            xp, shape, seed=self.seed, step=step, purpose=purpose, dtype=self.dtype, out=out
        )

    def state(self) -> dict[str, Array | int]:
        """Return parameters and moments (live arrays) and the step, by name."""
        arrays = {}
        for name, adam in (("generator", self.generator_adam), ("critic", self.critic_adam)):
            for i, parts in enumerate(zip(adam.params, adam.m, adam.v, strict=True)):
                for part, array in zip("pmv", parts, strict=True):
                    arrays[f"{name}.{part}{i}"] = array
        return {**arrays, "step": self.step}

    def restore(self, state: dict[str, Any]) -> None:
        """Set the state, in place, to one that `state` returned; ValueError if it doesn't fit."""
        for name, array in self.state().items():
            found, wanted = (getattr(a, "shape", ()) for a in (state[name], array))
            if found != wanted:  # the step is a number
                raise InputError(f"{name} has shape {found}, not {wanted}")
            if not np.isfinite(state[name]).all():
                raise InputError(f"{name} holds NaN or inf")
            if not isinstance(array, int):
                array[...] = array_module(array).asarray(state[name])
        self.step = int(state["step"])
        if self.step < 1:
            raise InputError(f"step is {self.step}")
        self.critic_adam.t = self.step * self.settings.gan_critic_steps
        self.generator_adam.t = self.step
