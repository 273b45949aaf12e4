"""The confidence score in one pass over the logits, without a matrix of probabilities."""

import math

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split
from .fastexp import largest
from .softmax import exponentials

LEAST = 1 << 15  # minimum elements per thread


def confidence_score(logits, weights):
    """logits (n, S), weights (n,) -> CS (): one pass that stores e^z of one row at a time. Each
    thread sums E H and p(y) (S,) of its rows in float64.
    """

    def part(low, high):
        marginal, e = np.zeros(logits.shape[1]), np.empty(logits.shape[1], logits.dtype)
        return _expectations(logits[low:high], weights[low:high], marginal, e), marginal

    shares = split(part, logits.shape[0], least=LEAST // max(logits.shape[1], 1))
    marginal = sum(share[1] for share in shares)
    known = marginal[marginal > 0]
    log_score = -sum(share[0] for share in shares) - known @ np.log(known)
    return np.asarray(np.exp(np.maximum(log_score, 0)), logits.dtype)  # eq. 7


@compiled
def _expectations(logits, weights, marginal, e):
    """Return E H over the rows and add E p(y|x) to marginal (S,), both in float64."""
    mean = 0.0
    for i in range(logits.shape[0]):
        row = logits[i]
        top = largest(row)
        t, u = exponentials(row, top, e)
        mean += weights[i] * (math.log(t) - u / t)
        factor = weights[i] / t
        for j in range(row.size):
            marginal[j] += factor * e[j]
    return mean
