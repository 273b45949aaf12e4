"""A panel of experts scores samples; weights and a learned gate make one decision of it.

    log p(y|x) = log softmax over seen classes of sum_e v_e p_e      p_e: log p(y|x), or F_e
    log q(y|x) = log softmax over unseen classes of sum_e w_e F_e

F_e is an expert's compatibility in units of its deviation on training samples. A panel of one is
EntropySeparationGZSL with its own learned gate; StackedGZSL has several. All that is fitted is
fitted on folds of pseudo-unseen classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .learned import FoldFeatures, LearnedGate, fit_gate, h_at
from .mixing import Scored, mixed, mixing_weights

KINDS = ("entropy", "gap", "neighbours")  # of features
LEAST_WEIGHT = 1e-6  # of F where it says nothing: its inverse, router_tau, is finite


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpertScores:
    """One expert's scores of n samples, float64.

    seen (n, S) is log p(y|x) of its classifier, or F of the seen classes without one. unseen (n, U)
    is F of the unseen classes. gap (n,) is the largest F of a seen class minus that of an unseen
    one. F is in units of score_unit. entropy (n,) is that of the classifier as a fraction of ln S,
    or None.
    """

    seen: np.ndarray
    unseen: np.ndarray
    gap: np.ndarray
    entropy: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """The scores of the same n samples by every expert, and similarities to training samples.

    Both are by name; a similarity (n,) is the mean cosine with the nearest training samples.
    """

    experts: dict[str, ExpertScores]
    similarities: dict[str, np.ndarray]

    def features(self, kinds: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Return the features (n,) of those kinds, by name, in the order of experts."""
        found = {}
        for name, scores in self.experts.items():
            if "entropy" in kinds and scores.entropy is not None:
                found[feature_name("entropy", name)] = scores.entropy
            if "gap" in kinds:
                found[feature_name("gap", name)] = scores.gap
        if "neighbours" in kinds:
            for name, similarity in self.similarities.items():
                found[feature_name("neighbours", name)] = -similarity
        return found

    def phi(self, names: tuple[str, ...]) -> np.ndarray:
        """Return the features (n, q) with these names."""
        found = self.features(KINDS)
        return np.stack([found[name] for name in names], axis=1)

    @property
    def seen(self) -> np.ndarray:
        """The experts' scores of seen classes (experts, n, S)."""
        return np.stack([scores.seen for scores in self.experts.values()])

    @property
    def unseen(self) -> np.ndarray:
        """The experts' scores of unseen classes (experts, n, U)."""
        return np.stack([scores.unseen for scores in self.experts.values()])


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """A fold's pseudo-test samples: their panel, and their classes y (n,).

    y is an index into the pseudo-seen classes, followed by the pseudo-unseen ones.
    """

    panel: Panel
    y: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the folds have fitted: the weights v and w of every expert, and the gate."""

    seen_weights: tuple[float, ...]
    unseen_weights: tuple[float, ...]
    gate: LearnedGate


@dataclass(frozen=True, kw_only=True, eq=False)
class Decided:
    """What a decision says of n samples.

    index (n,) is the class, S + j for unseen class j; score and gate (n,) are as in a RouteResult.
    log_p (n, S) and log_q (n, U) are the mixed log-probabilities. theta (n,) is the gate's log-odds
    of all seen classes, and margin (n,) = theta + max log p - max log q: a seen class wins where it
    is at least 0.
    """

    index: np.ndarray
    score: np.ndarray
    gate: np.ndarray
    log_p: np.ndarray
    log_q: np.ndarray
    theta: np.ndarray
    margin: np.ndarray


def feature_name(kind: str, of: str) -> str:
    """Return the name of a feature; a panel of one expert has no names."""
    return f"{kind} of {of}" if of else kind


def score_unit(f: np.ndarray) -> float:
    """Return the deviation of F (n, S) of training samples, after taking away each row's mean.

    What all classes of a row share says nothing about its class. 1 if the deviation is 0.
    """
    f = f.astype(float)
    return float((f - f.mean(axis=1, keepdims=True)).std()) or 1.0


def expert_scores(
    f: np.ndarray,
    *,
    n_seen: int,
    unit: float,
    log_p: np.ndarray | None = None,
    entropy: np.ndarray | None = None,
) -> ExpertScores:
    """Return the scores of an expert with F (n, S + U), and log p (n, S) and its entropy in nats.

    unit is the score_unit of its training samples.
    """
    f = f.astype(float) / unit
    seen, unseen = f[:, :n_seen], f[:, n_seen:]
    fraction = None if entropy is None else entropy.astype(float) / np.log(max(n_seen, 2))
    return ExpertScores(
        seen=seen if log_p is None else log_p.astype(float),
        unseen=unseen,
        gap=seen.max(axis=1) - unseen.max(axis=1),
        entropy=fraction,
    )


def fit_decision(folds: list[Fold], kinds: tuple[str, ...]) -> Decision:
    """Return the weights of the experts and the gate with features of those kinds.

    The probabilities of a single expert's classifier are taken as they are. If no expert tells
    unseen classes apart, all count a little, so that the best F still gives the label.
    """
    parts = [_by_side(fold) for fold in folds]
    w = mixing_weights([unseen for _, unseen in parts])
    if w.max() < LEAST_WEIGHT:
        w[:] = LEAST_WEIGHT
    (first, *others) = folds[0].panel.experts.values()
    single = not others and first.entropy is not None
    v = np.ones(1) if single else mixing_weights([seen for seen, _ in parts])
    names = tuple(folds[0].panel.features(kinds))
    gate = fit_gate([fold_features(fold, v, w, kinds) for fold in folds], names)
    return Decision(seen_weights=tuple(v.tolist()), unseen_weights=tuple(w.tolist()), gate=gate)


def held_out_h(folds: list[Fold], kinds: tuple[str, ...]) -> list[float]:
    """Return H of each fold with the decision that the other folds fit."""
    found = []
    for i, fold in enumerate(folds):
        decision = fit_decision(folds[:i] + folds[i + 1 :], kinds)
        v, w = np.array(decision.seen_weights), np.array(decision.unseen_weights)
        found.append(h_at(decision.gate, fold_features(fold, v, w, kinds)))
    return found


def fold_features(fold: Fold, v: np.ndarray, w: np.ndarray, kinds: tuple[str, ...]) -> FoldFeatures:
    """Return the fold's samples as the gate sees them, for weights v and w of the experts."""
    log_p, log_q = mixed(fold.panel.seen, v), mixed(fold.panel.unseen, w)
    y, n_seen = fold.y, log_p.shape[1]
    is_seen, counts = y < n_seen, np.bincount(y, minlength=n_seen + log_q.shape[1])
    weight = 1 / counts[y]
    return FoldFeatures(
        phi=np.stack(list(fold.panel.features(kinds).values()), axis=1),
        lead=log_p.max(axis=1) - log_q.max(axis=1),
        right_seen=log_p.argmax(axis=1) == y,
        right_unseen=log_q.argmax(axis=1) + n_seen == y,
        weight_seen=is_seen * weight / np.count_nonzero(counts[:n_seen]),
        weight_unseen=~is_seen * weight / np.count_nonzero(counts[n_seen:]),
    )


