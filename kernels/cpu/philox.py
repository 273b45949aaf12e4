"""Philox4x32-10 in blocks of four words; the block's number is the counter.

A thread can therefore start at any block.
"""

import math

import numpy as np

from ...runtime.compiled import compiled
from ...runtime.threads import split
from ..reference import philox as definition

LEAST = 1 << 12  # minimum blocks per thread

# Numba turns an operation of an unsigned and a signed integer into float, so constants are
# unsigned.
M0, M1 = np.uint64(definition.MULTIPLIER_0), np.uint64(definition.MULTIPLIER_1)
W0, W1 = np.uint64(definition.WEYL_0), np.uint64(definition.WEYL_1)
LOW, HALF, EIGHT = np.uint64(definition.LOW), np.uint64(32), np.uint64(8)


def philox_words(out, seed, step, purpose):
    """out (n,) uint32: a block of four words at a time in registers; threads share the blocks."""
    return _by_blocks(_words, out, seed, step, purpose)


def philox_integers(out, high, seed, step, purpose):
    """out (n,) int64: a block's words become integers in registers, without an array of words."""
    return _by_blocks(_integers, out, seed, step, purpose, np.uint64(high))


def philox_uniform(out, seed, step, purpose):
    """out (n,): a block's words become numbers in registers, without an array of words."""
    return _by_blocks(_uniform, out, seed, step, purpose, out.dtype.type(2.0**-24))


def philox_normal(out, seed, step, purpose):
    """out (n,): a block's words become two pairs of numbers in registers, by C's log, cos, sin."""
    kind = out.dtype.type
    return _by_blocks(_normal, out, seed, step, purpose, kind(2.0**-24), kind(definition.TWO_PI))


def _by_blocks(fill, out, seed, step, purpose, *constants):
    key = [np.uint64(word) for word in (seed & definition.LOW, seed >> 32)]
    counter = [np.uint64(word) for word in (step & definition.LOW, step >> 32, int(purpose))]
    whole = out.shape[0] // 4

    def part(low, high):
        fill(out[4 * low : 4 * high], np.uint64(low), *counter, *key, *constants)

    split(part, whole, least=LEAST)
    if out.shape[0] % 4:
        last = np.empty(4, out.dtype)
        fill(last, np.uint64(whole), *counter, *key, *constants)
        out[4 * whole :] = last[: out.shape[0] % 4]
    return out


@compiled
def _philox(c0, c1, c2, c3, k0, k1):
    for _ in range(10):
        p0, p1 = c0 * M0, c2 * M1
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3


@compiled
def _words(out, first, c1, c2, c3, k0, k1):
    for i in range(out.size // 4):
        words = _philox(first + np.uint64(i), c1, c2, c3, k0, k1)
        for j in range(4):
            out[4 * i + j] = words[j]


@compiled
def _integers(out, first, c1, c2, c3, k0, k1, high):
    for i in range(out.size // 4):
        words = _philox(first + np.uint64(i), c1, c2, c3, k0, k1)
        for j in range(4):
            out[4 * i + j] = np.int64((words[j] * high) >> HALF)


@compiled
def _uniform(out, first, c1, c2, c3, k0, k1, unit):
    for i in range(out.size // 4):
        words = _philox(first + np.uint64(i), c1, c2, c3, k0, k1)
        for j in range(4):
            out[4 * i + j] = unit * out.dtype.type(np.int32(words[j] >> EIGHT))


@compiled
def _normal(out, first, c1, c2, c3, k0, k1, unit, two_pi):
    kind, one, minus_two = out.dtype.type, out.dtype.type(1), out.dtype.type(-2)
    for i in range(out.size // 4):
        words = _philox(first + np.uint64(i), c1, c2, c3, k0, k1)
        for j in range(0, 4, 2):
            u = unit * kind(np.int32(words[j] >> EIGHT))
            angle = two_pi * (unit * kind(np.int32(words[j + 1] >> EIGHT)))
            radius = math.sqrt(minus_two * math.log(one - u))
            out[4 * i + j] = radius * math.cos(angle)
            out[4 * i + j + 1] = radius * math.sin(angle)
