"""The CUDA versions of the kernels on rows, and the random ones."""

from __future__ import annotations

from ..reference.philox import LOW
from .launch import THREADS, ceil_div, launch


def philox_words(out, seed, step, purpose):
    """See reference.philox_words."""
    return _random("philox_words", out, seed, step, purpose)


def philox_integers(out, high, seed, step, purpose):
    """See reference.philox_integers."""
    return _random("philox_integers", out, seed, step, purpose, high)


def philox_uniform(out, seed, step, purpose):
    """See reference.philox_uniform."""
    return _random("philox_uniform", out, seed, step, purpose)


def philox_normal(out, seed, step, purpose):
    """See reference.philox_normal."""
    return _random("philox_normal", out, seed, step, purpose)


def _random(kernel, out, seed, step, purpose, *before):
    """Four words or numbers a thread."""
    counter_and_key = step & LOW, step >> 32, int(purpose), seed & LOW, seed >> 32
    grid = (ceil_div(out.size, 4 * THREADS),)
    launch("philox", kernel, grid, (THREADS,), out, *before, *counter_and_key, out.size)
    return out
