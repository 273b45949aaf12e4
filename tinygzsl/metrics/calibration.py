"""Whether a score is a probability: Brier score, calibration error, reliability curve.

A score is calibrated if, of all samples with the score p, the share p comes true. What comes true
is the caller's: that a label is right, or that a sample is of a seen class.

Without weights every sample counts the same, as is usual. With the weights of ``balanced_weights``
the figures are about the same population as S, U and H: half of it seen and half unseen, the
classes of each half equally frequent. Test sets have classes of arbitrary sizes, and whether a
score is calibrated depends on them.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .accuracy import class_weights
from .checks import check_lengths, flags, labels, scores_of

BINS = 15  # of equal counts
PARTS = 20  # of the histogram, of equal width
DRAWS = 1000
LEVEL = 0.95
ROUNDING = 1e-6  # by which float32 may carry a probability outside [0, 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reliability:
    """A reliability curve: arrays (b,) with an entry per bin, by ascending probability.

    mean is the mean probability in a bin, rate the share that came true, weight the bin's share of
    all weights (these three are weighted), and count the number of its samples.
    """

    mean: np.ndarray
    rate: np.ndarray
    weight: np.ndarray
    count: np.ndarray


class _Samples(NamedTuple):
    """Checked arrays (n,): probabilities in float64, outcomes, and weights of sum 1."""

    p: np.ndarray
    outcome: np.ndarray
    weights: np.ndarray


def brier_score(
    probability: ArrayLike, outcome: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    """Mean of (probability - outcome)^2, with outcomes of 0 and 1; lower is better.

    Source: Brier, "Verification of forecasts expressed in terms of probability" (1950), for two
    outcomes and without his factor 2.

    Parameters
    ----------
    probability : array_like of shape (n,)
        Probabilities in [0, 1].
    outcome : array_like of bool, shape (n,)
        Whether it came true.
    weights : array_like of shape (n,), optional
        Weights of the samples, 0 or more; all equal by default. See ``balanced_weights``.

    Returns
    -------
    float
        The score, in [0, 1].
    """
    return _brier(_checked(probability, outcome, weights))


def reliability_curve(
    probability: ArrayLike, outcome: ArrayLike, *, weights: ArrayLike | None = None
) -> Reliability:
    """How often it came true, against the probability, in at most 15 bins of equal counts.

    Scores crowd near 0 and 1. Bins of equal width would hold most samples in one bin and a handful
    in others, whose rates are noise; bins of equal counts are equally reliable and show detail
    where the samples are. Equal probabilities stay in one bin, the one in which the middle of them
    falls, so the curve doesn't depend on the order of the samples, and counts may then differ.

    Parameters
    ----------
    probability, outcome, weights
        As for ``brier_score``. Weights change means and rates, not the bins.

    Returns
    -------
    Reliability
        Bins without samples, or whose weights are all 0, are left out.
    """
    return _curve(_checked(probability, outcome, weights))


def calibration_error(
    probability: ArrayLike, outcome: ArrayLike, *, weights: ArrayLike | None = None
) -> float:
    """Expected calibration error (ECE): mean of |mean - rate| over the bins of the curve.

    Bins count by their weight. The ECE of a calibrated score is not 0 but what chance leaves in the
    bins; ``calibration`` says how much that is.

    Parameters
    ----------
    probability, outcome, weights
        As for ``reliability_curve``.

    Returns
    -------
    float
        The error, in [0, 1].
    """
    samples = _checked(probability, outcome, weights)
    return _error(samples, samples.outcome, _bins(samples.p))


def balanced_weights(y_true: ArrayLike, seen_classes: ArrayLike) -> np.ndarray:
    """Weights with which the mean of a figure is its mean over classes, both sides alike.

    Of correct labels that mean is (S + U) / 2.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        True labels, of seen and of unseen classes.
    seen_classes : array_like of shape (S,)
        The seen classes among the labels.

    Returns
    -------
    ndarray of shape (n,)
        Weights of sum 1.
    """
    of_seen, of_unseen = class_weights(labels("y_true", y_true), seen_classes)
    return (of_seen + of_unseen) / 2


def calibration(
    probability: ArrayLike, outcome: ArrayLike, *, weights: ArrayLike | None = None
) -> dict[str, Any]:
    """All figures about one score, ready for JSON.

    The score is called calibrated unless its ECE is above the limit: the ECE that a calibrated
    score with the same values, bins and weights stays below in 95 of 100 cases. The limit is found
    by drawing the outcomes anew, 1000 times, each with its own probability; the draws are the same
    in every call. With few samples the limit is high, and calibrated says only that nothing speaks
    against it.

    Parameters
    ----------
    probability, outcome, weights
        As for ``reliability_curve``.

    Returns
    -------
    dict
        brier, ece, and the ece_limit; calibrated, True or False; mean, of the probabilities, and
        rate, the share that came true; curve, with the lists mean, rate and count by bin; and
        histogram, numbers of samples in 20 equal parts of [0, 1].
    """
    samples = _checked(probability, outcome, weights)
    error, limit = _error(samples, samples.outcome, _bins(samples.p)), _error_limit(samples)
    curve = _curve(samples)
    return {
        "brier": _brier(samples),
        "ece": error,
        "ece_limit": limit,
        "calibrated": error <= limit,
        "mean": float(np.sum(samples.weights * samples.p)),
        "rate": float(np.sum(samples.weights * samples.outcome)),
        "curve": {
            "mean": curve.mean.tolist(),
            "rate": curve.rate.tolist(),
            "count": curve.count.tolist(),
        },
        "histogram": np.histogram(samples.p, PARTS, range=(0, 1))[0].tolist(),
    }


def _checked(probability: ArrayLike, outcome: ArrayLike, weights: ArrayLike | None) -> _Samples:
    p = scores_of("probability", probability).astype(np.float64)
    outcome = flags("outcome", outcome)
    w = np.ones(p.size) if weights is None else scores_of("weights", weights).astype(np.float64)
    check_lengths(probability=p, outcome=outcome, weights=w)
    for value in (p.min(), p.max()):
        if not -ROUNDING <= value <= 1 + ROUNDING:
            raise InputError(f"probability has the value {value:g}; pass numbers from 0 to 1")
    if w.min() < 0 or not w.max() > 0:
        raise InputError(
            f"weights lie between {w.min():g} and {w.max():g}; pass numbers of 0 or more, some of "
            "them above 0"
        )
    return _Samples(np.clip(p, 0, 1), outcome, w / w.sum())


def _brier(samples: _Samples) -> float:
    return float(np.sum(samples.weights * (samples.p - samples.outcome) ** 2))


def _bins(p: np.ndarray) -> np.ndarray:
    """The bin (n,) of each sample: of the 15 equal parts of all ranks, that with its own rank.

    The rank of equal probabilities is the middle of theirs.
    """
    _, block, counts = np.unique(p, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - counts / 2  # between 0 and n
    return (rank * BINS / p.size).astype(int)[block]


def _curve(samples: _Samples) -> Reliability:
    bins = _bins(samples.p)
    weight, mean, rate = (
        np.bincount(bins, samples.weights * values) for values in (1, samples.p, samples.outcome)
    )
    used = weight > 0
    return Reliability(
        mean=mean[used] / weight[used],
        rate=rate[used] / weight[used],
        weight=weight[used],
        count=np.bincount(bins)[used],
    )


def _error(samples: _Samples, outcome: np.ndarray, bins: np.ndarray) -> float:
    """The ECE of these outcomes (n,)."""
    gaps = np.bincount(bins, samples.weights * (samples.p - outcome))  # weight (mean - rate)
    return float(np.abs(gaps).sum())


def _error_limit(samples: _Samples) -> float:
    rng, bins = np.random.default_rng(0), _bins(samples.p)
    errors = [_error(samples, rng.random(samples.p.size) < samples.p, bins) for _ in range(DRAWS)]
    return float(np.quantile(errors, LEVEL))
