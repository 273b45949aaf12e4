r"""The difference in H between each method and one of them, paired, with a 95% interval.

H is the one by which the table sorts: with the validated offset if the method takes one, else as it
is. Methods are measured on the same test samples and with the same seeds, so they are compared
sample by sample and seed by seed: what is hard for both cancels. With H_m(j) of a method and H_r(j)
of the reference for seeds j = 1 .. n,

    d = (1 / n) sum_j [H_m(j) - H_r(j)].

A method without random numbers has one row, which stands beside every seed of the other; if neither
has any, n = 1.

**From labels: a bootstrap.** Draw b of the test samples takes, in each class c, as many of its t_c
samples as there are, with replacement. With w_ib the number of times that sample i came, 1_i(j)
whether its label is right and C the classes of one kind (seen or unseen),

    S_b(j) or U_b(j) = (1 / |C|) sum_(c in C) (1 / t_c) sum_(i in c) w_ib 1_i(j),
    H_b(j) = 2 S_b(j) U_b(j) / (S_b(j) + U_b(j)), 0 where both are 0.

The same draw serves all methods and seeds, which pairs them by sample. It also takes n of the n
seeds, s_1b .. s_nb, with replacement, the same for both methods, which pairs them by seed:

    d_b = (1 / n) sum_k [H_m,b(s_kb) - H_r,b(s_kb)].

The interval goes from the 2.5% to the 97.5% quantile of the d_b of DRAWS draws, linear between
neighbours: the percentile interval of Efron and Tibshirani, An Introduction to the Bootstrap
(1993), chapter 13. Drawing samples and seeds independently of each other is the pigeonhole
bootstrap of Owen, Annals of Applied Statistics 1 (2007). The interval covers other test samples of
the same classes and, for n > 1, other seeds. It does not cover other classes or class splits, nor
other training samples. A draw of m out of m has (m - 1) / m of the variance that it should have:
with few seeds, or few samples in a class, the interval is somewhat short, and a class with one
sample adds nothing to it. Where seeds hardly matter it is somewhat long, as it then counts the
chance of the test samples in part twice.

**Without labels: Student's t.** For n > 1 the interval is d -+ t sd / sqrt(n), with sd the standard
deviation of the n differences and t the 97.5% quantile of Student's distribution with n - 1 degrees
of freedom. It covers other seeds, on these test samples. For n = 1 there is none.

Of two methods with the same labels the difference is 0 and so are both ends. Intervals are one at a
time: among 20 methods that are all as good as the reference, one is expected outside of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

import numpy as np

from ..datasets import Dataset
from ..metrics import harmonic_mean
from ..nn.random import Purpose, integers
from .measure import Key
from .predictions import Labels

DRAWS = 2000
BLOCK = 100  # draws at once
LEVEL = 0.95
TAILS = (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)
SEED = 0
SAMPLES, SEEDS, BOTH = "test samples", "seeds", "test samples and seeds"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The mean difference in H over pairs of rows, and its interval.

    covers says what the interval is over: SAMPLES, SEEDS or BOTH; without an interval it is None.
    """

    difference: float
    low: float | None
    high: float | None
    pairs: int
    covers: str | None

    def columns(self) -> dict[str, Any]:
        """Return its columns of the table."""
        return {
            "difference": self.difference,
            "difference_low": self.low,
            "difference_high": self.high,
            "difference_pairs": self.pairs,
            "difference_covers": self.covers,
        }


NO_COLUMNS = dict.fromkeys(Difference(difference=0, low=0, high=0, pairs=1, covers="").columns())


def with_differences(
    table: list[dict[str, Any]],
    rows: Mapping[Key, dict[str, Any]],
    *,
    against: str,
    resampled: Mapping[Key, np.ndarray] | None = None,
) -> list[dict[str, Any]]:
    """Return the table of summarize with the difference of each row to that of a method.

    Parameters
    ----------
    table : list of dict
        From summarize.
    rows : dict of Key to dict
        The rows that it summarizes.
    against : str
        The reference: `method` in the rows. Behind the router it is compared like the others.
    resampled : dict of Key to ndarray of shape (DRAWS,), optional
        H of each row for each draw, from resampled_rows.

    Returns
    -------
    list of dict
        The rows of the table with the columns against (the title of the reference), difference,
        difference_low, difference_high, difference_pairs and difference_covers. All but the first
        are None in the reference's own row and where a seed failed.
    """
    groups: dict[tuple[str, bool], dict[int, Key]] = {}
    for key in rows:
        groups.setdefault((key.method, key.routed), {})[key.seed] = key
    reference = groups[against, False]
    title = next(rows[key]["title"] for key in reference.values())
    found = []
    for row in table:
        place = row["method"], row["routed"]
        paired = [] if place == (against, False) else pairs(groups[place], reference)
        whole = paired and all(rows[key]["error"] is None for pair in paired for key in pair)
        columns = _difference(paired, rows, resampled).columns() if whole else NO_COLUMNS
        found.append({**row, "against": title, **columns})
    return found


