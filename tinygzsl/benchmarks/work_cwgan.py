"""A critic step, and an outer step: some critic steps and one generator step."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ..critic import OneLayerCritic
from ..cwgan import CWGAN, critic_loss
from ..kernels import is_reference_only
from ..nn import random
from ..nn.adam import Adam
from ..nn.random import Purpose
from ..pipeline import Plan, new_cwgan
from ..runtime.array import Array, ArrayModule
from ..runtime.backend import to_host
from ..settings import settings_for
from . import floor
from .versions import update_difference

Precision = Literal["float32", "float64"]
SEED = 1
# If a unit's input is zero up to rounding, versions may take different sides of the activation's
# kink. In float32 this happens occasionally and changes an update by up to 0.03.
TOLERANCE = {"float32": 5e-2, "float64": 1e-6}


class Draws(NamedTuple):
    """The random draws of CWGAN.train_step in its first step.

    These are rows of x and their classes (steps, n), noise z (steps, n, latent), shares alpha
    (steps, n, 1), and classes and noise of the generator's step.
    """

    rows: np.ndarray
    classes: np.ndarray
    z: np.ndarray
    alpha: np.ndarray
    generator_classes: np.ndarray
    generator_z: np.ndarray


class OuterStep:
    """critic_steps steps of the critic [x, a] -> h -> 1 and one of the generator.

    Features x (samples, d) are random in [0, 1), prototypes (classes, k) have length 1, and the
    noise has k dimensions. Our version draws its batches and gathers their rows inside the timed
    step; the others get the draws and only gather rows.
    """

    kind = "outer"

    def __init__(
        self,
        *,
        d: int,
        k: int,
        h: int,
        batch: int,
        hidden: tuple[int, ...] | None = None,
        classes: int = 40,
        samples: int = 20000,
        critic_steps: int = 5,
        dtype: Precision = "float32",
    ):
        hidden = hidden or (h,)
        self.sizes = {"d": d, "k": k, "h": h, "batch": batch, "classes": classes}
        overrides = {"gan_generator_hidden": hidden, "gan_critic_hidden": (h,), "gan_batch": batch}
        self.settings = settings_for("paper", {**overrides, "gan_critic_steps": critic_steps})
        self.dtype, self.tolerance = dtype, TOLERANCE[dtype]
        rng = np.random.default_rng(0)
        self.x = rng.random((samples, d), dtype=dtype)
        self.y = rng.integers(classes, size=samples)
        prototypes = rng.random((classes, k), dtype=dtype)
        self.prototypes = prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)
        gan = self._gan()
        self.generator, self.critic = gan.generator.params, gan.critic.params
        self.draws = self._draw(gan.latent)

    def _gan(self, xp: ArrayModule = np) -> CWGAN:
        plan = Plan(settings=self.settings, seed=SEED, xp=xp, dtype=self.dtype)
        return new_cwgan(plan, d=self.x.shape[1], k=self.prototypes.shape[1])

    def _draw(self, latent: int) -> Draws:
        n, samples = self.settings.gan_batch, self.x.shape[0]
        steps = range(self.settings.gan_critic_steps)
        shape, dtype = (n, latent), self.dtype
        real, mine = Purpose.REAL_BATCH, Purpose.GENERATOR_BATCH
        rows = np.stack(
            [random.integers(np, n, seed=SEED, step=i, purpose=real, high=samples) for i in steps]
        )
        noise = [
            random.normal(np, shape, seed=SEED, step=i, purpose=Purpose.CRITIC_NOISE, dtype=dtype)
            for i in steps
        ]
        last = random.normal(
            np, shape, seed=SEED, step=0, purpose=Purpose.GENERATOR_NOISE, dtype=dtype
        )
        return Draws(
            rows,
            self.y[rows],
            np.stack(noise),
            np.stack(
                [
                    random.uniform(
                        np,
                        (n, 1),
                        seed=SEED,
                        step=i,
                        purpose=Purpose.INTERPOLATION,
                        dtype=self.dtype,
                    )
                    for i in steps
                ]
            ),
            self.y[random.integers(np, n, seed=SEED, step=0, purpose=mine, high=samples)],
            to_host(last),
        )

    def ours(self, xp: ArrayModule = np) -> _Outer:
        """Return CWGAN.train_step with the common initial parameters; on the GPU with xp=cupy."""
        gan = self._gan(xp)
        for own, start in zip(_params(gan), self.start, strict=True):
            own[...] = xp.asarray(start)
        x, y, prototypes = (xp.asarray(a) for a in (self.x, self.y, self.prototypes))
        return _Outer(gan, (x, y, prototypes))

    @property
    def start(self) -> list[Array]:
        """The generator's parameters before the step, then the critic's."""
        return [*self.generator, *self.critic]

    def phases(self) -> list[floor.Phase]:
        """Return floor.outer_step's phases."""
        hidden, steps = self.settings.gan_generator_hidden, self.settings.gan_critic_steps
        return floor.outer_step(**self.sizes, hidden=hidden, critic_steps=steps)

    def difference(self, result: list[np.ndarray], reference: list[np.ndarray]) -> float:
        """Return the larger compare.update_difference of the two networks."""
        cut = len(self.generator)
        parts = (slice(cut), slice(cut, None))
        return max(update_difference(self.start[p], result[p], reference[p]) for p in parts)


