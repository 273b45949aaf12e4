"""The router: seen or unseen by two thresholds, the soft or the learned gate; then the label."""

from __future__ import annotations

import math

from ...runtime.array import Array
from ...runtime.backend import array_module
from .softmax import log_softmax_entropy

SMALLEST = 1e-30  # the least width or tau that is used: its inverse is finite in float32


def route_codes(entropy: Array, delta_low: float, delta_high: float) -> Array:
    """Eq. 10 for entropies (n,) in nats: 0 seen (SL), 2 unseen (ZSL), 1 (GZSL) otherwise.

    An entropy equal to a threshold gets 1. The codes (n,) int8 are indices into metrics.ROUTES.
    """
    seen, unseen = entropy < delta_low, entropy > delta_high  # eq. 10
    return 1 - seen.astype("int8") + unseen.astype("int8")


def route_rows(
    logits: Array, f: Array, delta_low: float, delta_high: float, temperature: float
) -> tuple[Array, Array, Array, Array]:
    """Candidate index int64, route code int8, entropy in nats and score of each row, (n,) each.

    logits (n, S) are C's for the seen classes, f (n, S + U) the compatibilities with all; index
    i < S is seen class i, S + j unseen class j; of equal candidates the first wins. The score is
    the probability of the label among its route's candidates, by softmax of logits or f /
    temperature.
    """
    xp, n_seen = array_module(logits, f), logits.shape[1]
    log_p, entropy = log_softmax_entropy(logits)
    code = route_codes(entropy, delta_low, delta_high)
    unseen = f[:, n_seen:]
    label = xp.where(
        code == 0,
        logits.argmax(axis=1),  # not of log_p: rounding can make two of its values equal
        xp.where(code == 2, n_seen + unseen.argmax(axis=1), f.argmax(axis=1)),  # eqs. 1, 2
    )
    log_zsl, _ = log_softmax_entropy(unseen / temperature)
    log_gzsl, _ = log_softmax_entropy(f / temperature)
    best = xp.where(code == 0, log_p.max(1), xp.where(code == 2, log_zsl.max(1), log_gzsl.max(1)))
    return label.astype("int64"), code, entropy, xp.exp(best)


def soft_route_rows(
    logits: Array, f: Array, bias: float, width: float, tau: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Index int64, route code int8, entropy in nats, score and gate of each row, (n,) each.

    logits (n, S), f (n, S + U) and index as in route_rows; tau is router_tau times score_scale.
    With eta = H / ln S and theta = (bias - eta) / width, the gate = 1 / (1 + e^-theta) is the
    probability of all seen classes together. Seen class s has the score gate softmax(logits)_s,
    unseen class u (1 - gate) softmax(f / tau)_u, the softmax being over the unseen; these S + U
    numbers sum to 1. The label is the first class with the largest one, the code 0 if it is seen
    and 2 if it is unseen.
    """
    xp, n_seen = array_module(logits, f), logits.shape[1]
    per_nat, slope, sharpness = soft_factors(n_seen, width, tau)
    log_p, entropy = log_softmax_entropy(logits)
    unseen = f[:, n_seen:]
    log_q, _ = log_softmax_entropy(sharpness * (unseen - unseen.max(axis=1, keepdims=True)))
    eta = entropy * per_nat
    gate, rest = _both_gates((bias - eta) * slope)
    of_seen, of_unseen = gate * xp.exp(log_p.max(axis=1)), rest * xp.exp(log_q.max(axis=1))
    is_seen = of_seen >= of_unseen
    label, code = _answers(is_seen, logits, unseen)
    return label, code, entropy, xp.where(is_seen, of_seen, of_unseen), gate


def learned_route_rows(
    logits: Array,
    f: Array,
    rest: Array,
    of_entropy: float,
    of_gap: float,
    bias: float,
    tau: float,
) -> tuple[Array, Array, Array, Array, Array]:
    """Index int64, route code int8, entropy in nats, score and gate of each row, (n,) each.

    As soft_route_rows, but theta = of_entropy H / ln S + of_gap (max over seen of f - max over
    unseen of f) + rest + bias, where rest (n,), of the dtype of f, is the part of other features.
    With p = softmax(logits), q = softmax(f / tau) over the unseen and ln gate - ln (1 - gate) =
    theta, the largest score is a seen class's where theta >= ln max q - ln max p.
    """
    xp, n_seen = array_module(logits, f), logits.shape[1]
    slope, sharpness = learned_factors(n_seen, of_entropy, tau)
    log_p, entropy = log_softmax_entropy(logits)
    unseen = f[:, n_seen:]
    best_seen, best_unseen = f[:, :n_seen].max(axis=1), unseen.max(axis=1)
    log_q, _ = log_softmax_entropy(sharpness * (unseen - best_unseen[:, None]))
    theta = slope * entropy + of_gap * (best_seen - best_unseen) + rest + bias
    gate, gate_of_unseen = _both_gates(theta)
    log_of_seen, log_of_unseen = log_p.max(axis=1), log_q.max(axis=1)
    is_seen = theta >= log_of_unseen - log_of_seen
    label, code = _answers(is_seen, logits, unseen)
    of_seen, of_unseen = gate * xp.exp(log_of_seen), gate_of_unseen * xp.exp(log_of_unseen)
    return label, code, entropy, xp.where(is_seen, of_seen, of_unseen), gate


def _both_gates(theta: Array) -> tuple[Array, Array]:
    """1 / (1 + e^-theta) and 1 / (1 + e^theta), which sum to 1."""
    xp = array_module(theta)
    epsilon = xp.exp(-xp.abs(theta))  # at most 1
    larger, smaller = 1 / (1 + epsilon), epsilon / (1 + epsilon)
    return xp.where(theta >= 0, larger, smaller), xp.where(theta >= 0, smaller, larger)


def _answers(is_seen: Array, logits: Array, unseen: Array) -> tuple[Array, Array]:
    """Index and code of the best seen class where is_seen, of the best unseen one elsewhere."""
    xp, n_seen = array_module(logits, unseen), logits.shape[1]
    label = xp.where(is_seen, logits.argmax(axis=1), n_seen + unseen.argmax(axis=1))
    return label.astype("int64"), 2 - 2 * is_seen.astype("int8")


def soft_factors(n_seen: int, width: float, tau: float) -> tuple[float, float, float]:
    """1 / ln S, 1 / width and 1 / tau. For S = 1 the entropy is 0, so any divisor will do."""
    return 1 / math.log(max(n_seen, 2)), 1 / max(width, SMALLEST), 1 / max(tau, SMALLEST)


def learned_factors(n_seen: int, of_entropy: float, tau: float) -> tuple[float, float]:
    """of_entropy / ln S and 1 / tau, as soft_factors has them."""
    per_nat, _, sharpness = soft_factors(n_seen, 1.0, tau)
    return of_entropy * per_nat, sharpness
