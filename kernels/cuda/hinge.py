"""Launches kernels/cuda/hinge.cu: the entropy hinge of a batch."""

from ...runtime.backend import array_module
from .launch import THREADS, launch


def entropy_hinge(entropy, n_seen, gamma, weight):
    """entropy (n,) -> loss (), dentropy (n,): means, loss and gradient in one block."""
    xp, n = array_module(entropy), entropy.shape[0]
    loss, dentropy = xp.empty((), entropy.dtype), xp.empty_like(entropy)
    arguments = entropy, loss, dentropy, gamma, weight, n_seen, n
    launch("hinge", "entropy_hinge", (1,), (THREADS,), *arguments)
    return loss, dentropy
