"""Training of small networks by Adam, shared by DSEN and SADLE."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...nn.adam import Adam
from ...nn.mlp import MLP
from ...nn.random import Purpose
from ...runtime.array import Array
from ...vsmm import epoch_batches


def create_networks(
    shapes: dict[str, list[int]],
    *,
    seed: int,
    dtype: str,
    hidden: str = "leaky_relu",
    output: str = "linear",
) -> dict[str, MLP]:
    """Return new networks by name, weights N(0, 1 / inputs); activations as for MLP."""
    return {
        name: MLP.create(
            np,
            sizes,
            seed=seed,
            purpose=Purpose.BASELINE_WEIGHTS,
            step=i,
            std=None,
            hidden=hidden,
            output=output,
            dtype=dtype,
        )
        for i, (name, sizes) in enumerate(shapes.items())
    }


def parameters(networks: dict[str, MLP]) -> list[Array]:
    """Return all parameters, in the order of the networks."""
    return [p for network in networks.values() for p in network.params]


def train_networks(
    networks: dict[str, MLP],
    loss: Callable[[Array], tuple[dict[str, Array], list[Array]]],
    *,
    model: Any,
    n: int,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
    tenth_every: int = 0,
) -> None:
    """Minimise a loss by Adam over shuffled mini-batches of n samples.

    loss(rows) returns the terms, with "loss" among them, and the gradients. model is the baseline;
    its epochs, batch, lr, seed, title and callback are used, and the callback gets
    (step, {"phase", "total", terms}). weight_decay times a parameter is added to its gradient. The
    learning rate is divided by 10 every tenth_every epochs, unless this is 0. Raises
    FloatingPointError if a loss or a parameter is no longer finite.
    """
    params = parameters(networks)
    adam = Adam(params, lr=model.lr, betas=betas)
    total = model.epochs * math.ceil(n / model.batch)
    for epoch in range(model.epochs):
        if tenth_every:
            adam.lr = model.lr * 0.1 ** (epoch // tenth_every)
        for rows in epoch_batches(np, n, batch=model.batch, seed=model.seed, epoch=epoch):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # checked below
                terms, grads = loss(rows)
                if weight_decay:
                    for p, g in zip(params, grads, strict=True):
                        g += p * np.asarray(weight_decay, p.dtype)
                adam.step(grads)
            if model.callback:
                model.callback(adam.t, {"phase": "networks", "total": total, **terms})
        if adam.diverged_at or not np.isfinite(terms["loss"]):
            raise FloatingPointError(
                f"{model.title} diverged in epoch {epoch + 1}; lower lr, now {model.lr:g}, or "
                "scale the features"
            )
