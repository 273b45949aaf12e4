"""The learned gate: several features of a sample are evidence for a seen class.

    g = w . phi^ + b           phi^: features, each with mean 0 and deviation 1 on the folds
    theta = kappa g - o        P(seen | x) = sigmoid(theta)
    seen class y:    log sigmoid(theta) + log p(y|x)
    unseen class y:  log sigmoid(-theta) + log q(y|x)

p is the classifier C, q a softmax of F over the unseen classes (see mixing.py). The label is the
class with the largest of these S + U scores. As log sigmoid(t) - log sigmoid(-t) = t, a seen class
wins where theta + max log p >= max log q.

w and b come from a logistic regression on pseudo-unseen classes, kappa and o from the mean H of the
folds. Nothing depends on the batch that is routed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import kernels
from ..errors import InputError
from ..metrics import harmonic_mean
from ..nn.lbfgs import minimize
from ..runtime.array import Array
from ..runtime.backend import array_module, to_host
from ..settings import Settings
from ..text import warn

KAPPAS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
OFFSETS = np.arange(-80, 81) / 20  # -4 to 4; linspace's 0.05 and -0.05 don't sum to 0
PLATEAU = 0.002  # values of o within this of the best mean H are as good; the middle one is taken
ROUNDING = 1e-9  # of a mean: a feature that varies by less is constant
MAX_ITERATIONS, GRADIENT_TOLERANCE, DECREASE = 500, 1e-8, 1e-14


@dataclass(frozen=True, kw_only=True)
class LearnedGate:
    """A fitted gate.

    features are names; means, deviations and weights have one number per feature, the weights for
    standardised features. intercept is b, offset o.
    """

    features: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    kappa: float = 1.0
    offset: float = 0.0

    def evidence(self, phi: np.ndarray) -> np.ndarray:
        """Return g (n,) of features phi (n, q)."""
        slopes = np.divide(self.weights, self.deviations)
        return (phi - np.asarray(self.means)) @ slopes + self.intercept

    def theta(self, phi: np.ndarray) -> np.ndarray:
        """Return theta (n,) of features phi (n, q)."""
        return self.kappa * self.evidence(phi) - self.offset


def gate_of(settings: Settings) -> LearnedGate:
    """Return the gate whose numbers are in the settings; ValueError if they aren't fitted."""
    if not settings.router_weights:
        raise InputError(
            "router_gate is 'learned', but router_weights is empty; fit the model, which finds the "
            "gate's numbers on folds of the training samples"
        )
    return LearnedGate(
        features=settings.router_features,
        means=settings.router_means,
        deviations=settings.router_deviations,
        weights=settings.router_weights,
        intercept=settings.router_intercept,
        kappa=settings.router_kappa,
        offset=settings.router_offset,
    )


def as_settings(gate: LearnedGate, *, tau: float, fold_unseen: tuple[int, ...]) -> dict[str, Any]:
    """Return a fitted gate as settings; fold_unseen are the folds' numbers of unseen classes."""
    return {
        "router_gate": "learned",
        "router_features": gate.features,
        "router_weights": gate.weights,
        "router_means": gate.means,
        "router_deviations": gate.deviations,
        "router_intercept": gate.intercept,
        "router_kappa": gate.kappa,
        "router_offset": gate.offset,
        "router_tau": tau,
        "router_fold_unseen": fold_unseen,
    }


def route(
    logits: Array, f: Array, settings: Settings, *, unit: float, similarity: Array | None
) -> tuple[Array, Array, Array, Array, Array]:
    """Return candidate index, route code, entropy, score and gate, (n,) each.

    logits (n, S) are those of C, f (n, S + U) is F with the seen classes first, and unit its
    score_unit on training samples. similarity (n,) is that of the neighbours, or None if they are
    no feature.
    """
    gate = gate_of(settings)
    if (similarity is not None) != ("neighbours" in gate.features):
        raise InputError(
            f"the gate's features are {', '.join(gate.features)}, but the model was fitted with "
            "others; fit it again"
        )
    slopes = dict(zip(gate.features, np.divide(gate.weights, gate.deviations), strict=True))
    slopes = {name: gate.kappa * float(slope) for name, slope in slopes.items()}
    at_means = sum(slopes[name] * m for name, m in zip(gate.features, gate.means, strict=True))
    xp = array_module(f)
    rest = xp.zeros(f.shape[0], f.dtype)
    if similarity is not None:
        rest = xp.asarray(-slopes["neighbours"] * similarity, f.dtype)
    return kernels.learned_route_rows(
        logits,
        f,
        rest,
        of_entropy=slopes.get("entropy", 0.0),
        of_gap=slopes.get("gap", 0.0) / unit,
        bias=gate.kappa * gate.intercept - at_means - gate.offset,
        tau=settings.router_tau * unit,
    )