def pairs(one: Mapping[int, Key], other: Mapping[int, Key]) -> list[tuple[Key, Key]]:
    """Return the keys of two methods, {seed: key}, that are compared with each other.

    A method with a single seed is paired with every seed of the other.
    """
    if not one or not other:
        return []
    if len(one) == 1 or len(other) == 1:
        return [(a, b) for a in one.values() for b in other.values()]
    return [(one[seed], other[seed]) for seed in one if seed in other]


def best_suited_h(row: dict[str, Any]) -> float:
    """Return H with the validated offset if there is one, else H."""
    return row["H"] if row["calibrated_H"] is None else row["calibrated_H"]


def _difference(
    paired: list[tuple[Key, Key]],
    rows: Mapping[Key, dict[str, Any]],
    resampled: Mapping[Key, np.ndarray] | None,
) -> Difference:
    each = [best_suited_h(rows[a]) - best_suited_h(rows[b]) for a, b in paired]
    n, mean = len(each), fmean(each)
    low = high = covers = None
    if resampled is not None:
        drawn = np.stack([resampled[a] - resampled[b] for a, b in paired], axis=1)
        low, high = np.quantile(_over_seeds(drawn), TAILS).tolist()
        covers = BOTH if n > 1 else SAMPLES
    elif n > 1:
        half = float(students_t()(n - 1, TAILS[1])) * stdev(each) / sqrt(n)
        low, high, covers = mean - half, mean + half, SEEDS
    return Difference(difference=mean, low=low, high=high, pairs=n, covers=covers)


def students_t() -> Callable[[int, float], float]:
    """Return the quantile function of Student's t, of degrees of freedom and a probability.

    Raises ImportError, with the fix, if SciPy is missing: nothing else needs it.
    """
    try:
        from scipy.special import stdtrit
    except ImportError:
        raise ImportError(
            "SciPy is not installed, and compare needs it for intervals over seeds; pip install "
            "scipy, or pass --seeds 1, or --predictions for intervals over test samples"
        ) from None
    return stdtrit


def _over_seeds(drawn: np.ndarray) -> np.ndarray:
    """Return the means (DRAWS,) over n seeds drawn of n, from the differences (DRAWS, n)."""
    count, n = drawn.shape
    chosen = integers(np, count * n, high=n, seed=SEED, step=n, purpose=Purpose.BOOTSTRAP_SEEDS)
    return np.take_along_axis(drawn, np.asarray(chosen).reshape(count, n), axis=1).mean(axis=1)


def resampled_rows(labels: Mapping[Key, Labels], data: Dataset) -> dict[Key, np.ndarray]:
    """Return H of each row for each draw, (DRAWS,), from its labels of data's test samples."""
    if not labels:
        return {}
    y = data.y_test
    correct = np.stack([each.best_suited == y for each in labels.values()], axis=1)
    h = resampled_h(correct, y, np.isin(y, data.seen_classes))
    return dict(zip(labels, h.T, strict=True))


def resampled_h(
    correct: np.ndarray, y_true: np.ndarray, is_seen: np.ndarray, *, draws: int = DRAWS
) -> np.ndarray:
    """Return H of each row for each draw of the test samples.

    Parameters
    ----------
    correct : ndarray of bool, shape (t, r)
        Whether the label of a sample is right, for each of r rows.
    y_true : ndarray of shape (t,)
        True labels.
    is_seen : ndarray of bool, shape (t,)
        Whether the true class of a sample is seen.
    draws : int
        A multiple of BLOCK.

    Returns
    -------
    ndarray of shape (draws, r)
    """
    classes, of_class = np.unique(y_true, return_inverse=True)
    right = correct.astype(np.float64)
    sums = {True: np.zeros((draws, correct.shape[1])), False: np.zeros((draws, correct.shape[1]))}
    number = {True: 0, False: 0}
    for c in range(len(classes)):
        rows = np.flatnonzero(of_class == c)
        kind = bool(is_seen[rows[0]])
        number[kind] += 1
        for block in range(draws // BLOCK):
            step = c * (draws // BLOCK) + block
            part = slice(block * BLOCK, (block + 1) * BLOCK)
            sums[kind][part] += _counts(len(rows), step=step) @ right[rows] / len(rows)
    s, u = (sums[kind] / max(number[kind], 1) for kind in (True, False))
    return np.asarray(harmonic_mean(s, u))


def _counts(size: int, *, step: int) -> np.ndarray:
    """Return how often each of `size` samples comes in each of BLOCK draws, (BLOCK, size)."""
    chosen = integers(
        np, BLOCK * size, high=size, seed=SEED, step=step, purpose=Purpose.BOOTSTRAP_SAMPLES
    )
    flat = np.asarray(chosen) + np.repeat(np.arange(BLOCK) * size, size)
    return np.bincount(flat, minlength=BLOCK * size).reshape(BLOCK, size).astype(np.float64)
