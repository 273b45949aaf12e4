"""PTC, the pre-trained classifier: a linear softmax on the seen classes.

The confidence score (eq. 7) looks at its probabilities. It minimises mean cross-entropy + l2 / 2
||W||^2 (the bias is not penalised). The problem is convex, so L-BFGS needs no learning rate; Adam
is the field's habit and the alternative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import kernels
from .nn import ops, random
from .nn.adam import Adam
from .nn.device_memory import blocks
from .nn.random import Purpose
from .runtime.array import Array
from .runtime.backend import array_module, to_host
from .runtime.memory import LOADING, require_room
from .runtime.threads import workers
from .settings import Settings

MAX_ITERATIONS = 500


class PTC(NamedTuple):
    """Weights w (S, d), bias b (S,), the l2 chosen and the held-out log-loss (nats) it got."""

    w: Array
    b: Array
    l2: float
    held_out_loss: float

    def log_proba(self, x: Array) -> Array:
        """log p(y|x) (n, S)."""
        linear = ops.ACTIVATIONS["linear"]
        logits = [ops.dense_forward(part, self.w, self.b, linear)[0] for _, part in blocks(x)]
        whole = logits[0] if len(logits) == 1 else array_module(x).concatenate(logits)
        return kernels.log_softmax_entropy(whole)[0]


def ptc_loss(w: Array, b: Array, x: Array, y: Array, l2: float) -> tuple[Array, Array, Array]:
    """Mean cross-entropy + l2 / 2 ||w||^2 with its gradients dw (S, d) and db (S,)."""
    loss, dw, db = 0, 0, 0
    for rows, part in blocks(x):
        terms = block_loss(w, b, part, y[rows], x.shape[0])
        loss, dw, db = loss + terms[0], dw + terms[1], db + terms[2]
    return loss + 0.5 * l2 * (w * w).sum(), dw + l2 * w, db


def block_loss(w: Array, b: Array, x: Array, y: Array, n: int) -> tuple[Array, Array, Array]:
    """The part that a block of rows x, y has in the mean over n rows, with its dw and db."""
    xp, count = array_module(w, b, x, y), x.shape[0]
    linear = ops.ACTIVATIONS["linear"]
    logits, *caches = ops.dense_forward(x, w, b, linear)
    dce, dentropy = xp.full(count, 1 / n, x.dtype), xp.zeros(count, x.dtype)
    cross_entropy, _, dlogits = kernels.softmax_loss(logits, y, dce, dentropy)
    dw = xp.empty_like(w)
    _, db = ops.dense_backward(dlogits, *caches, linear, dw, need_dx=False)
    return cross_entropy.mean() * (count / n), dw, db


def train_ptc(
    x: Array,
    y: Array,
    x_held: Array,
    y_held: Array,
    n_classes: int,
    settings: Settings,
    seed: int,
    callback: Callable[[int, dict], None] = lambda step, logs: None,
) -> PTC:
    """The classifier with the l2 of settings.ptc_l2 that has the least held-out log-loss.

    x (n, d) and y (n,) train it, x_held and y_held choose l2. L-BFGS goes from the strongest l2 to
    the weakest, each fit from the one before it, and stops once the held-out loss rises. A fit
    ends after MAX_ITERATIONS or where x's precision allows no further descent; what counts is the
    held-out loss. callback(step, logs) is called after each fit. Raises FloatingPointError if a
    loss, gradient or weight is NaN or inf.
    """
    xp = array_module(x, y, x_held, y_held)
    w, b = xp.zeros((n_classes, x.shape[1]), x.dtype), xp.zeros(n_classes, x.dtype)
    best = None
    for i, l2 in enumerate(sorted(settings.ptc_l2, reverse=True), start=1):
        if settings.ptc_solver == "lbfgs":
            w, b = _fit_lbfgs(w, b, x, y, l2)
        else:
            w, b = _fit_adam(x, y, n_classes, l2, settings, seed)
        loss = float(ptc_loss(w, b, x_held, y_held, 0.0)[0])
        if not math.isfinite(loss):
            raise _diverged(f"with l2 = {l2:g}", f"its loss on held-out samples is {loss}")
        callback(i, {"phase": "ptc", "total": len(settings.ptc_l2)})
        if best is None or loss < best.held_out_loss:
            best = PTC(w, b, l2, loss)
        elif settings.ptc_solver == "lbfgs":
            break  # the held-out loss has turned, and weaker l2 only overfits more
    return best


def refit(model: PTC, x: Array, y: Array) -> PTC:
    """The classifier with the same l2 for x (n, d), y (n,), by L-BFGS from the model's weights."""
    w, b = _fit_lbfgs(model.w, model.b, x, y, model.l2)
    return model._replace(w=w, b=b)


def _fit_lbfgs(w: Array, b: Array, x: Array, y: Array, l2: float) -> tuple[Array, Array]:
    """L-BFGS on the host over float64 parameters; the objective runs where x is."""
    require_room(LOADING, "SciPy")
    from scipy.optimize import minimize

    xp, evaluations = array_module(w, b, x, y), 0

    def unpack(theta: np.ndarray) -> tuple[Array, Array]:
        theta = xp.asarray(theta, dtype=x.dtype)
        return theta[: w.size].reshape(w.shape), theta[w.size :]

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluations
        evaluations += 1
        loss, dw, db = ptc_loss(*unpack(theta), x, y, l2)
        values = xp.concatenate([dw.ravel(), db, loss.reshape(1)])  # one copy to the host, not two
        gradient = to_host(values).astype(np.float64)
        if not np.isfinite(gradient).all():
            what = "gradient" if math.isfinite(gradient[-1]) else "loss"
            where = f"at evaluation {evaluations}, l2 = {l2:g}"
            raise _diverged(where, f"its {what} is NaN or inf")
        return float(gradient[-1]), gradient[:-1]

    start = to_host(xp.concatenate([w.ravel(), b])).astype(np.float64)
    with workers():  # SciPy has a BLAS of its own
        found = minimize(
            objective, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}
        )
    return unpack(found.x)


def _fit_adam(
    x: Array, y: Array, n_classes: int, l2: float, settings: Settings, seed: int
) -> tuple[Array, Array]:
    xp = array_module(x, y)
    w, b = xp.zeros((n_classes, x.shape[1]), x.dtype), xp.zeros(n_classes, x.dtype)
    adam = Adam([w, b], settings.ptc_lr, (0.5, 0.999))
    for epoch in range(settings.ptc_epochs):
        order = random.permutation(xp, seed, epoch, Purpose.PTC_ORDER, x.shape[0])
        for at in range(0, x.shape[0], settings.ptc_batch):
            rows = order[at : at + settings.ptc_batch]
            _, dw, db = ptc_loss(w, b, x[rows], y[rows], l2)
            adam.step([dw, db])
            if xp is np and adam.first_bad():
                break
        if bad := adam.first_bad():  # a GPU is waited for once an epoch
            what = ("weights", "biases")[bad[1]]
            raise _diverged(f"at step {bad[0]}, l2 = {l2:g}", f"its {what} are NaN or inf")
    return w, b


def _diverged(where: str, what: str) -> FloatingPointError:
    return FloatingPointError(
        f"the PTC diverged {where}: {what}; scale the features, or lower ptc_lr where ptc_solver "
        "is adam"
    )
