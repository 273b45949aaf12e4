"""Metrics of generalized zero-shot learning, in NumPy on the host.

Accuracies, shares and areas are fractions in [0, 1]. Labels are one-dimensional arrays of
integers or strings, scores are finite numbers. Every function raises ValueError for empty arrays,
arrays of different lengths, NaN and infinite values.
"""

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

ROUTES = ("SL", "GZSL", "ZSL")


def _vector(name: str, values: ArrayLike) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}; pass a one-dimensional array with at least one entry"
        )
    return array


def _labels(name: str, values: ArrayLike, y_true: np.ndarray) -> np.ndarray:
    array = _vector(name, values)
    if (array.dtype.kind in "biuf") != (y_true.dtype.kind in "biuf"):
        raise ValueError(
            f"{name} has dtype {array.dtype} but y_true has {y_true.dtype}, so no label can match; "
            "pass numbers in both or strings in both"
        )
    return array


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise ValueError(
            f"{name} holds {bad} NaN or infinite values of {array.size}; pass finite numbers"
        )
    return array


def _scores(name: str, values: ArrayLike) -> np.ndarray:
    array = _vector(name, values)
    return _finite(name, array if array.dtype.kind == "f" else array.astype(np.float64))


def _flags(name: str, values: ArrayLike) -> np.ndarray:
    array = _vector(name, values)
    if array.dtype != bool:
        raise ValueError(f"{name} has dtype {array.dtype}; pass an array of True and False")
    return array


def _check_lengths(**arrays: np.ndarray) -> None:
    first, n = next((name, len(array)) for name, array in arrays.items())
    for name, array in arrays.items():
        if len(array) != n:
            raise ValueError(
                f"{name} has {len(array)} entries but {first} has {n}; pass arrays of one length"
            )


def per_class_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Top-1 accuracy of every class that occurs in ``y_true``.

    Predicting a class that does not occur in ``y_true`` is an error of the sample's true class.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n,)
        True and predicted labels.

    Returns
    -------
    classes : ndarray of shape (c,)
        The classes in ``y_true``, sorted.
    accuracies : ndarray of shape (c,)
        The share of each class's samples that are labelled correctly.
    """
    y_true = _vector("y_true", y_true)
    y_pred = _labels("y_pred", y_pred, y_true)
    _check_lengths(y_true=y_true, y_pred=y_pred)
    classes, index = np.unique(y_true, return_inverse=True)
    return classes, np.bincount(index, weights=y_true == y_pred) / np.bincount(index)


def mean_class_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of ``per_class_accuracy`` with equal weights: S on seen, U on unseen classes.

    Source: Xian et al., "Zero-Shot Learning - A Comprehensive Evaluation of the Good, the Bad and
    the Ugly" (2019).

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n,)
        True and predicted labels.

    Returns
    -------
    float
        The mean, in [0, 1].
    """
    return float(per_class_accuracy(y_true, y_pred)[1].mean())


@overload
def harmonic_mean(s: float, u: float) -> float: ...
@overload
def harmonic_mean(s: ArrayLike, u: ArrayLike) -> float | np.ndarray: ...
def harmonic_mean(s: ArrayLike, u: ArrayLike) -> float | np.ndarray:
    """Harmonic mean H = 2 s u / (s + u) of two accuracies, 0 where both are 0.

    Source: Xian et al. (2019).

    Parameters
    ----------
    s, u : float, or array_like of one shape
        Accuracies of at least 0, both as fractions or both as percentages.

    Returns
    -------
    float or ndarray
        H, in the unit and shape of the accuracies.
    """
    s, u = np.asarray(s, dtype=np.float64), np.asarray(u, dtype=np.float64)
    for name, value in (("s", s), ("u", u)):
        if value.size and not value.min() >= 0:
            raise ValueError(f"{name} has the value {value.min()}; pass accuracies of 0 or more")
    total = s + u
    h = np.divide(2 * s * u, total, out=np.zeros_like(total), where=total > 0)
    return float(h) if h.ndim == 0 else h


