"""Metrics of generalized zero-shot learning, in NumPy on the host.

Accuracies, shares and areas are fractions in [0, 1]. Labels are one-dimensional arrays of
integers or strings, scores are finite numbers. What cannot be measured (no samples, arrays of
different lengths, not a number) is a ValueError.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUTES = ("SL", "GZSL", "ZSL")


def _vector(name: str, values: ArrayLike) -> NDArray:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}; pass a one-dimensional array with at least one entry"
        )
    return array


def _labels(name: str, values: ArrayLike, y_true: NDArray) -> NDArray:
    array = _vector(name, values)
    if (array.dtype.kind in "biuf") != (y_true.dtype.kind in "biuf"):
        raise ValueError(
            f"{name} has dtype {array.dtype} but y_true has {y_true.dtype}, so that no label can "
            "match; pass numbers in both or strings in both"
        )
    return array


def _finite(name: str, array: NDArray) -> NDArray:
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise ValueError(
            f"{name} holds {bad} NaN or infinite values of {array.size}; pass finite numbers"
        )
    return array


def _scores(name: str, values: ArrayLike) -> NDArray:
    array = _vector(name, values)
    return _finite(name, array if array.dtype.kind == "f" else array.astype(np.float64))


def _flags(name: str, values: ArrayLike) -> NDArray:
    array = _vector(name, values)
    if array.dtype != bool:
        raise ValueError(f"{name} has dtype {array.dtype}; pass an array of True and False")
    return array


def _check_lengths(**arrays: NDArray) -> None:
    first, n = next((name, len(array)) for name, array in arrays.items())
    for name, array in arrays.items():
        if len(array) != n:
            raise ValueError(f"{name} has {len(array)} entries but {first} has {n}; pass as many")


def per_class_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray, NDArray]:
    """Top-1 accuracy of every class that occurs in ``y_true``.

    Parameters: ``y_true`` (n,) and ``y_pred`` (n,), labels. Returns ``classes`` (c,), sorted,
    and ``accuracies`` (c,), the share of each class's samples that got its label. A predicted
    class without samples in ``y_true`` counts only as the errors it makes.
    """
    y_true = _vector("y_true", y_true)
    y_pred = _labels("y_pred", y_pred, y_true)
    _check_lengths(y_true=y_true, y_pred=y_pred)
    classes, index = np.unique(y_true, return_inverse=True)
    return classes, np.bincount(index, weights=y_true == y_pred) / np.bincount(index)


def mean_class_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of ``per_class_accuracy``: S or U of the field, every class weighing the same.

    Parameters: ``y_true`` (n,) and ``y_pred`` (n,), labels. Source: Xian et al., "Zero-Shot
    Learning - A Comprehensive Evaluation of the Good, the Bad and the Ugly" (2019).
    """
    return float(per_class_accuracy(y_true, y_pred)[1].mean())


def harmonic_mean(s: ArrayLike, u: ArrayLike) -> float | NDArray:
    """Harmonic mean H = 2 s u / (s + u) of two accuracies, 0 where both are 0.

    Parameters: ``s`` and ``u``, two numbers (returns a float) or two arrays of one shape (returns
    an array), not negative, both fractions or both percentages. Source: Xian et al. (2019).
    """
    s, u = np.asarray(s, dtype=np.float64), np.asarray(u, dtype=np.float64)
    for name, value in (("s", s), ("u", u)):
        if value.size and not value.min() >= 0:
            raise ValueError(f"{name} has the value {value.min()}; pass accuracies of 0 or more")
    total = s + u
    h = np.divide(2 * s * u, total, out=np.zeros_like(total), where=total > 0)
    return float(h) if h.ndim == 0 else h


