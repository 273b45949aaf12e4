"""Accuracies as means over classes: S, U and their harmonic mean H."""

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .checks import check_lengths, flags, labels, labels_like


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
    y_true = labels("y_true", y_true)
    y_pred = labels_like("y_pred", y_pred, y_true)
    check_lengths(y_true=y_true, y_pred=y_pred)
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
            raise InputError(f"{name} has the value {value.min()}; pass accuracies of 0 or more")
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
    y_true, is_seen = labels("y_true", y_true), flags("is_seen", is_seen)
    y_pred = labels_like("y_pred", y_pred, y_true)
    check_lengths(y_true=y_true, y_pred=y_pred, is_seen=is_seen)
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
    y_true, is_seen = labels("y_true", y_true), flags("is_seen", is_seen)
    y_pred = labels_like("y_pred", y_pred, y_true)
    found = {}
    for kind, rows in (("seen", is_seen), ("unseen", ~is_seen)):
        classes, values = per_class_accuracy(y_true[rows], y_pred[rows])
        found[kind] = {str(c): float(v) for c, v in zip(classes, values, strict=True)}
    return found


def class_weights(y_true: np.ndarray, seen_classes: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of weights (n,): summed over correct samples, the first gives S, the second U."""
    classes, index, counts = np.unique(y_true, return_inverse=True, return_counts=True)
    class_is_seen = np.isin(classes, labels_like("seen_classes", seen_classes, y_true))
    n_seen = np.count_nonzero(class_is_seen)
    n_unseen = classes.size - n_seen
    if not (n_seen and n_unseen):
        raise InputError(
            f"y_true has {n_seen} seen and {n_unseen} unseen classes; pass samples of both kinds"
        )
    seen_weights = class_is_seen / (counts * n_seen)
    unseen_weights = ~class_is_seen / (counts * n_unseen)
    return seen_weights[index], unseen_weights[index]