def accuracies(y_true: ArrayLike, y_pred: ArrayLike, is_seen: ArrayLike) -> dict[str, float]:
    """S, U and their harmonic mean H.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n,)
        True and predicted labels.
    is_seen : array_like of bool, shape (n,)
        Whether the true class of a sample is seen.

    Returns
    -------
    dict of str to float
        The keys are "S", "U" and "H".
    """
    y_true, is_seen = _vector("y_true", y_true), _flags("is_seen", is_seen)
    y_pred = _labels("y_pred", y_pred, y_true)
    _check_lengths(y_true=y_true, y_pred=y_pred, is_seen=is_seen)
    s = mean_class_accuracy(y_true[is_seen], y_pred[is_seen])
    u = mean_class_accuracy(y_true[~is_seen], y_pred[~is_seen])
    return {"S": s, "U": u, "H": harmonic_mean(s, u)}


def accuracy_by_class(
    y_true: ArrayLike, y_pred: ArrayLike, is_seen: ArrayLike
) -> dict[str, dict[str, float]]:
    """``per_class_accuracy`` of seen and of unseen classes, as dicts that JSON can hold.

    Parameters
    ----------
    y_true, y_pred, is_seen : array_like of shape (n,)
        As for ``accuracies``.

    Returns
    -------
    dict of str to dict
        ``{"seen": {"3": 0.5, ...}, "unseen": {...}}``, accuracies by class, the class as text.
    """
    y_true, y_pred, is_seen = np.asarray(y_true), np.asarray(y_pred), _flags("is_seen", is_seen)
    found = {}
    for kind, rows in (("seen", is_seen), ("unseen", ~is_seen)):
        classes, values = per_class_accuracy(y_true[rows], y_pred[rows])
        found[kind] = {str(c): float(v) for c, v in zip(classes, values, strict=True)}
    return found


def auroc(negatives: ArrayLike, positives: ArrayLike) -> float:
    """Area under the ROC curve: the probability that a positive scores higher than a negative.

    A tie counts a half. Computed exactly from ranks (the Mann-Whitney statistic divided by n p).
    With entropies as scores, seen samples are the negatives and unseen ones the positives.

    Parameters
    ----------
    negatives : array_like of shape (n,)
    positives : array_like of shape (p,)
        Scores; a higher score means positive.

    Returns
    -------
    float
        The area, in [0, 1].
    """
    negatives, positives = np.sort(_scores("negatives", negatives)), _scores("positives", positives)
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    return int(np.sum(below + not_above)) / (2 * negatives.size * positives.size)


def fpr_at_tpr(negatives: ArrayLike, positives: ArrayLike, tpr: float = 0.95) -> float:
    """False positive rate at the threshold that reaches a given true positive rate.

    The threshold is the highest positive score t for which at least the share ``tpr`` of the
    positives has a score >= t; there is no interpolation. With entropies as scores, the result is
    the share of seen samples that are taken for unseen when 95% of the unseen ones are recognised.

    Parameters
    ----------
    negatives : array_like of shape (n,)
    positives : array_like of shape (p,)
        Scores; a higher score means positive.
    tpr : float
        The true positive rate, above 0 and at most 1.

    Returns
    -------
    float
        The share of negatives with a score >= t.
    """
    negatives, positives = _scores("negatives", negatives), _scores("positives", positives)
    if not 0 < tpr <= 1:
        raise ValueError(f"tpr is {tpr}; pass a share above 0 and at most 1")
    shares = np.arange(1, positives.size + 1) / positives.size
    threshold = np.sort(positives)[::-1][np.searchsorted(shares, tpr)]
    return float(np.mean(negatives >= threshold))


