"""Launches kernels/cuda/confidence.cu: the confidence score, after softmax_loss_forward."""

from ...runtime.backend import array_module
from .launch import THREADS, launch, strips
from .reduce import column_sums
from .softmax import softmax_loss_forward


def confidence_score(logits, weights):
    """logits (n, S), weights (n,) -> CS (): after softmax_loss_forward, blocks of STRIP rows and 32
    classes recompute p and sum it; one block turns entropies and sums into the score.
    """
    xp, (n, c) = array_module(logits), logits.shape
    _, entropy, *sums = softmax_loss_forward(logits, xp.empty(0, "int64"))
    grid, block = strips(n, c)
    parts, score = xp.empty((grid[0], c), logits.dtype), xp.empty((), logits.dtype)
    arrays = logits, *sums, weights, parts
    launch("confidence", "expected_probabilities", grid, block, *arrays, n, c)
    arrays = entropy, weights, column_sums(parts), score
    launch("confidence", "confidence_score", (1,), (THREADS,), *arrays, n, c)
    return score