class _Outer(NamedTuple):
    gan: CWGAN
    data: tuple[Array, Array, Array]

    def run(self) -> None:
        x, y, prototypes = self.data
        self.gan.train_step(x, y, prototypes)

    def result(self) -> list[np.ndarray]:
        return [to_host(p.copy()) for p in _params(self.gan)]


def _params(gan: CWGAN) -> list[Array]:
    return [*gan.generator.params, *gan.critic.params]


class CriticStep(OuterStep):
    """One step of the critic, with given fakes (n, d) and the draws of the first step."""

    kind = "critic"

    def __init__(self, **sizes: Any):
        super().__init__(**{**sizes, "critic_steps": 1, "hidden": (8,)})
        shape = (self.settings.gan_batch, self.x.shape[1])
        self.fake = np.random.default_rng(1).random(shape, dtype=self.dtype)

    @property
    def start(self) -> list[Array]:
        """The critic's parameters before the step."""
        return self.critic

    def ours(self) -> _Critic:  # type: ignore[override]  # it runs on the CPU only
        """Return the fused loss, or the reference's, and Adam."""
        return _Critic(self)

    def phases(self) -> list[floor.Phase]:
        """Return floor.critic_step's phases."""
        return floor.critic_step(**self.sizes)

    def difference(self, result: list[np.ndarray], reference: list[np.ndarray]) -> float:
        """Return compare.update_difference."""
        return update_difference(self.start, result, reference)


class _Critic:
    def __init__(self, work: CriticStep):
        self.work, settings = work, work.settings
        gan = work._gan()
        self.critic, betas = gan.critic, (settings.gan_beta1, settings.gan_beta2)
        for own, start in zip(self.critic.params, work.critic, strict=True):
            own[...] = start
        self.adam = Adam(self.critic.params, lr=settings.gan_lr, betas=betas)
        fused = not is_reference_only()
        self.fused = (
            OneLayerCritic(self.critic, batch=len(work.fake), d=work.fake.shape[1])
            if fused
            else None
        )

    def run(self) -> None:
        work, draws = self.work, self.work.draws
        rows, classes, alpha = draws.rows[0], draws.classes[0], draws.alpha[0]
        prototypes, penalty = work.prototypes, work.settings.gan_penalty
        if self.fused:
            self.fused.fake[...] = work.fake
            np.take(work.x, rows, axis=0, out=to_host(self.fused.real))
            _, grads = self.fused.loss(prototypes, classes, alpha[:, 0], penalty=penalty)
        else:
            _, grads = critic_loss(
                self.critic, work.x[rows], work.fake, prototypes[classes], alpha, penalty=penalty
            )
        self.adam.step(grads)

    def result(self) -> list[np.ndarray]:
        return [to_host(p.copy()) for p in self.critic.params]