def _class_weights(y_true: np.ndarray, seen_classes: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of weights (n,): summed over correct samples, the first gives S, the second U."""
    classes, index, counts = np.unique(y_true, return_inverse=True, return_counts=True)
    class_is_seen = np.isin(classes, _labels("seen_classes", seen_classes, y_true))
    n_seen = np.count_nonzero(class_is_seen)
    n_unseen = classes.size - n_seen
    if not (n_seen and n_unseen):
        raise ValueError(
            f"y_true has {n_seen} seen and {n_unseen} unseen classes; pass samples of both kinds"
        )
    seen_weights = class_is_seen / (counts * n_seen)
    unseen_weights = ~class_is_seen / (counts * n_unseen)
    return seen_weights[index], unseen_weights[index]


def _accuracy_at_thresholds(
    weights: np.ndarray, block: np.ndarray, as_seen: np.ndarray, as_unseen: np.ndarray
) -> np.ndarray:
    """Accuracy (t + 1,) with the first 0, 1, ..., t blocks of samples treated as seen."""
    gains = np.bincount(block, weights=weights * as_seen - weights * as_unseen)
    accuracy = np.sum(weights * as_unseen) + np.concatenate([[0.0], np.cumsum(gains)])
    return np.clip(accuracy, 0.0, 1.0)  # rounding can move the sums slightly outside [0, 1]


def seen_unseen_curve(
    novelty: ArrayLike,
    correct_as_seen: ArrayLike,
    correct_as_unseen: ArrayLike,
    y_true: ArrayLike,
    seen_classes: ArrayLike,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """S and U at every threshold: samples with ``novelty < threshold`` are treated as seen.

    Parameters
    ----------
    novelty : array_like of shape (n,)
        A score of each sample; higher means rather unseen.
    correct_as_seen, correct_as_unseen : array_like of bool, shape (n,)
        Whether a sample gets the right label if it is treated as seen, or as unseen.
    y_true : array_like of shape (n,)
        True labels.
    seen_classes : array_like of shape (S,)
        The seen classes among the labels.

    Returns
    -------
    thresholds : ndarray of shape (t + 1,)
        The t distinct scores, ascending, and the next number above the highest. Any other
        threshold gives the same result as one of these, so the curve is complete.
    s, u : ndarray of shape (t + 1,)
        S and U at each threshold.
    """
    novelty, y_true = _scores("novelty", novelty), _vector("y_true", y_true)
    as_seen = _flags("correct_as_seen", correct_as_seen)
    as_unseen = _flags("correct_as_unseen", correct_as_unseen)
    _check_lengths(
        y_true=y_true, novelty=novelty, correct_as_seen=as_seen, correct_as_unseen=as_unseen
    )
    distinct, block = np.unique(novelty, return_inverse=True)
    # The next number in the scores' own precision; strict JSON can't hold infinity.
    thresholds = np.append(distinct, np.nextafter(distinct[-1], distinct.dtype.type(np.inf)))
    s, u = (
        _accuracy_at_thresholds(weights, block, as_seen, as_unseen)
        for weights in _class_weights(y_true, seen_classes)
    )
    return thresholds, s, u


def _score_matrix(name: str, scores: ArrayLike, *, n: int, n_classes: int) -> np.ndarray:
    scores = np.asarray(scores)
    if scores.shape != (n, n_classes):
        raise ValueError(
            f"{name} has shape {scores.shape} but {n} labels and {n_classes} classes were passed; "
            f"pass shape {(n, n_classes)}"
        )
    return _finite(name, scores)


def _check_classes(y_true: np.ndarray, seen: np.ndarray, unseen: np.ndarray) -> None:
    shared = np.intersect1d(seen, unseen)
    if shared.size:
        raise ValueError(
            f"class {shared[0]} is in seen_classes and in unseen_classes; pass it in one of them"
        )
    unknown = y_true[~(np.isin(y_true, seen) | np.isin(y_true, unseen))]
    if unknown.size:
        raise ValueError(
            f"y_true holds {unknown[0]}, which is neither in seen_classes nor in unseen_classes; "
            "pass the scores of this class or leave its samples out"
        )


def ausuc(
    scores_seen_classes: ArrayLike,
    scores_unseen_classes: ArrayLike,
    y_true: ArrayLike,
    seen_classes: ArrayLike,
    unseen_classes: ArrayLike,
) -> float:
    """Area under the seen-unseen accuracy curve by calibrated stacking.

    Every sample gets the class with the highest score (eq. 2) after a constant is subtracted
    from the scores of the seen classes. As the constant grows from minus to plus infinity, the
    point (U, S) of mean per-class accuracies moves from one axis to the other; the area under its
    path is the sum of the trapezoids between consecutive points. A sample's label changes only
    where the constant equals its best seen score minus its best unseen score, so no grid is needed.

    Source: Chao et al., "An Empirical Study and Analysis of Generalized Zero-Shot Learning ..."
    (2016).

    Parameters
    ----------
    scores_seen_classes : array_like of shape (n, S)
    scores_unseen_classes : array_like of shape (n, U)
        Scores; of equal scores in a row of one matrix the first column wins.
    y_true : array_like of shape (n,)
        True labels.
    seen_classes : array_like of shape (S,)
    unseen_classes : array_like of shape (U,)
        The classes of the columns.

    Returns
    -------
    float
        The area, in [0, 1].
    """
    y_true = _vector("y_true", y_true)
    seen = _labels("seen_classes", seen_classes, y_true)
    unseen = _labels("unseen_classes", unseen_classes, y_true)
    _check_classes(y_true, seen, unseen)
    n = y_true.size
    scores_seen = _score_matrix(
        "scores_seen_classes", scores_seen_classes, n=n, n_classes=seen.size
    )
    scores_unseen = _score_matrix(
        "scores_unseen_classes", scores_unseen_classes, n=n, n_classes=unseen.size
    )
    # In float64, so that different margins of float32 scores don't become equal by rounding.
    margin = np.subtract(scores_unseen.max(axis=1), scores_seen.max(axis=1), dtype=np.float64)
    as_seen = seen[scores_seen.argmax(axis=1)] == y_true
    as_unseen = unseen[scores_unseen.argmax(axis=1)] == y_true
    _, s, u = seen_unseen_curve(margin, as_seen, as_unseen, y_true, seen)
    # A higher threshold treats more samples as seen, so u decreases along the curve.
    return float(np.sum((u[:-1] - u[1:]) * (s[:-1] + s[1:]) / 2))


def best_threshold(
    entropy: ArrayLike,
    y_true: ArrayLike,
    label_supervised: ArrayLike,
    label_zero_shot: ArrayLike,
    seen_classes: ArrayLike,
) -> tuple[float, float, float, float]:
    """Highest H that one entropy threshold can reach on the given samples.

    This is an oracle: it uses the true labels of the samples it is measured on. Use it to analyse
    how well entropy separates seen from unseen samples, never to choose a threshold for a result.

    A sample with ``entropy < threshold`` gets its supervised label, any other its zero-shot label.
    All thresholds are tried; samples of equal entropy are treated alike.

    Parameters
    ----------
    entropy : array_like of shape (n,)
        Entropies in nats.
    y_true : array_like of shape (n,)
        True labels.
    label_supervised, label_zero_shot : array_like of shape (n,)
        The label of each sample if it is treated as seen, or as unseen.
    seen_classes : array_like of shape (S,)
        The seen classes among the labels.

    Returns
    -------
    h, s, u : float
        The highest H and its S and U.
    threshold : float
        The threshold in nats; of several with the same H, the lowest.
    """
    y_true = _vector("y_true", y_true)
    supervised = _labels("label_supervised", label_supervised, y_true)
    zero_shot = _labels("label_zero_shot", label_zero_shot, y_true)
    entropy = _scores("entropy", entropy)
    _check_lengths(
        y_true=y_true, entropy=entropy, label_supervised=supervised, label_zero_shot=zero_shot
    )
    thresholds, s, u = seen_unseen_curve(
        entropy, supervised == y_true, zero_shot == y_true, y_true, seen_classes
    )
    h = np.asarray(harmonic_mean(s, u))
    best = np.argmax(h)
    return float(h[best]), float(s[best]), float(u[best]), float(thresholds[best])


def route_shares(route: ArrayLike, is_seen: ArrayLike) -> dict[str, dict[str, float]]:
    """Share of the seen and of the unseen samples on each of the router's routes (eq. 10).

    Parameters
    ----------
    route : array_like of str, shape (n,)
        "SL", "GZSL" or "ZSL" for each sample.
    is_seen : array_like of bool, shape (n,)
        Whether the true class of a sample is seen.

    Returns
    -------
    dict of str to dict
        ``{"seen": {"SL": ..., "GZSL": ..., "ZSL": ...}, "unseen": {...}}``; the three shares of
        each kind add up to 1.
    """
    route, is_seen = _vector("route", route), _flags("is_seen", is_seen)
    _check_lengths(route=route, is_seen=is_seen)
    unknown = route[~np.isin(route, ROUTES)]
    if unknown.size:
        raise ValueError(f"route holds {unknown[0]}; pass only {', '.join(ROUTES)}")
    n_seen = np.count_nonzero(is_seen)
    if n_seen in (0, is_seen.size):
        raise ValueError(
            f"is_seen marks {n_seen} of {is_seen.size} samples as seen; pass samples of both kinds"
        )
    return {
        kind: {name: float(np.mean(route[mask] == name)) for name in ROUTES}
        for kind, mask in (("seen", is_seen), ("unseen", ~is_seen))
    }
