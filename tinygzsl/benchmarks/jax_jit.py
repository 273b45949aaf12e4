"""The work in JAX: jax.grad of the plain losses (jax_steps.py), with one jitted function per step.

Parameters and moments are donated, so they are updated in place.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError
from . import jax_steps
from .work_route import CHUNK_ROWS

__all__ = ["RUNNERS", "use_threads"]

_started: list[int] = []


def use_threads(threads: int) -> None:
    """Set JAX's threads; ValueError if JAX has already started with another number."""
    if not _started:
        os.environ["PJRT_NPROC"] = str(threads)
        _started.append(threads)
    elif _started != [threads]:
        raise InputError(
            f"JAX already runs on {_started[0]} threads; start another process for {threads}"
        )


class _Training:
    """A training step as a function from state to state, in the work's dtype."""

    def __init__(self, work, step, params, inputs, **constants):
        self.x64 = partial(jax.enable_x64, params[0].dtype == np.float64)
        self.step = jax.jit(partial(step, **constants), donate_argnums=0)
        with self.x64():
            self.inputs = [jax.tree.map(jnp.array, part) for part in inputs]
            self.state = self.begin(work, params)

    def begin(self, work, params):
        return jax_steps.start(params)

    def run(self) -> None:
        with self.x64():
            self.state = jax.block_until_ready(self.step(self.state, *self.inputs))

    def result(self) -> list[np.ndarray]:
        return [np.array(p) for p in jax_steps.values(self.state)]


def _rates(settings, of: str) -> dict[str, Any]:
    betas = (getattr(settings, f"{of}_beta1"), getattr(settings, f"{of}_beta2"))
    return {"lr": getattr(settings, f"{of}_lr"), "betas": betas}


class CriticStep(_Training):
    """One step of the critic with given fakes."""

    def __init__(self, work):
        def step(state, x, rows, fake, prototypes, classes, alpha):
            return jax_steps.critic_step(
                state, x[rows], fake, prototypes[classes], alpha, **constants
            )

        constants = {"penalty": work.settings.gan_penalty, **_rates(work.settings, "gan")}
        rows, classes, _, alpha, *_ = work.draws
        inputs = (work.x, rows[0], work.fake, work.prototypes, classes[0], alpha[0])
        super().__init__(work, step, work.critic, inputs)


class OuterStep(_Training):
    """All critic steps and one generator step in one function."""

    def __init__(self, work):
        constants = {"penalty": work.settings.gan_penalty, **_rates(work.settings, "gan")}
        inputs = (work.x, work.prototypes, tuple(work.draws))
        super().__init__(work, jax_steps.outer_step, work.critic, inputs, **constants)

    def begin(self, work, params):
        return jax_steps.start(work.generator), jax_steps.start(work.critic)

    def result(self) -> list[np.ndarray]:
        return [np.array(p) for state in self.state for p in jax_steps.values(state)]


class VsmmStep(_Training):
    """Eq. 9 and Adam."""

    def __init__(self, work):
        names = ("x", "proxies", "y", "prototypes", "rows", "proxy_rows")
        inputs = [getattr(work, name) for name in names]
        constants = {"gamma": work.settings.vsmm_gamma, **_rates(work.settings, "vsmm")}
        super().__init__(work, jax_steps.vsmm_step, work.start, inputs, **constants)


class AdamUpdate(_Training):
    """Adam with a fixed gradient."""

    def __init__(self, work):
        def step(state, g):
            return jax_steps.adam(state, [g], work.lr, work.betas)

        super().__init__(work, step, [work.p], [work.g])


class Softmax:
    """Both losses and their gradient in one function."""

    def __init__(self, work):
        self.x64 = partial(jax.enable_x64, work.logits.dtype == np.float64)
        with self.x64():
            self.inputs = [jnp.array(a) for a in (work.logits, work.y, work.dce, work.dentropy)]
        self.step = jax.jit(jax_steps.softmax)

    def run(self) -> None:
        with self.x64():
            self.outputs = jax.block_until_ready(self.step(*self.inputs))

    def result(self) -> list[np.ndarray]:
        return [np.array(a) for a in self.outputs]


class Route:
    """Routing in chunks of NumPy rows by a jitted function."""

    def __init__(self, work):
        settings, self.work = work.settings, work
        sizes = {"seen": work.sizes["seen"], "tau": settings.router_temperature}
        limits = {"low": settings.router_delta_low, "high": settings.router_delta_high}
        self.route = jax.jit(partial(jax_steps.route, **sizes, **limits))
        f_v, f_s, c = (
            [jnp.array(p) for p in getattr(work.vsmm, n).params] for n in ("f_v", "f_s", "c")
        )
        semantic = jax_steps.forward(f_s, jnp.array(work.scaled_prototypes))
        self.inputs = [jnp.array(a) for a in work.scaler[:2]] + [f_v, c, semantic]

    def run(self) -> None:
        x = self.work.x
        parts = [
            [np.asarray(a) for a in self.route(x[at : at + CHUNK_ROWS], *self.inputs)]
            for at in range(0, x.shape[0], CHUNK_ROWS)
        ]
        label, *rest = (np.concatenate(part) for part in zip(*parts, strict=True))
        self.found = [self.work.classes[label], *rest]

    def result(self) -> list[np.ndarray]:
        return self.found


RUNNERS = {
    "critic": CriticStep,
    "outer": OuterStep,
    "vsmm": VsmmStep,
    "softmax": Softmax,
    "adam": AdamUpdate,
    "route": Route,
}