def accuracies(y_true: ArrayLike, y_pred: ArrayLike, is_seen: ArrayLike) -> dict[str, float]:
    """S, U and their harmonic mean H, as a dict of the three.

    Parameters: ``y_true`` (n,) and ``y_pred`` (n,), labels; ``is_seen`` (n,), bool, whether the
    sample's true class is seen.
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
    """``per_class_accuracy`` of seen and of unseen classes, by class as text.

    Parameters as of ``accuracies``. Returns ``{"seen": {"3": ...}, "unseen": {...}}``.
    """
    y_true, y_pred, is_seen = np.asarray(y_true), np.asarray(y_pred), _flags("is_seen", is_seen)
    found = {}
    for kind, rows in (("seen", is_seen), ("unseen", ~is_seen)):
        classes, values = per_class_accuracy(y_true[rows], y_pred[rows])
        found[kind] = {str(c): float(v) for c, v in zip(classes, values, strict=True)}
    return found


def auroc(negatives: ArrayLike, positives: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative.

    Parameters: scores of the ``negatives`` (n,) and the ``positives`` (p,), higher meaning
    positive; with entropies, seen samples are the negatives and unseen ones the positives. A tie
    counts a half. Computed exactly from ranks (the Mann-Whitney statistic divided by n p).
    """
    negatives, positives = np.sort(_scores("negatives", negatives)), _scores("positives", positives)
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    return int(np.sum(below + not_above)) / (2 * negatives.size * positives.size)


def fpr_at_tpr(negatives: ArrayLike, positives: ArrayLike, tpr: float = 0.95) -> float:
    """Share of negatives flagged by the threshold that flags the share ``tpr`` of positives.

    Parameters: scores of the ``negatives`` (n,) and the ``positives`` (p,), higher meaning
    positive, and ``tpr`` in (0, 1]. With entropies it is the share of seen samples taken for
    unseen when 95% of the unseen ones are let through. The threshold is the highest positive
    score t for which at least ``tpr`` of the positives have a score >= t, without interpolation.
    """
    negatives, positives = _scores("negatives", negatives), _scores("positives", positives)
    if not 0 < tpr <= 1:
        raise ValueError(f"tpr is {tpr}; pass a share above 0 and at most 1")
    shares = np.arange(1, positives.size + 1) / positives.size
    threshold = np.sort(positives)[::-1][np.searchsorted(shares, tpr)]
    return float(np.mean(negatives >= threshold))


def _class_weights(y_true: NDArray, seen_classes: ArrayLike) -> tuple[NDArray, NDArray]:
    """Weights (n,) whose sum over correct seen (unseen) samples is S (U): zero for the others."""
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
    weights: NDArray, block: NDArray, as_seen: NDArray, as_unseen: NDArray
) -> NDArray:
    """Start with all samples treated as unseen, then move one block after the other."""
    gains = np.bincount(block, weights=weights * as_seen - weights * as_unseen)
    accuracy = np.sum(weights * as_unseen) + np.concatenate([[0.0], np.cumsum(gains)])
    return np.clip(accuracy, 0.0, 1.0)  # sums of fractions leave [0, 1] by a rounding error


def seen_unseen_curve(
    novelty: ArrayLike,
    correct_as_seen: ArrayLike,
    correct_as_unseen: ArrayLike,
    y_true: ArrayLike,
    seen_classes: ArrayLike,
) -> tuple[NDArray, NDArray, NDArray]:
    """S and U at every threshold on a score: ``novelty < threshold`` is treated as seen.

    Parameters, one entry per sample: ``novelty`` (n,), a score; ``correct_as_seen`` and
    ``correct_as_unseen`` (n,), bool, whether the label it gets when treated so is right;
    ``y_true`` (n,), labels. ``seen_classes`` (S,): which labels are seen.

    Returns ``thresholds``, ``s`` and ``u``, each (t + 1,) for t distinct scores. The thresholds
    are these scores, ascending, and the next number above the highest; any other threshold
    treats the samples like one of them, so the curve is complete.
    """
    novelty, y_true = _scores("novelty", novelty), _vector("y_true", y_true)
    as_seen = _flags("correct_as_seen", correct_as_seen)
    as_unseen = _flags("correct_as_unseen", correct_as_unseen)
    _check_lengths(
        y_true=y_true, novelty=novelty, correct_as_seen=as_seen, correct_as_unseen=as_unseen
    )
    distinct, block = np.unique(novelty, return_inverse=True)
    # The next number in the scores' own precision: infinity would not survive strict JSON.
    thresholds = np.append(distinct, np.nextafter(distinct[-1], distinct.dtype.type(np.inf)))
    s, u = (
        _accuracy_at_thresholds(weights, block, as_seen, as_unseen)
        for weights in _class_weights(y_true, seen_classes)
    )
    return thresholds, s, u


