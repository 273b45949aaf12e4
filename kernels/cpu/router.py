"""The router row by row: entropy, route, label and score, without matrices of probabilities."""

import math

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split
from ..reference.router import learned_factors, soft_factors
from .fastexp import exp, largest
from .softmax import sums

LEAST = 1 << 15  # minimum elements per thread


def route_rows(logits, f, delta_low, delta_high, temperature):
    """logits (n, S), f (n, S + U) -> label, code, entropy, score, (n,) each: one pass that reads
    only the candidates of a row's route from f and stores no probabilities.
    """
    kind, n = logits.dtype.type, logits.shape[0]
    constants = kind(delta_low), kind(delta_high), kind(1 / temperature)
    results = np.empty(n, np.int64), np.empty(n, np.int8), np.empty(n, kind), np.empty(n, kind)

    def part(low, high):
        rows = slice(low, high)
        _route(logits[rows], f[rows], *constants, *(result[rows] for result in results))

    split(part, n, least=LEAST // max(f.shape[1], 1))
    return results


def soft_route_rows(logits, f, bias, width, tau):
    """logits (n, S), f (n, S + U) -> label, code, entropy, score, gate, (n,) each: one pass that
    reads only the unseen columns of f and keeps only the two largest probabilities.
    """
    kind, n = logits.dtype.type, logits.shape[0]
    constants = [kind(value) for value in (bias, *soft_factors(logits.shape[1], width, tau))]
    label, code = np.empty(n, np.int64), np.empty(n, np.int8)
    entropy, score, gate = np.empty((3, n), kind)
    results = label, code, entropy, score, gate

    def part(low, high):
        rows = slice(low, high)
        _soft_route(logits[rows], f[rows], *constants, *(result[rows] for result in results))

    split(part, n, least=LEAST // max(f.shape[1], 1))
    return results


def learned_route_rows(logits, f, rest, of_entropy, of_gap, bias, tau):
    """logits (n, S), f (n, S + U), rest (n,) -> label, code, entropy, score, gate, (n,) each: one
    pass over logits and f, whose unseen columns are read again, from the cache, for their softmax.
    """
    kind, n = logits.dtype.type, logits.shape[0]
    slope, sharpness = learned_factors(logits.shape[1], of_entropy, tau)
    constants = [kind(value) for value in (slope, of_gap, bias, sharpness)]
    label, code = np.empty(n, np.int64), np.empty(n, np.int8)
    entropy, score, gate = np.empty((3, n), kind)
    results = label, code, entropy, score, gate

    def part(low, high):
        rows = slice(low, high)
        arrays = logits[rows], f[rows], rest[rows]
        _learned_route(*arrays, *constants, *(result[rows] for result in results))

    split(part, n, least=LEAST // max(f.shape[1], 1))
    return results


@compiled
def _route(logits, f, delta_low, delta_high, sharpness, label, code, entropy, score):
    one, n_seen = logits.dtype.type(1), logits.shape[1]
    for i in range(logits.shape[0]):
        row = logits[i]
        top = largest(row)
        t, u = sums(row, top)
        entropy[i] = math.log(t) - u / t
        if entropy[i] < delta_low:  # eq. 10
            code[i], label[i], score[i] = 0, _first(row, top), one / t
        elif entropy[i] > delta_high:  # eq. 10
            code[i] = 2
            label[i], score[i] = _best(f[i, n_seen:], sharpness)  # eq. 1
            label[i] += n_seen
        else:
            code[i] = 1
            label[i], score[i] = _best(f[i], sharpness)  # eq. 2


@compiled
def _soft_route(logits, f, bias, per_nat, slope, sharpness, label, code, entropy, score, gate):
    n_seen = logits.shape[1]
    for i in range(logits.shape[0]):
        row = logits[i]
        top = largest(row)
        t, u = sums(row, top)
        entropy[i] = math.log(t) - u / t
        gate[i], rest = _both_gates((bias - entropy[i] * per_nat) * slope)
        best, probability = _best(f[i, n_seen:], sharpness)
        of_seen, of_unseen = gate[i] / t, rest * probability
        if of_seen >= of_unseen:
            code[i], label[i], score[i] = 0, _first(row, top), of_seen
        else:
            code[i], label[i], score[i] = 2, n_seen + best, of_unseen


@compiled
def _learned_route(
    logits, f, rest, slope, of_gap, bias, sharpness, label, code, entropy, score, gate
):
    n_seen = logits.shape[1]
    for i in range(logits.shape[0]):
        row, unseen = logits[i], f[i, n_seen:]
        top, nearest = largest(row), largest(unseen)
        t, u = sums(row, top)
        log_t = math.log(t)
        entropy[i] = log_t - u / t
        gap = largest(f[i, :n_seen]) - nearest
        theta = slope * entropy[i] + of_gap * gap + rest[i] + bias
        gate[i], gate_of_unseen = _both_gates(theta)
        t_unseen = _total(unseen, nearest, sharpness)
        if theta >= log_t - math.log(t_unseen):
            code[i], label[i], score[i] = 0, _first(row, top), gate[i] / t
        else:
            code[i], label[i] = 2, n_seen + _first(unseen, nearest)
            score[i] = gate_of_unseen / t_unseen


@compiled
def _both_gates(theta):
    """1 / (1 + e^-theta) and 1 / (1 + e^theta)."""
    one = type(theta)(1)
    epsilon = exp(-abs(theta))  # at most 1
    larger, smaller = one / (one + epsilon), epsilon / (one + epsilon)
    return (smaller, larger) if theta < 0 else (larger, smaller)


@compiled
def _best(row, sharpness):
    """The index of the largest element, and its probability by softmax(row * sharpness)."""
    top = largest(row)
    return _first(row, top), row.dtype.type(1) / _total(row, top, sharpness)


@compiled
def _total(row, top, sharpness):
    """The sum of e^((x - top) * sharpness) over a row."""
    t = row.dtype.type(0)
    for j in range(row.size):
        t += exp((row[j] - top) * sharpness)
    return t


@compiled
def _first(row, value):
    for j in range(row.size):
        if row[j] == value:
            return j
    return 0  # a row with NaN: no element equals its maximum
