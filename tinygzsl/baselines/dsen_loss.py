"""DSEN's networks and objective, with its gradients; dsen.py defines them."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np

from .. import kernels
from ..nn import losses
from ..nn.mlp import MLP
from ..runtime.array import Array
from .common.cosine import unit_rows_backward, unit_rows_forward
from .common.networks import create_networks


def dsen_networks(
    *, d: int, k: int, n_classes: int, latent: int, hidden: int, seed: int, dtype: str
) -> dict[str, MLP]:
    """Return P, E, E_s, E_u, R and C by name."""
    up, down = [k, hidden, latent], [latent, hidden, k]
    shapes = {"projection": [d, latent], "shared": up, "seen": up, "unseen": up, "decoder": down}
    shapes["classifier"] = [latent, n_classes]
    nets = create_networks(shapes, seed=seed, dtype=dtype, hidden="leaky_relu", output="leaky_relu")
    nets["projection"].output, nets["classifier"].output = "relu", "linear"
    return nets


def dsen_loss(
    nets: dict[str, MLP],
    x: Array,
    y: Array,
    a: Array,
    *,
    n_seen: int,
    division_weight: float,
    reconstruction_weight: float,
) -> tuple[dict[str, Array], list[Array]]:
    """Return the terms of DSEN's objective on a batch, and the gradients by nets and params.

    x is (n, d), the class indices y (n,), and a (C, k) are the prototypes of all classes, the
    n_seen seen ones first. The terms are "rank", "class", "division" and "rec", unweighted, and
    "loss".
    """
    v, v_cache = nets["projection"].forward(x)
    shared, shared_cache = nets["shared"].forward(a)
    own_s, s_cache = nets["seen"].forward(a[:n_seen])
    own_u, u_cache = nets["unseen"].forward(a)
    e_s, e_u = shared[:n_seen] + own_s, shared + own_u

    rank_s, dv, de_s = cosine_loss(v, e_s, y)
    rank_u, dv_u, de_u = cosine_loss(v, e_u, y)
    terms, dv_c, de_c, c_grads = class_losses(
        nets["classifier"], v, e_u, y, n_seen=n_seen, weight=division_weight
    )
    rec, dseen, dunseen, r_grads = reconstruction_loss(
        nets["decoder"], e_s, e_u[n_seen:], a, weight=reconstruction_weight
    )
    dv += dv_u + dv_c
    de_s += dseen
    de_u = de_c + de_u
    de_u[n_seen:] += dunseen
    dshared = de_u.copy()
    dshared[:n_seen] += de_s
    down = [
        ("projection", dv, v_cache),
        ("shared", dshared, shared_cache),
        ("seen", de_s, s_cache),
        ("unseen", de_u, u_cache),
    ]
    grads = []
    for name, gradient, cache in down:
        grads += nets[name].backward(gradient, cache, need_dx=False)[1]

    terms = {"rank": rank_s + rank_u, **terms, "rec": rec}
    weights = 1.0, 1.0, division_weight, reconstruction_weight
    terms["loss"] = reduce(add, (w * t for w, t in zip(weights, terms.values(), strict=True)))
    return terms, grads + r_grads + c_grads


def class_losses(
    classifier: MLP, v: Array, e_u: Array, y: Array, *, n_seen: int, weight: float
) -> tuple[dict[str, Array], Array, Array, list[Array]]:
    """Return the terms "class" and "division", dv, de_u and the classifier's gradients.

    "class" is of samples v (n, m) with labels y, "division" of e_u (C, m). The gradients are of
    class + weight * division.
    """
    n = len(v)
    logits, cache = classifier.forward(np.concatenate([v, e_u]))
    (cross_entropy, _), softmax_cache = losses.softmax_loss_forward(logits[:n], y)
    dce = np.full(n, 1 / n, v.dtype)
    dlogits = np.empty_like(logits)
    dlogits[:n] = losses.softmax_loss_backward(dce, np.zeros_like(dce), softmax_cache)
    division, dlogits[n:] = division_loss(logits[n:], n_seen=n_seen, weight=weight)
    dboth, grads = classifier.backward(dlogits, cache)
    return {"class": cross_entropy.mean(), "division": division}, dboth[:n], dboth[n:], grads


def reconstruction_loss(
    decoder: MLP, e_s: Array, e_u: Array, a: Array, *, weight: float
) -> tuple[Array, Array, Array, list[Array]]:
    """Return the reconstruction loss, and de_s (S, m), de_u (U, m) and R's gradients times weight.

    The loss is the mean of (R(e_s) - a)^2 over seen classes plus the mean of (R(e_u) - a)^2 over
    unseen ones, for a (S + U, k).
    """
    n = len(e_s)
    decoded, cache = decoder.forward(np.concatenate([e_s, e_u]))
    seen, dseen = kernels.squared_error(decoded[:n], a[:n], 1 / a[:n].size, weight)
    unseen, dunseen = kernels.squared_error(decoded[n:], a[n:], 1 / a[n:].size, weight)
    de, grads = decoder.backward(np.concatenate([dseen, dunseen]), cache)
    return seen + unseen, de[:n], de[n:], grads


def cosine_loss(v: Array, e: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the mean of 1 - cos(v_i, e_{y_i}) for v (n, m), e (C, m) and y (n,), dv and de."""
    unit_v, v_cache = unit_rows_forward(v)
    unit_e, e_cache = unit_rows_forward(e)
    loss = 1 - (unit_v * unit_e[y]).sum(axis=1).mean()
    share = np.asarray(-1 / len(v), v.dtype)
    by_class = (np.arange(len(e))[:, None] == y).astype(v.dtype) @ (unit_v * share)
    return (
        loss,
        unit_rows_backward(unit_e[y] * share, v_cache),
        unit_rows_backward(by_class, e_cache),
    )


def division_loss(logits: Array, *, n_seen: int, weight: float) -> tuple[Array, Array]:
    """Return the mean of -log10 p(unseen), and dlogits (n, C) of weight times it.

    p(unseen) is the sum of the probabilities of the unseen classes; logits (n, C) have the n_seen
    seen classes first.
    """
    log_all = kernels.log_softmax_entropy(logits)[0]
    log_unseen = np.logaddexp.reduce(log_all[:, n_seen:], axis=1)
    share = np.zeros_like(logits)
    share[:, n_seen:] = np.exp(log_all[:, n_seen:] - log_unseen[:, None])
    scale = 1 / (len(logits) * np.log(10.0))
    return -log_unseen.sum() * scale, ((np.exp(log_all) - share) * (weight * scale)).astype(
        logits.dtype
    )
