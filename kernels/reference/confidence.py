"""The confidence score of generated samples, from their logits."""

from __future__ import annotations

from ...runtime.array import Array
from ...runtime.backend import array_module
from .softmax import log_softmax_entropy


def confidence_score(logits: Array, weights: Array) -> Array:
    """CS = exp(E KL(p(y|x) || p(y))) of p(y|x) = softmax(logits (n, S)), as a 0-d array.

    weights (n,), which sum to 1, weight both expectations. Log-probabilities may be passed as
    logits. With m = E p(y|x), ln CS = -E H - sum_j m_j log m_j, and 0 log 0 = 0.
    """
    xp = array_module(logits, weights)
    log_p, entropy = log_softmax_entropy(logits)
    marginal = weights @ xp.exp(log_p)
    log_marginal = xp.log(xp.where(marginal > 0, marginal, xp.asarray(1, marginal.dtype)))
    log_score = -(weights @ entropy) - marginal @ log_marginal
    log_score = xp.maximum(log_score, 0)  # rounding may make it negative
    return xp.asarray(xp.exp(log_score), dtype=logits.dtype)  # eq. 7
