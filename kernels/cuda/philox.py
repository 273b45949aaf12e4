"""Launches kernels/cuda/philox.cu: random words and numbers."""

from ..reference.philox import LOW
from .launch import THREADS, ceil_div, launch


def philox_words(out, seed, step, purpose):
    """out (n,) uint32: a thread per block of four words."""
    return _random("philox_words", out, seed, step, purpose)


def philox_integers(out, high, seed, step, purpose):
    """out (n,) int64: a thread makes four numbers from its block's words, without storing these."""
    return _random("philox_integers", out, seed, step, purpose, high)


def philox_uniform(out, seed, step, purpose):
    """out (n,): a thread makes four numbers from its block's words, without storing these."""
    return _random("philox_uniform", out, seed, step, purpose)


def philox_normal(out, seed, step, purpose):
    """out (n,): a thread turns its block's words into two pairs of numbers, by log and sincospi."""
    return _random("philox_normal", out, seed, step, purpose)


def _random(kernel, out, seed, step, purpose, *before):
    """Launch a kernel whose threads write four words or numbers each; returns out."""
    counter_and_key = step & LOW, step >> 32, int(purpose), seed & LOW, seed >> 32
    grid = (ceil_div(out.size, 4 * THREADS),)
    launch("philox", kernel, grid, (THREADS,), out, *before, *counter_and_key, out.size)
    return out
