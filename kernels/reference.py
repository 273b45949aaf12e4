"""The kernels' definitions in plain array-module code; every fused version is tested on these.

All functions take NumPy or CuPy arrays and keep their dtype. Entropies are in nats.
"""

from __future__ import annotations

from types import ModuleType

from ..backend import Array, array_module

_MULTIPLIER_0, _MULTIPLIER_1 = 0xD2511F53, 0xCD9E8D57  # Philox4x32 (Salmon et al. 2011, table 2)
_WEYL_0, _WEYL_1 = 0x9E3779B9, 0xBB67AE85
_LOW = 0xFFFFFFFF


def log_softmax_entropy(logits: Array) -> tuple[Array, Array]:
    """Log-probabilities (n, c) and entropies (n,) of softmax(logits (n, c)), row by row.

    With z = s - max s, t = sum e^z and u = sum z e^z, log p = z - log t and H = log t - u / t:
    no logarithm of a zero probability is ever taken, so logits of any finite size are safe.
    """
    xp = array_module(logits)
    z = logits - logits.max(axis=1, keepdims=True)
    e = xp.exp(z)
    t = e.sum(axis=1, keepdims=True)
    log_t = xp.log(t)
    entropy = log_t[:, 0] - (z * e).sum(axis=1) / t[:, 0]
    return z - log_t, entropy


def philox4x32(counter: tuple[Array, Array, Array, Array], key: tuple[int, int]) -> tuple:
    """Four words of Philox4x32-10 for each counter: a keyed bijection, so no state to keep.

    The counter's words and the results are uint64 arrays that hold 32-bit values. Salmon, Moraes,
    Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIER_0, c2 * _MULTIPLIER_1
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _LOW, (p0 >> 32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _WEYL_0) & _LOW, (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


def random_words(xp: ModuleType, seed: int, step: int, purpose: int, count: int) -> Array:
    """count random 32-bit words (as uint64): a pure function of seed, step, purpose and index."""
    blocks = xp.arange(-(-count // 4), dtype=xp.uint64)
    same = xp.zeros_like(blocks)
    counter = (blocks, same + (step & _LOW), same + (step >> 32), same + int(purpose))
    words = philox4x32(counter, (seed & _LOW, seed >> 32))
    return xp.stack(words, axis=1).reshape(-1)[:count]


def uniform(words: Array, dtype: str) -> Array:
    """Uniform numbers in [0, 1) from words: 24 bits, so float32 and float64 hold the same."""
    return (words >> 8).astype(dtype) * array_module(words).asarray(2.0**-24, dtype=dtype)


def normal(words: Array, dtype: str) -> Array:
    """Standard normal numbers, one per word and an even number of them, by Box and Muller.

    Words 2i and 2i + 1 make numbers 2i and 2i + 1; 24 bits end the tails at 5.77.
    """
    xp = array_module(words)
    u = uniform(words, dtype).reshape(-1, 2)
    radius = xp.sqrt(-2 * xp.log(1 - u[:, 0]))  # 1 - u lies in (0, 1]
    angle = u[:, 1] * xp.asarray(6.283185307179586, dtype=dtype)
    return xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)], axis=1).reshape(-1)
