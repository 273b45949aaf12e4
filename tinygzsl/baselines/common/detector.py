"""The out-of-distribution detector of CEWGAN-OD: low entropy on seen samples, high on others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import kernels
from ...nn import losses, random
from ...nn.adam import Adam
from ...nn.mlp import MLP
from ...nn.random import Purpose
from ...runtime.array import Array
from ...vsmm import epoch_batches

LR, BETAS = 1e-3, (0.5, 0.999)


def detector_entropy(detector: MLP, x: Array) -> Array:
    """Return the entropy H (n,) of the detector's softmax, in nats."""
    return kernels.log_softmax_entropy(detector.forward(x)[0])[1]


def detector_loss(detector: MLP, x: Array, y: Array) -> tuple[dict[str, Array], list[Array]]:
    """Return E[H(p(x))] + E[-log p(y | x)] - E[H(p(x~))] and the gradients of detector.params.

    The first len(y) rows of x (n, d) are seen samples with class indices y, the others are x~. The
    terms are 0-d arrays in nats: "seen" and "fake" (mean entropies), "cross_entropy" and "loss".
    """
    n = len(y)
    logits, cache = detector.forward(x)
    (cross_entropy, entropy), softmax_cache = losses.softmax_loss_forward(logits, y)
    terms = {"seen": entropy[:n].mean(), "fake": entropy[n:].mean()}
    terms["cross_entropy"] = cross_entropy.mean()
    terms["loss"] = terms["seen"] + terms["cross_entropy"] - terms["fake"]
    dentropy = np.full(len(x), -1 / (len(x) - n), x.dtype)
    dentropy[:n] = 1 / n
    dlogits = losses.softmax_loss_backward(dentropy[:n], dentropy, softmax_cache)
    return terms, detector.backward(dlogits, cache, need_dx=False)[1]


def train_detector(
    x: Array,
    y: Array,
    fakes: Array,
    sizes: list[int],
    *,
    epochs: int,
    batch: int,
    seed: int,
    callback: Callable[[int, dict[str, Any]], None],
) -> MLP:
    """Return a detector with layers of these sizes, trained for epochs of len(x) / batch steps.

    Half of a batch are seen samples x (n, d) with labels y (n,), shuffled again after each pass,
    and half are drawn from fakes (m, d). Raises FloatingPointError if training diverges.
    """
    detector = MLP.create(
        np,
        sizes,
        seed=seed,
        purpose=Purpose.GENERATOR_WEIGHTS,
        step=2,  # 0 is the generator and 1 its decoder
        hidden="relu",
        dtype=str(x.dtype),
    )
    adam, half = Adam(detector.params, lr=LR, betas=BETAS), max(1, batch // 2)
    total, passes = epochs * math.ceil(len(x) / batch), 0
    while adam.t < total:
        order = Purpose.DETECTOR_ORDER
        for rows in epoch_batches(np, len(x), batch=half, seed=seed, epoch=passes, purpose=order):
            drawn = random.integers(
                np,
                len(rows),
                seed=seed,
                step=adam.t,
                purpose=Purpose.DETECTOR_BATCH,
                high=len(fakes),
            )
            _, grads = detector_loss(detector, np.concatenate([x[rows], fakes[drawn]]), y[rows])
            adam.step(grads)
            callback(adam.t, {"phase": "detector", "total": total})
            if adam.t == total:
                break
        passes += 1
    if adam.diverged_at:
        raise FloatingPointError(
            f"the detector of CEWGAN (OD) diverged at step {adam.diverged_at}; scale the features"
        )
    return detector
