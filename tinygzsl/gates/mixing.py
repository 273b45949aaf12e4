"""Several scores of the same classes as one: a weighted sum whose weights validation chooses.

    log q(y|x) = log softmax_y sum_e w_e s_e(x, y),   w_e >= 0

The s_e are the scores F_e / sigma_e of experts among unseen classes, or their log p_e(y|x) among
seen ones. The weights minimise the class-balanced mean log-loss on samples that no expert was
trained on, plus 1e-3 |w|^2; the problem is convex. A useless expert gets the weight 0. With one
expert, w is the inverse of a temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kernels.reference import log_softmax_entropy
from ..nn.lbfgs import minimize
from ..runtime.backend import to_host

PENALTY = 1e-3  # of |w|^2: it keeps the weights finite if the classes are separable
MAX_ITERATIONS, GRADIENT_TOLERANCE, DECREASE = 500, 1e-8, 1e-14


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Samples of one fold, scored by every expert.

    scores (experts, n, classes) are the experts' scores of the same classes, y (n,) the indices of
    the samples' classes.
    """

    scores: np.ndarray
    y: np.ndarray


def balanced_shares(folds: list[Scored]) -> list[np.ndarray]:
    """Return the weights (n,) of each fold's samples: sum 1, and the same for every class.

    The class of one label in two folds counts twice.
    """
    counts = [np.bincount(fold.y, minlength=fold.scores.shape[2]) for fold in folds]
    n_classes = sum(int((count > 0).sum()) for count in counts)
    return [1 / (count[fold.y] * n_classes) for fold, count in zip(folds, counts, strict=True)]


def mixing_loss(
    w: np.ndarray, folds: list[Scored], shares: list[np.ndarray]
) -> tuple[float, np.ndarray]:
    """Return the balanced mean log-loss in nats plus PENALTY |w|^2, and its gradient dw (experts,).

    shares are those of balanced_shares.
    """
    loss, dw = PENALTY * float(w @ w), 2 * PENALTY * w
    for fold, share in zip(folds, shares, strict=True):
        rows = np.arange(len(fold.y))
        log_q = mixed(fold.scores, w)
        loss -= float(share @ log_q[rows, fold.y])
        dz = np.exp(log_q)  # softmax minus the one-hot label
        dz[rows, fold.y] -= 1
        dz *= share[:, None]
        dw = dw + np.tensordot(fold.scores, dz, axes=2)
    return loss, dw


def mixed(scores: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return log softmax (n, classes) of the sum of w_e times scores (experts, n, classes)."""
    return to_host(log_softmax_entropy(np.tensordot(w, scores, axes=1))[0])


def mixing_weights(folds: list[Scored]) -> np.ndarray:
    """Return the weights (experts,) in float64, none negative, that minimise mixing_loss."""
    shares = balanced_shares(folds)
    start = np.full(folds[0].scores.shape[0], 1 / folds[0].scores.shape[0])
    found = minimize(
        lambda w: mixing_loss(to_host(w), folds, shares),
        start,
        lower=0.0,
        max_iterations=MAX_ITERATIONS,
        gradient_tolerance=GRADIENT_TOLERANCE,
        decrease=DECREASE,
    )
    return to_host(found.x)
