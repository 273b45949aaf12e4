"""Random numbers as pure functions of (seed, step, purpose, index): there is no state.

A run can therefore be resumed at any step; on the same machine with the same number of threads it
then gives the same bits. The CPU and the GPU draw the same uniform numbers bit for bit, and the
same normal ones up to rounding. See kernels/reference/philox.py.
"""

from __future__ import annotations

from enum import IntEnum
from math import prod

import numpy as np

from ..errors import InputError
from ..kernels import philox_integers, philox_normal, philox_uniform, philox_words
from ..kernels.reference.philox import LOW
from ..runtime.array import Array, ArrayModule
from ..text import quoted


class Purpose(IntEnum):
    """What a random number is for: no two uses in the training of one model share a stream."""

    GENERATOR_WEIGHTS = 1
    CRITIC_WEIGHTS = 2
    VSMM_WEIGHTS = 3
    REAL_BATCH = 4
    CRITIC_NOISE = 5
    INTERPOLATION = 6
    GENERATOR_BATCH = 7
    GENERATOR_NOISE = 8
    SCORE_NOISE = 9
    PROXY_NOISE = 10
    PROXY_CLASS = 11
    PROXY_BATCH = 12
    EPOCH_ORDER = 13
    PTC_HOLD_OUT = 14
    PTC_ORDER = 15
    CHECK = 16
    SCALE_HOLD_OUT = 17
    FOLD_HOLD_OUT = 18
    CONSE_HOLD_OUT = 19
    BASELINE_WEIGHTS = 20
    SYNTHETIC_NOISE = 21
    DETECTOR_ORDER = 22
    DETECTOR_BATCH = 23
    BOOTSTRAP_SAMPLES = 24
    BOOTSTRAP_SEEDS = 25


def check_seed(seed: int, name: str = "seed") -> int:
    """Return the seed; ValueError unless it is a whole number from 0 to 2**64 - 1.

    `name` is its name in the error; other numbers with this range are checked here too.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"{name} is {quoted(seed)}; pass a whole number from 0 to 2**64 - 1")
    return int(seed)


def uniform(
    xp: ArrayModule,
    shape: tuple[int, ...],
    *,
    seed: int,
    step: int,
    purpose: Purpose,
    dtype: str = "float64",
) -> Array:
    """Uniform numbers in [0, 1)."""
    out = xp.empty(prod(shape), dtype)
    return philox_uniform(out, seed, step, int(purpose)).reshape(shape)


def normal(
    xp: ArrayModule,
    shape: tuple[int, ...],
    *,
    seed: int,
    step: int,
    purpose: Purpose,
    dtype: str = "float64",
    out: Array | None = None,
) -> Array:
    """Standard normal numbers, written into `out` (C-contiguous, of that shape) if it is given."""
    out = xp.empty(shape, dtype) if out is None else out
    philox_normal(out.reshape(-1), seed, step, int(purpose))
    return out


def integers(
    xp: ArrayModule,
    count: int,
    *,
    high: int,
    seed: int,
    step: int,
    purpose: Purpose,
    out: Array | None = None,
) -> Array:
    """count whole numbers from 0 to high - 1 as int64, for high up to 2**32, in `out` if given."""
    out = xp.empty(count, "int64") if out is None else out
    return philox_integers(out, high, seed, step, int(purpose))


def permutation(xp: ArrayModule, count: int, *, seed: int, step: int, purpose: Purpose) -> Array:
    """A permutation of 0 .. count - 1 as int64: the order of random keys.

    A key has a random word as its upper and the index as its lower 32 bits. So keys are distinct,
    and any sorting algorithm gives the same order.
    """
    words = _words(xp, count, seed=seed, step=step, purpose=purpose).astype(np.uint64)
    keys = xp.sort((words << 32) | xp.arange(count, dtype=np.uint64))
    return (keys & LOW).astype(np.int64)


def _words(xp: ArrayModule, count: int, *, seed: int, step: int, purpose: Purpose) -> Array:
    return philox_words(xp.empty(count, np.uint32), seed, step, int(purpose))
