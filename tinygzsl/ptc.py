"""PTC, the pre-trained classifier: a linear softmax on the seen classes.

The confidence score (eq. 7) is computed from its probabilities. Training minimises mean
cross-entropy + l2 / 2 ||W||^2 (the bias is not penalised). The problem is convex, so L-BFGS, which
needs no learning rate, is the default; Adam, the usual choice in the field, is the alternative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from . import kernels
from .errors import InputError
from .nn import ops, random
from .nn.adam import Adam
from .nn.device_memory import blocks
from .nn.lbfgs import NotFiniteError, minimize
from .nn.random import Purpose
from .runtime.array import Array
from .runtime.backend import array_module
from .settings import Settings

MAX_ITERATIONS = 500
# A fit ends where no entry of the gradient exceeds GRADIENT_TOLERANCE, or where a step lowers the
# loss by no more than DECREASE.
GRADIENT_TOLERANCE, DECREASE = 1e-5, 2.2e-9


class PTC(NamedTuple):
    """Weights w (S, d), bias b (S,), the chosen l2 and its held-out log-loss (nats)."""

    w: Array
    b: Array
    l2: float
    held_out_loss: float

    def log_proba(self, x: Array) -> Array:
        """Return log p(y|x) (n, S) for x (n, d)."""
        linear = ops.ACTIVATIONS["linear"]
        logits = [ops.dense_forward(part, self.w, self.b, linear)[0] for _, part in blocks(x)]
        whole = logits[0] if len(logits) == 1 else array_module(x).concatenate(logits)
        return kernels.log_softmax_entropy(whole)[0]


def ptc_loss(w: Array, b: Array, x: Array, y: Array, *, l2: float) -> tuple[Array, Array, Array]:
    """Return mean cross-entropy + l2 / 2 ||w||^2, dw (S, d) and db (S,)."""
    of_blocks = [block_loss(w, b, part, y[rows], n=x.shape[0]) for rows, part in blocks(x)]
    loss, dw, db = (reduce(add, terms) for terms in zip(*of_blocks, strict=True))
    return loss + 0.5 * l2 * (w * w).sum(), dw + l2 * w, db


def block_loss(w: Array, b: Array, x: Array, y: Array, *, n: int) -> tuple[Array, Array, Array]:
    """Return the contribution of a block of rows x, y to the mean over n rows, its dw and db."""
    xp, count = array_module(w, b, x, y), x.shape[0]
    linear = ops.ACTIVATIONS["linear"]
    logits, cache, phi_cache = ops.dense_forward(x, w, b, linear)
    dce, dentropy = xp.full(count, 1 / n, x.dtype), xp.zeros(count, x.dtype)
    cross_entropy, _, dlogits = kernels.softmax_loss(logits, y, dce, dentropy)
    dw = xp.empty_like(w)
    _, db = ops.dense_backward(dlogits, cache, phi_cache, linear, dw, need_dx=False)
    return cross_entropy.mean() * (count / n), dw, db


def train_ptc(
    x: Array,
    y: Array,
    x_held: Array,
    y_held: Array,
    *,
    n_classes: int,
    settings: Settings,
    seed: int,
    callback: Callable[[int, dict[str, Any]], None] = lambda step, logs: None,
) -> PTC:
    """Return the classifier with the l2 of settings.ptc_l2 that has the least held-out log-loss.

    It is trained on x (n, d) and y (n,); x_held and y_held are the hold-out set that chooses l2.
    L-BFGS starts with the largest l2 and each further fit from the previous one; it stops when the
    held-out loss increases. A fit ends after MAX_ITERATIONS, or when the precision of x allows no
    further descent. callback(step, logs) is called after each fit. Raises FloatingPointError if a
    loss, gradient or weight is NaN or inf.
    """
    xp = array_module(x, y, x_held, y_held)
    w, b = xp.zeros((n_classes, x.shape[1]), x.dtype), xp.zeros(n_classes, x.dtype)
    best: PTC | None = None
    for i, l2 in enumerate(sorted(settings.ptc_l2, reverse=True), start=1):
        if settings.ptc_solver == "lbfgs":
            w, b = _fit_lbfgs(w, b, x, y, l2=l2)
        else:
            w, b = _fit_adam(x, y, n_classes=n_classes, l2=l2, settings=settings, seed=seed)
        loss = float(ptc_loss(w, b, x_held, y_held, l2=0.0)[0])
        if not math.isfinite(loss):
            raise _diverged(f"with l2 = {l2:g}", f"its loss on held-out samples is {loss}")
        callback(i, {"phase": "ptc", "total": len(settings.ptc_l2)})
        if best is None or loss < best.held_out_loss:
            best = PTC(w, b, l2=l2, held_out_loss=loss)
        elif settings.ptc_solver == "lbfgs":
            break  # the held-out loss increases: a smaller l2 would only overfit more
    if best is None:
        raise InputError("ptc_l2 has no value; pass at least one")
    return best


def refit(model: PTC, x: Array, y: Array) -> PTC:
    """Return the classifier with the same l2 for x (n, d), y (n,), from the model's weights."""
    w, b = _fit_lbfgs(model.w, model.b, x, y, l2=model.l2)
    return model._replace(w=w, b=b)