def _score_matrix(name: str, scores: ArrayLike, n: int, n_classes: int) -> NDArray:
    scores = np.asarray(scores)
    if scores.shape != (n, n_classes):
        raise ValueError(
            f"{name} has shape {scores.shape} but {n} labels and {n_classes} classes were passed; "
            f"pass shape {(n, n_classes)}"
        )
    return _finite(name, scores)


def _check_classes(y_true: NDArray, seen: NDArray, unseen: NDArray) -> None:
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
    point (U, S) of mean per-class accuracies runs from one axis to the other; the area under its
    path is summed by trapezoids over every point it takes. A sample changes sides where the
    constant passes its best seen score minus its best unseen score, so no grid is needed.

    Parameters: ``scores_seen_classes`` (n, S) and ``scores_unseen_classes`` (n, U), columns in
    the order of ``seen_classes`` (S,) and ``unseen_classes`` (U,); ``y_true`` (n,), labels. Of
    equal scores in a row of one matrix the first column wins. Source: Chao et al., "An Empirical
    Study and Analysis of Generalized Zero-Shot Learning ..." (2016).
    """
    y_true = _vector("y_true", y_true)
    seen = _labels("seen_classes", seen_classes, y_true)
    unseen = _labels("unseen_classes", unseen_classes, y_true)
    _check_classes(y_true, seen, unseen)
    n = y_true.size
    scores_seen = _score_matrix("scores_seen_classes", scores_seen_classes, n, seen.size)
    scores_unseen = _score_matrix("scores_unseen_classes", scores_unseen_classes, n, unseen.size)
    # In float64, so that different margins of float32 scores do not round to a tie.
    margin = np.subtract(scores_unseen.max(axis=1), scores_seen.max(axis=1), dtype=np.float64)
    as_seen = seen[scores_seen.argmax(axis=1)] == y_true
    as_unseen = unseen[scores_unseen.argmax(axis=1)] == y_true
    _, s, u = seen_unseen_curve(margin, as_seen, as_unseen, y_true, seen)
    # A higher threshold treats more samples as seen, so u falls along the curve.
    return float(np.sum((u[:-1] - u[1:]) * (s[:-1] + s[1:]) / 2))


def best_threshold(
    entropy: ArrayLike,
    y_true: ArrayLike,
    label_supervised: ArrayLike,
    label_zero_shot: ArrayLike,
    seen_classes: ArrayLike,
) -> tuple[float, float, float, float]:
    """Highest H that one hard entropy threshold can reach on these very samples.

    An oracle, which sees the true labels of the samples that it scores: use it to analyse how
    well entropy separates, never to choose a threshold for a result.

    A sample with ``entropy < threshold`` takes its supervised label, any other its zero-shot
    label. All thresholds are tried, samples of equal entropy staying together.

    Parameters, one entry per sample: ``entropy`` (n,), nats; ``y_true``, ``label_supervised``
    and ``label_zero_shot`` (n,), labels. ``seen_classes`` (S,): which labels are seen.

    Returns ``(h, s, u, threshold)``, the threshold in nats; of several equally good ones, one.
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
    h = harmonic_mean(s, u)
    best = np.argmax(h)
    return float(h[best]), float(s[best]), float(u[best]), float(thresholds[best])


def route_shares(route: ArrayLike, is_seen: ArrayLike) -> dict[str, dict[str, float]]:
    """Share of the seen and of the unseen samples on each of the router's routes (eq. 10).

    Parameters: ``route`` (n,), the strings "SL", "GZSL" or "ZSL"; ``is_seen`` (n,), bool,
    whether the sample's true class is seen. Returns ``{"seen": {"SL": ..., "GZSL": ...,
    "ZSL": ...}, "unseen": {...}}``; the three shares of each kind add up to 1.
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
