"""The CUDA versions of the kernels on softmax(logits): losses, confidence score, router."""

from __future__ import annotations

from ...runtime.backend import array_module
from ..reference.router import soft_factors
from .launch import launch, warps


def route_rows(logits, f, delta_low, delta_high, temperature):
    """See reference.route_rows."""
    xp, (n, seen) = array_module(logits), logits.shape
    label, code = xp.empty(n, "int64"), xp.empty(n, "int8")
    entropy, score = xp.empty(n, logits.dtype), xp.empty(n, logits.dtype)
    arguments = logits, f, delta_low, delta_high, 1 / temperature, label, code, entropy, score
    launch("router", "route_rows", *warps(n), *arguments, n, seen, f.shape[1])
    return label, code, entropy, score


def soft_route_rows(logits, f, bias, width, tau):
    """See reference.soft_route_rows."""
    xp, (n, seen) = array_module(logits), logits.shape
    label, code = xp.empty(n, "int64"), xp.empty(n, "int8")
    entropy, score, gate = (xp.empty(n, logits.dtype) for _ in range(3))
    constants, results = soft_factors(seen, width, tau), (label, code, entropy, score, gate)
    arguments = logits, f, bias, *constants, *results, n, seen, f.shape[1]
    launch("router", "soft_route_rows", *warps(n), *arguments)
    return results