def warn_if_other_number(n_unseen: int, fold_unseen: tuple[int, ...]) -> None:
    """Warn if there are over twice or under half as many unseen classes as on any fold."""
    if fold_unseen and not min(fold_unseen) / 2 <= n_unseen <= 2 * max(fold_unseen):
        few, many = min(fold_unseen), max(fold_unseen)
        was = f"{few}" if few == many else f"{few} to {many}"
        warn(
            f"there are {n_unseen} unseen classes, but the gate was fitted with {was} "
            "pseudo-unseen ones: it may send too many or too few samples to them"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldFeatures:
    """The pseudo-test samples (n,) of a fold as the gate sees them.

    phi (n, q) are features. lead (n,) is max log p - max log q. right_seen and right_unseen say
    whether the best seen and the best unseen class are right. weight_seen and weight_unseen, each
    with sum 1 and the same for every class, are the weights with which right labels sum to S and U.
    """

    phi: np.ndarray
    lead: np.ndarray
    right_seen: np.ndarray
    right_unseen: np.ndarray
    weight_seen: np.ndarray
    weight_unseen: np.ndarray

    @property
    def is_seen(self) -> np.ndarray:
        """Whether the samples (n,) are of pseudo-seen classes."""
        return self.weight_seen > 0


def gate_loss(
    w: np.ndarray, b: float, phi: np.ndarray, is_seen: np.ndarray, omega: np.ndarray
) -> tuple[float, np.ndarray, float]:
    """Return |w|^2 / 2 + sum_i omega_i logloss_i in nats, dw (q,) and db.

    phi (n, q) are standardised features, is_seen (n,) the labels, omega (n,) the weights.
    """
    sign = np.where(is_seen, 1.0, -1.0)
    margin = sign * (phi @ w + b)
    loss = 0.5 * float(w @ w) + float(omega @ np.logaddexp(0, -margin))
    dg = -omega * sign * np.exp(-np.logaddexp(0, margin))  # -omega sign sigmoid(-margin)
    return loss, w + phi.T @ dg, float(dg.sum())


def sample_weights(folds: list[FoldFeatures]) -> np.ndarray:
    """Return omega (n,) of the pooled samples: either side sums to n / 2.

    Within a side every fold weighs the same, and within a fold every class.
    """
    of_seen = np.concatenate([fold.weight_seen for fold in folds])
    of_unseen = np.concatenate([fold.weight_unseen for fold in folds])
    return (of_seen + of_unseen) * (len(of_seen) / 2 / len(folds))


def fit_gate(folds: list[FoldFeatures], features: tuple[str, ...]) -> LearnedGate:
    """Return the gate for the pooled samples of the folds; features name the columns of phi."""
    phi = np.concatenate([fold.phi for fold in folds])
    is_seen = np.concatenate([fold.is_seen for fold in folds])
    omega = sample_weights(folds)
    means = omega @ phi / omega.sum()
    deviations = np.sqrt(omega @ (phi - means) ** 2 / omega.sum())
    deviations[deviations <= ROUNDING * np.abs(means)] = 1
    standard = (phi - means) / deviations

    def objective(wb: Array) -> tuple[float, Array]:
        w, b = to_host(wb[:-1]), float(wb[-1])
        loss, dw, db = gate_loss(w, b, standard, is_seen, omega)
        return loss, np.append(dw, db)

    found = minimize(
        objective,
        np.zeros(phi.shape[1] + 1),
        max_iterations=MAX_ITERATIONS,
        gradient_tolerance=GRADIENT_TOLERANCE * len(omega),
        decrease=DECREASE,
    )
    gate = LearnedGate(
        features=features,
        means=tuple(means.tolist()),
        deviations=tuple(deviations.tolist()),
        weights=tuple(found.x[:-1].tolist()),
        intercept=float(found.x[-1]),
    )
    return calibrated(gate, folds)


def calibrated(gate: LearnedGate, folds: list[FoldFeatures]) -> LearnedGate:
    """Return the gate with the kappa and the o of the highest mean H over the folds.

    o is the middle of the values around the best one whose mean H is within PLATEAU of it.
    """
    tables = np.stack([h_table(gate, fold) for fold in folds]).mean(axis=0)
    kappa, at = np.unravel_index(tables.argmax(), tables.shape)
    good = tables[kappa] >= tables[kappa, at] - PLATEAU
    low = high = at
    while low > 0 and good[low - 1]:
        low -= 1
    while high < len(OFFSETS) - 1 and good[high + 1]:
        high += 1
    return replace(gate, kappa=KAPPAS[kappa], offset=float((OFFSETS[low] + OFFSETS[high]) / 2))


def h_at(gate: LearnedGate, fold: FoldFeatures) -> float:
    """Return H of a fold with this gate."""
    margin = gate.kappa * gate.evidence(fold.phi) + fold.lead
    return float(h_curve(margin, fold, np.array([gate.offset]))[0])


def h_table(gate: LearnedGate, fold: FoldFeatures) -> np.ndarray:
    """Return H of a fold for every kappa of KAPPAS (rows) and o of OFFSETS (columns)."""
    g = gate.evidence(fold.phi)
    return np.stack([h_curve(kappa * g + fold.lead, fold, OFFSETS) for kappa in KAPPAS])


def h_curve(margin: np.ndarray, fold: FoldFeatures, offsets: np.ndarray) -> np.ndarray:
    """Return H of a fold for each offset (m,), where a seen class wins if margin (n,) >= offset."""
    order = np.argsort(margin, kind="stable")
    below = np.searchsorted(margin[order], offsets)  # samples that get an unseen class
    seen = np.append(0, np.cumsum((fold.weight_seen * fold.right_seen)[order]))
    unseen = np.append(0, np.cumsum((fold.weight_unseen * fold.right_unseen)[order]))
    s, u = seen[-1] - seen[below], unseen[below]
    return np.asarray(harmonic_mean(s, u))
