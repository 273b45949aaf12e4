"""A report's figures about single test samples: entropies, confusions, confident mistakes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..datasets import Dataset
from ..estimator import EntropySeparationGZSL
from ..evaluation import PROXIES
from ..metrics import ROUTES
from ..router import RouteResult

BINS = 30
WORST = 10  # wrong samples per route that are listed


class Histogram(NamedTuple):
    """Edges (BINS + 1,) in nats; shares (BINS,) per kind (seen, unseen, proxy), with sum 1."""

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


class Details(NamedTuple):
    """Details of the test samples.

    confusion (U, U + 1) counts true against predicted unseen classes; its last column counts labels
    of seen classes. counts are the test samples per class, by the label as text.
    """

    histogram: Histogram
    confusion: np.ndarray
    wrong: list[WrongSample]
    counts: dict[str, int]


def inspect_samples(model: EntropySeparationGZSL, data: Dataset) -> Details:
    """Return the details of a Dataset's test samples; `evaluate` has checked the dataset before."""
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    classes, counts = np.unique(data.y_test, return_counts=True)
    return Details(
        histogram=histogram(model, result.entropy, np.isin(data.y_test, model.classes_)),
        confusion=unseen_confusion(data.y_test, result.label, data.unseen_classes),
        wrong=most_certain_mistakes(data.y_test, result),
        counts={str(c): int(n) for c, n in zip(classes, counts, strict=True)},
    )


def entropy_histogram(model: EntropySeparationGZSL, data: Dataset) -> Histogram:
    """Return the histogram of the entropies of a Dataset's test samples and of fresh proxies."""
    return histogram(model, model.entropy(data.X_test), np.isin(data.y_test, model.classes_))


def histogram(model: EntropySeparationGZSL, entropy: np.ndarray, is_seen: np.ndarray) -> Histogram:
    """Return the histogram, from 0 to ln S, of test entropies (n,) and fresh proxies' entropies.

    is_seen (n,) tells seen from unseen test samples. Without a GAN there are no proxies.
    """
    top = math.log(len(model.classes_))
    values = {"seen": entropy[is_seen], "unseen": entropy[~is_seen]}
    if model.proxy_source_ is not None:
        values["proxy"] = model.entropy(model.sample_proxies(PROXIES))
    edges = np.linspace(0, top, BINS + 1)
    # Rounding can make an entropy greater than ln S, which is outside the last bin.
    counts = {k: np.histogram(np.clip(v, 0, top), edges)[0] for k, v in values.items()}
    return Histogram(edges, {k: c / c.sum() for k, c in counts.items()})


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
