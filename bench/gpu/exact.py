"""The same work by the reference kernels in float64, with which every version is compared."""

from copy import copy
from types import ModuleType
from typing import Any

import numpy as np

from tinygzsl.benchmarks.work_cwgan import SEED, OuterStep
from tinygzsl.benchmarks.work_route import Route
from tinygzsl.cwgan import critic_loss, generator_forward, generator_loss
from tinygzsl.kernels import reference_only
from tinygzsl.pipeline import Plan, new_cwgan
from tinygzsl.runtime.backend import to_host


def in_float64(work: Any) -> Any:
    """Return the work with all its floating-point arrays in float64."""
    exact = copy(work)
    for name, value in vars(work).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            setattr(exact, name, value.astype("float64"))
        elif isinstance(value, list):
            setattr(exact, name, [a.astype("float64") for a in value])
    exact.dtype = "float64"
    return exact


def result(work: Any, xp: ModuleType) -> list[np.ndarray]:
    """Return the result of the work, computed with arrays of xp."""
    if isinstance(work, OuterStep):
        return _outer_step(work, xp)
    if isinstance(work, Route):
        return _route(work)
    with reference_only():
        runner = in_float64(work).ours(xp)
        runner.run()
    return runner.result()


def _outer_step(work: OuterStep, xp: ModuleType) -> list[np.ndarray]:
    """Use the draws of the work: those of train_step differ in float64."""

    def put(a: np.ndarray) -> Any:
        return xp.asarray(a.astype("float64") if a.dtype.kind == "f" else a)

    draws, penalty = work.draws, work.settings.gan_penalty
    x, prototypes = put(work.x), put(work.prototypes)
    with reference_only():
        plan = Plan(settings=work.settings, seed=SEED, xp=xp, dtype="float64")
        gan = new_cwgan(plan, d=x.shape[1], k=prototypes.shape[1])
        params = [*gan.generator.params, *gan.critic.params]
        for own, start in zip(params, work.start, strict=True):
            own[...] = put(start)
        for rows, classes, z, alpha in zip(*map(put, draws[:4]), strict=True):
            a = prototypes[classes]
            fake, _ = generator_forward(gan.generator, z, a)
            _, grads = critic_loss(gan.critic, x[rows], fake, a, alpha, penalty=penalty)
            gan.critic_adam.step(grads)
        a = prototypes[put(draws.generator_classes)]
        _, grads = generator_loss(gan.generator, gan.critic, put(draws.generator_z), a)
        gan.generator_adam.step(grads)
    return [to_host(p) for p in params]


def _route(work: Route) -> list[np.ndarray]:
    """Labels by eq. 10, in NumPy."""
    settings, seen = work.settings, work.sizes["seen"]

    def linear(network: Any, x: np.ndarray) -> np.ndarray:
        w, b = (np.asarray(p, "float64") for p in network.params)
        return x @ w.T + b

    x = (work.x.astype("float64") - work.scaler.shift) * work.scaler.scale
    embedded = linear(work.vsmm.f_v, x)
    semantic = linear(work.vsmm.f_s, work.scaled_prototypes.astype("float64"))
    logits = linear(work.vsmm.c, embedded)
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    entropy = -(np.exp(log_p) * log_p).sum(1)
    squares = (embedded**2).sum(1)[:, None] + (semantic**2).sum(1) - 2 * embedded @ semantic.T
    unseen = seen + squares[:, seen:].argmin(1)
    label = np.where(entropy > settings.router_delta_high, unseen, squares.argmin(1))
    label = np.where(entropy < settings.router_delta_low, log_p.argmax(1), label)
    return [work.classes[label], entropy]
