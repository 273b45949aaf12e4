"""The CUDA versions of the kernels on softmax(logits): losses, confidence score, router."""

from __future__ import annotations

from ...runtime.backend import array_module
from .launch import THREADS, launch, strips
from .reduce import column_sums
from .softmax import softmax_loss_forward


def confidence_score(logits, weights):
    """See reference.confidence_score."""
    xp, (n, c) = array_module(logits), logits.shape
    _, entropy, *sums = softmax_loss_forward(logits, xp.empty(0, "int64"))
    grid, block = strips(n, c)
    parts, score = xp.empty((grid[0], c), logits.dtype), xp.empty((), logits.dtype)
    arrays = logits, *sums, weights, parts
    launch("confidence", "expected_probabilities", grid, block, *arrays, n, c)
    arrays = entropy, weights, column_sums(parts), score
    launch("confidence", "confidence_score", (1,), (THREADS,), *arrays, n, c)
    return score