def _fit_lbfgs(w: Array, b: Array, x: Array, y: Array, *, l2: float) -> tuple[Array, Array]:
    """Run L-BFGS in float64 over w and the bias for centred features.

    With x - mean instead of x, the bias b + w mean gives the same logits. If features are not
    negative, w and b are nearly dependent, but w and this bias are not, which halves the number of
    steps.
    """
    xp, mean = array_module(w, b, x, y), _mean_of_rows(x)

    def unpack(theta: Array) -> tuple[Array, Array]:
        weights, bias = theta[: w.size].reshape(w.shape), theta[w.size :]
        return weights.astype(x.dtype), (bias - weights @ mean).astype(x.dtype)

    def objective(theta: Array) -> tuple[Array, Array]:
        w, b = unpack(theta)
        loss, dw, db = ptc_loss(w, b, x, y, l2=l2)
        return loss, xp.concatenate([(dw - db[:, None] * mean).ravel(), db])

    weights = w.astype(np.float64)
    try:
        found = minimize(
            objective,
            xp.concatenate([weights.ravel(), b + weights @ mean]),
            max_iterations=MAX_ITERATIONS,
            gradient_tolerance=GRADIENT_TOLERANCE,
            decrease=DECREASE,
        )
    except NotFiniteError as error:
        where = f"at evaluation {error.evaluation}, l2 = {l2:g}"
        raise _diverged(where, f"its {error.what} is NaN or inf") from None
    return unpack(found.x)


def _mean_of_rows(x: Array) -> Array:
    """Return about the mean (d,) of x (n, d), in float64; the centre need not be exact."""
    sums = (part.sum(axis=0).astype(np.float64) for _, part in blocks(x))
    return reduce(add, sums) / x.shape[0]


def _fit_adam(
    x: Array, y: Array, *, n_classes: int, l2: float, settings: Settings, seed: int
) -> tuple[Array, Array]:
    xp = array_module(x, y)
    w, b = xp.zeros((n_classes, x.shape[1]), x.dtype), xp.zeros(n_classes, x.dtype)
    adam = Adam([w, b], lr=settings.ptc_lr, betas=(0.5, 0.999))
    for epoch in range(settings.ptc_epochs):
        order = random.permutation(xp, x.shape[0], seed=seed, step=epoch, purpose=Purpose.PTC_ORDER)
        for at in range(0, x.shape[0], settings.ptc_batch):
            rows = order[at : at + settings.ptc_batch]
            _, dw, db = ptc_loss(w, b, x[rows], y[rows], l2=l2)
            adam.step([dw, db])
            if xp is np and adam.first_bad():
                break
        if bad := adam.first_bad():  # waits for a GPU once per epoch
            what = ("weights", "biases")[bad[1]]
            raise _diverged(f"at step {bad[0]}, l2 = {l2:g}", f"its {what} are NaN or inf")
    return w, b


def _diverged(where: str, what: str) -> FloatingPointError:
    return FloatingPointError(
        f"the PTC diverged {where}: {what}; scale the features, or lower ptc_lr where ptc_solver "
        "is adam"
    )