def decide(decision: Decision, panel: Panel) -> Decided:
    """Return what the decision says of each sample of a panel."""
    v, w = np.array(decision.seen_weights), np.array(decision.unseen_weights)
    log_p, log_q = mixed(panel.seen, v), mixed(panel.unseen, w)
    theta = decision.gate.theta(panel.phi(decision.gate.features))
    of_seen, of_unseen = log_p.max(axis=1), log_q.max(axis=1)
    margin = theta + of_seen - of_unseen
    is_seen = margin >= 0
    index = np.where(is_seen, log_p.argmax(axis=1), log_p.shape[1] + log_q.argmax(axis=1))
    log_gate, log_rest = -np.logaddexp(0, -theta), -np.logaddexp(0, theta)
    score = np.exp(np.where(is_seen, log_gate + of_seen, log_rest + of_unseen))
    return Decided(
        index=index,
        score=score,
        gate=np.exp(log_gate),
        log_p=log_p,
        log_q=log_q,
        theta=theta,
        margin=margin,
    )


def _by_side(fold: Fold) -> tuple[Scored, Scored]:
    """Return the pseudo-seen and the pseudo-unseen samples, each scored among its own classes."""
    seen, unseen = fold.panel.seen, fold.panel.unseen
    n_seen = seen.shape[2]
    is_seen = fold.y < n_seen
    return (
        Scored(scores=seen[:, is_seen], y=fold.y[is_seen]),
        Scored(scores=unseen[:, ~is_seen], y=fold.y[~is_seen] - n_seen),
    )
