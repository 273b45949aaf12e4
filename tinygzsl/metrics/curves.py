"""S and U at every threshold, and what is read off that curve."""

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..runtime.backend import refuse_masked
from .accuracy import class_weights, harmonic_mean
from .checks import check_lengths, finite, flags, labels, labels_like, scores_of


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
    novelty, y_true = scores_of("novelty", novelty), labels("y_true", y_true)
    as_seen = flags("correct_as_seen", correct_as_seen)
    as_unseen = flags("correct_as_unseen", correct_as_unseen)
    check_lengths(
        y_true=y_true, novelty=novelty, correct_as_seen=as_seen, correct_as_unseen=as_unseen
    )
    distinct, block = np.unique(novelty, return_inverse=True)
    # The next number in the scores' own precision; strict JSON can't hold infinity.
    thresholds = np.append(distinct, np.nextafter(distinct[-1], distinct.dtype.type(np.inf)))
    s, u = (
        _accuracy_at_thresholds(weights, block, as_seen, as_unseen)
        for weights in class_weights(y_true, seen_classes)
    )
    return thresholds, s, u


def _score_matrix(name: str, scores: ArrayLike, *, n: int, n_classes: int) -> np.ndarray:
    refuse_masked(scores, name)
    scores = np.asarray(scores)
    if scores.shape != (n, n_classes):
        raise InputError(
            f"{name} has shape {scores.shape} but {n} labels and {n_classes} classes were passed; "
            f"pass shape {(n, n_classes)}"
        )
    return finite(name, scores)


def _check_classes(y_true: np.ndarray, seen: np.ndarray, unseen: np.ndarray) -> None:
    shared = np.intersect1d(seen, unseen)
    if shared.size:
        raise InputError(
            f"class {shared[0]} is in seen_classes and in unseen_classes; pass it in one of them"
        )
    unknown = y_true[~(np.isin(y_true, seen) | np.isin(y_true, unseen))]
    if unknown.size:
        raise InputError(
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
    y_true = labels("y_true", y_true)
    seen = labels_like("seen_classes", seen_classes, y_true)
    unseen = labels_like("unseen_classes", unseen_classes, y_true)
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
    y_true = labels("y_true", y_true)
    supervised = labels_like("label_supervised", label_supervised, y_true)
    zero_shot = labels_like("label_zero_shot", label_zero_shot, y_true)
    entropy = scores_of("entropy", entropy)
    check_lengths(
        y_true=y_true, entropy=entropy, label_supervised=supervised, label_zero_shot=zero_shot
    )
    thresholds, s, u = seen_unseen_curve(
        entropy, supervised == y_true, zero_shot == y_true, y_true, seen_classes
    )
    h = np.asarray(harmonic_mean(s, u))
    best = np.argmax(h)
    return float(h[best]), float(s[best]), float(u[best]), float(thresholds[best])
