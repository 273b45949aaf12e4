"""The CUDA versions of the kernels of a training step: Adam, activations, critic, losses."""

from __future__ import annotations

from ...runtime.backend import array_module
from .launch import THREADS, launch


def entropy_hinge(entropy, n_seen, gamma, weight):
    """See reference.entropy_hinge."""
    xp, n = array_module(entropy), entropy.shape[0]
    loss, dentropy = xp.empty((), entropy.dtype), xp.empty_like(entropy)
    arguments = entropy, loss, dentropy, gamma, weight, n_seen, n
    launch("hinge", "entropy_hinge", (1,), (THREADS,), *arguments)
    return loss, dentropy
