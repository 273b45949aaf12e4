"""A report's figures about single test samples: entropies, confusions, confident mistakes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..datasets import Dataset
from ..datasets.column_order import inputs_of
from ..estimator import EntropySeparationGZSL
from ..evaluation import decided_by, fresh_proxies, with_learned_gate
from ..gates.panel import Panel, decide
from ..metrics import ROUTES, mean_class_accuracy
from ..router import RouteResult
from ..stacking.stack import StackedGZSL

BINS = 30
WORST = 10  # wrong samples per route that are listed


Model: TypeAlias = EntropySeparationGZSL | StackedGZSL


class Histogram(NamedTuple):
    """Edges (BINS + 1,); shares (BINS,) per kind (seen, unseen, proxy), with sum 1."""

    edges: np.ndarray
    shares: dict[str, np.ndarray]


class WrongSample(NamedTuple):
    """A test sample with a wrong label; row counts from 0 in the dataset's X_test."""

    row: int
    true: Any
    predicted: Any
    route: str
    entropy: float
    score: float


class ExpertAccuracy(NamedTuple):
    """An expert's own accuracies: of unseen samples among unseen classes, of seen among seen."""

    zsl: float
    supervised: float


class Details(NamedTuple):
    """Details of the test samples.

    histogram is of the entropy in nats, theta that of a learned gate, and experts are those of a
    learned gate's panel by name. confusion (U, U + 1) counts true against predicted unseen classes;
    its last column counts labels of seen classes. counts are the test samples per class, by the
    label as text.
    """

    histogram: Histogram
    theta: Histogram | None
    experts: dict[str, ExpertAccuracy]
    confusion: np.ndarray
    wrong: list[WrongSample]
    counts: dict[str, int]


def inspect_samples(model: Model, data: Dataset) -> Details:
    """Return the details of a Dataset's test samples; `evaluate` has checked the dataset before."""
    X, prototypes = inputs_of(model, data)
    result = model.route(X, prototypes, data.unseen_classes)
    classes, counts = np.unique(data.y_test, return_counts=True)
    is_seen = np.isin(data.y_test, model.classes_)
    gated, theta, experts = with_learned_gate(model), None, {}
    if gated is not None:
        panel = gated.panel(X, prototypes)
        theta = _of_theta(decide(gated.decision_, panel).theta, is_seen)
        experts = expert_accuracies(panel, data)
    return Details(
        histogram=histogram(model, result.entropy, is_seen),
        theta=theta,
        experts=experts,
        confusion=unseen_confusion(data.y_test, result.label, data.unseen_classes),
        wrong=most_certain_mistakes(data.y_test, result),
        counts={str(c): int(n) for c, n in zip(classes, counts, strict=True)},
    )


def entropy_histogram(model: Model, data: Dataset) -> Histogram:
    """Return the histogram of the entropies of a Dataset's test samples and of fresh proxies."""
    X, _ = inputs_of(model, data)
    return histogram(model, model.entropy(X), np.isin(data.y_test, model.classes_))


def theta_histogram(model: Model, data: Dataset) -> Histogram | None:
    """Return the histogram of a learned gate's theta of a Dataset's test samples, else None."""
    gated = with_learned_gate(model)
    if gated is None:
        return None
    return _of_theta(decided_by(gated, data).theta, np.isin(data.y_test, model.classes_))


def _of_theta(theta: np.ndarray, is_seen: np.ndarray) -> Histogram:
    """Return the histogram of theta (n,), which ranges over 0, where the gate is 1/2, too."""
    edges = np.linspace(min(theta.min(), 0), max(theta.max(), 0), BINS + 1)
    return _shares({"seen": theta[is_seen], "unseen": theta[~is_seen]}, edges)


def histogram(model: Model, entropy: np.ndarray, is_seen: np.ndarray) -> Histogram:
    """Return the histogram, from 0 to ln S, of test entropies (n,) and fresh proxies' entropies.

    is_seen (n,) tells seen from unseen test samples. Without a GAN there are no proxies.
    """
    top = math.log(len(model.classes_))
    values = {"seen": entropy[is_seen], "unseen": entropy[~is_seen]}
    if not isinstance(model, StackedGZSL) and model.proxy_source_ is not None:
        values["proxy"] = model.entropy(fresh_proxies(model))
    # Rounding can make an entropy greater than ln S, which is outside the last bin.
    values = {kind: np.clip(v, 0, top) for kind, v in values.items()}
    return _shares(values, np.linspace(0, top, BINS + 1))


def _shares(values: dict[str, np.ndarray], edges: np.ndarray) -> Histogram:
    counts = {kind: np.histogram(v, edges)[0] for kind, v in values.items()}
    return Histogram(edges, {kind: c / c.sum() for kind, c in counts.items()})


def expert_accuracies(panel: Panel, data: Dataset) -> dict[str, ExpertAccuracy]:
    """Return the accuracies of every expert of a panel of a Dataset's test samples, by name."""
    y, is_seen = data.y_test, np.isin(data.y_test, data.seen_classes)
    found = {}
    for name, scores in panel.experts.items():
        zero_shot = data.unseen_classes[scores.unseen[~is_seen].argmax(axis=1)]
        supervised = data.seen_classes[scores.seen[is_seen].argmax(axis=1)]
        found[name] = ExpertAccuracy(
            zsl=mean_class_accuracy(y[~is_seen], zero_shot),
            supervised=mean_class_accuracy(y[is_seen], supervised),
        )
    return found


def unseen_confusion(y: np.ndarray, label: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Return the confusion matrix (U, U + 1) of samples of unseen classes.

    The last column counts all labels that are not in unseen (U,), which is sorted.
    """
    rows = np.isin(y, unseen)
    true = np.searchsorted(unseen, y[rows])
    column = np.minimum(np.searchsorted(unseen, label[rows]), len(unseen) - 1)
    column = np.where(unseen[column] == label[rows], column, len(unseen))
    counts = np.zeros((len(unseen), len(unseen) + 1), int)
    np.add.at(counts, (true, column), 1)
    return counts


def most_certain_mistakes(y: np.ndarray, result: RouteResult) -> list[WrongSample]:
    """Return the WORST wrong samples with the highest scores of each route.

    y (n,) are the true labels. Scores of different routes can't be compared, as they are
    probabilities among different candidates.
    """
    found = []
    for route in ROUTES:
        rows = np.flatnonzero((result.route == route) & (result.label != y))
        order = np.argsort(-result.score[rows], kind="stable")[:WORST]
        found += [
            WrongSample(
                row=int(i),
                true=y[i].item(),
                predicted=result.label[i].item(),
                route=route,
                entropy=float(result.entropy[i]),
                score=float(result.score[i]),
            )
            for i in rows[order]
        ]
    return found
