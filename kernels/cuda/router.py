"""Launches kernels/cuda/router.cu: the router, by two thresholds, the soft or the learned gate."""

from ...runtime.backend import array_module
from ..reference.router import learned_factors, soft_factors
from .launch import launch, warps


def route_rows(logits, f, delta_low, delta_high, temperature):
    """logits (n, S), f (n, S + U) -> label, code, entropy, score, (n,) each: one launch, a warp per
    row, which reads only the candidates of its route from f.
    """
    xp, (n, seen) = array_module(logits), logits.shape
    label, code = xp.empty(n, "int64"), xp.empty(n, "int8")
    entropy, score = xp.empty(n, logits.dtype), xp.empty(n, logits.dtype)
    arguments = logits, f, delta_low, delta_high, 1 / temperature, label, code, entropy, score
    launch("router", "route_rows", *warps(n), *arguments, n, seen, f.shape[1])
    return label, code, entropy, score


def soft_route_rows(logits, f, bias, width, tau):
    """logits (n, S), f (n, S + U) -> label, code, entropy, score, gate, (n,) each: one launch, a
    warp per row, which reads only the unseen columns of f.
    """
    xp, (n, seen) = array_module(logits), logits.shape
    label, code = xp.empty(n, "int64"), xp.empty(n, "int8")
    entropy, score, gate = (xp.empty(n, logits.dtype) for _ in range(3))
    constants, results = soft_factors(seen, width, tau), (label, code, entropy, score, gate)
    arguments = logits, f, bias, *constants, *results, n, seen, f.shape[1]
    launch("router", "soft_route_rows", *warps(n), *arguments)
    return results


def learned_route_rows(logits, f, rest, of_entropy, of_gap, bias, tau):
    """logits (n, S), f (n, S + U), rest (n,) -> label, code, entropy, score, gate, (n,) each: one
    launch, a warp per row, which reads logits and f once from memory.
    """
    xp, (n, seen) = array_module(logits), logits.shape
    label, code = xp.empty(n, "int64"), xp.empty(n, "int8")
    entropy, score, gate = (xp.empty(n, logits.dtype) for _ in range(3))
    slope, sharpness = learned_factors(seen, of_entropy, tau)
    results = label, code, entropy, score, gate
    arguments = logits, f, rest, slope, of_gap, bias, sharpness, *results, n, seen, f.shape[1]
    launch("router", "learned_route_rows", *warps(n), *arguments)
    return results
