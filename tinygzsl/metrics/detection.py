"""How well a score, such as the entropy, detects samples of unseen classes."""

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .checks import scores_of


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
    negatives, positives = (
        np.sort(scores_of("negatives", negatives)),
        scores_of("positives", positives),
    )
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
    negatives, positives = scores_of("negatives", negatives), scores_of("positives", positives)
    if not 0 < tpr <= 1:
        raise InputError(f"tpr is {tpr}; pass a share above 0 and at most 1")
    shares = np.arange(1, positives.size + 1) / positives.size
    threshold = np.sort(positives)[::-1][np.searchsorted(shares, tpr)]
    return float(np.mean(negatives >= threshold))
