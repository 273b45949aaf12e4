"""The CUDA versions of the kernels of a training step: Adam, activations, critic, losses."""

from __future__ import annotations

from .launch import flat, launch


def adam_update(p, g, m, v, rate, beta1, beta2, eps, bad, step):
    """See reference.adam_update."""
    constants = rate, beta1, 1 - beta1, beta2, 1 - beta2, eps
    launch("adam", "adam_update", *flat(p.size), p, g, m, v, *constants, bad, step, p.size)
