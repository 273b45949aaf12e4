"""Random numbers as a pure function of seed, step, purpose and index: Philox4x32-10."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ...runtime.array import Array
from ...runtime.backend import array_module

MULTIPLIER_0, MULTIPLIER_1 = 0xD2511F53, 0xCD9E8D57  # Philox4x32 (Salmon et al. 2011, table 2)
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
LOW = 0xFFFFFFFF
TWO_PI = 6.283185307179586


def philox4x32(
    counter: tuple[Array, Array, Array, Array], key: tuple[int, int]
) -> tuple[Array, Array, Array, Array]:
    """Four words of Philox4x32-10 for each counter: a keyed bijection, which needs no state.

    The counter's words and the results are uint64 arrays that hold 32-bit values. Salmon, Moraes,
    Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * MULTIPLIER_0, c2 * MULTIPLIER_1
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & LOW, (p0 >> 32) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + WEYL_0) & LOW, (k1 + WEYL_1) & LOW
    return c0, c1, c2, c3


def philox_words(out: Array, seed: int, step: int, purpose: int) -> Array:
    """Fill out (n,) uint32 with random words: a pure function of seed, step, purpose and index.

    Words 4i to 4i + 3 are Philox of the counter (i, low and high half of step, purpose) under the
    key (low and high half of seed). Returns out.
    """
    xp = array_module(out)
    blocks = xp.arange(-(-out.shape[0] // 4), dtype=np.uint64)
    same = xp.zeros_like(blocks)
    counter = (blocks, same + (step & LOW), same + (step >> 32), same + int(purpose))
    words = philox4x32(counter, (seed & LOW, seed >> 32))
    out[...] = xp.stack(words, axis=1).reshape(-1)[: out.shape[0]]
    return out


def philox_integers(out: Array, high: int, seed: int, step: int, purpose: int) -> Array:
    """Fill out (n,) int64 with whole numbers from 0 to high - 1, high up to 2**32; returns out.

    One per word of philox_words, by multiplying and shifting, without division; the bias is below
    2**-32.
    """
    words = _words(out, out.shape[0], seed, step, purpose).astype("uint64")
    out[...] = (words * high) >> 32
    return out


def philox_uniform(out: Array, seed: int, step: int, purpose: int) -> Array:
    """Fill out (n,) with uniform numbers in [0, 1), one per word of philox_words; returns out."""
    out[...] = uniform_from(_words(out, out.shape[0], seed, step, purpose), out.dtype)
    return out


def philox_normal(out: Array, seed: int, step: int, purpose: int) -> Array:
    """Fill out (n,) with standard normal numbers, one per word of philox_words; returns out.

    If n is odd, the second number of the last pair is dropped. Versions of this kernel agree to
    rounding, not to the bit: their logarithms and cosines differ.
    """
    even = out.shape[0] + out.shape[0] % 2
    words = _words(out, even, seed, step, purpose)
    out[...] = normal_from(words, out.dtype)[: out.shape[0]]
    return out


def _words(like: Array, count: int, seed: int, step: int, purpose: int) -> Array:
    xp = array_module(like)
    return philox_words(xp.empty(count, np.uint32), seed, step, purpose)


def uniform_from(words: Array, dtype: DTypeLike) -> Array:
    """Uniform numbers in [0, 1) from words: 24 bits, so they are equal in float32 and float64."""
    return (words >> 8).astype(dtype) * array_module(words).asarray(2.0**-24, dtype=dtype)


def normal_from(words: Array, dtype: DTypeLike) -> Array:
    """Standard normal numbers, one per word, by Box and Muller; the number of words must be even.

    Words 2i and 2i + 1 make numbers 2i and 2i + 1. With 24 bits no number exceeds 5.77 in size.
    """
    xp = array_module(words)
    u = uniform_from(words, dtype).reshape(-1, 2)
    radius = xp.sqrt(-2 * xp.log(1 - u[:, 0]))  # 1 - u lies in (0, 1]
    angle = u[:, 1] * xp.asarray(TWO_PI, dtype=dtype)
    return xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)], axis=1).reshape(-1)
