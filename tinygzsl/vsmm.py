"""Visual-semantic mapping module (eqs. 3-5, 8 and 9): f_v, g, f_s and the classifier C."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from . import kernels, losses, noise
from .backend import Array, array_module, to_host
from .mlp import MLP
from .noise import Purpose
from .optim import Adam
from .presets import Settings


@dataclass
class VSMM:
    """Visual encoder f_v (d -> m), decoder g (m -> d), semantic encoder f_s (k -> m) and
    classifier C (m -> S), a linear layer.
    """

    f_v: MLP
    g: MLP
    f_s: MLP
    c: MLP

    @classmethod
    def create(
        cls,
        xp: ModuleType,
        d: int,
        k: int,
        n_classes: int,
        settings: Settings,
        seed: int,
        dtype: str,
    ) -> VSMM:
        """Fresh networks, weights scaled by 1 / sqrt(inputs)."""
        m, hidden = settings.vsmm_latent, list(settings.vsmm_hidden)
        shapes = ([d, *hidden, m], [m, *hidden[::-1], d], [k, *hidden, m], [m, n_classes])
        return cls(
            *(
                MLP.create(
                    xp,
                    sizes,
                    seed=seed,
                    purpose=Purpose.VSMM_WEIGHTS,
                    step=i,
                    std=None,
                    hidden="relu",
                    dtype=dtype,
                )
                for i, sizes in enumerate(shapes)
            )
        )

    @property
    def networks(self) -> dict[str, MLP]:
        """The four networks by name."""
        return {"f_v": self.f_v, "g": self.g, "f_s": self.f_s, "c": self.c}

    @property
    def params(self) -> list[Array]:
        """All parameters, in the order of networks."""
        return [p for network in self.networks.values() for p in network.params]

    def embed(self, x: Array) -> Array:
        """f_v(x) (n, m)."""
        return self.f_v.forward(x)[0]

    def embed_prototypes(self, a: Array) -> Array:
        """f_s(a) (c, m)."""
        return self.f_s.forward(a)[0]

    def logits(self, embedded: Array) -> Array:
        """C's logits (n, S) for embedded samples f_v(x) (n, m)."""
        return self.c.forward(embedded)[0]


def vsmm_loss(
    vsmm: VSMM,
    x: Array,
    y: Array,
    a: Array,
    settings: Settings,
    out: dict[str, list[Array]] | None = None,
) -> tuple[dict, list[Array]]:
    """The objective of eq. 9 on a batch and its gradients in the order of vsmm.params.

    y (n,) are class indices and a (n, k) the prototypes of the first n rows of x (n + n_p, d); the
    others, if any, are proxies: they enter L_ES only (eq. 8), whose gradient flows through C and
    f_v. The gradients are written into the arrays of `out`, by network, if it is given. Returns the
    terms as 0-d arrays: "ae", "le", "clf", "es", "h_seen" and "h_proxy" (nats;
    without proxies neither "es" nor "h_proxy") and "loss".
    """
    xp, n = array_module(x, y, a), y.shape[0]
    w_ae, w_le, w_clf = (
        settings.vsmm_weight_ae,
        settings.vsmm_weight_le,
        settings.vsmm_weight_clf,
    )
    latent, f_v_cache = vsmm.f_v.forward(x)
    logits, c_cache = vsmm.c.forward(latent)
    decoded, g_cache = vsmm.g.forward(latent[:n])
    semantic, f_s_cache = vsmm.f_s.forward(a)

    is_mean = settings.vsmm_reduction == "mean"
    scales = [1 / (z.size if is_mean else n) for z in (decoded, semantic)]
    ae, ddecoded = kernels.squared_error(decoded, x[:n], scales[0], w_ae)  # eq. 3
    le, from_le = kernels.squared_error(latent[:n], semantic, scales[1], w_le)  # eq. 4
    (cross_entropy, entropy), softmax_cache = losses.softmax_loss_forward(logits, y)
    clf = cross_entropy.mean()
    loss = w_ae * ae + w_le * le + w_clf * clf  # eq. 5
    terms = {"ae": ae, "le": le, "clf": clf, "h_seen": entropy[:n].mean()}
    dentropy = xp.zeros_like(entropy)
    if x.shape[0] > n:
        weight = settings.vsmm_weight_es
        es, dentropy = kernels.entropy_hinge(entropy, n, settings.vsmm_gamma, weight)  # eq. 8
        terms |= {"es": es, "h_proxy": entropy[n:].mean()}
        loss = loss + weight * es  # eq. 9
    terms["loss"] = loss

    dce = xp.full(n, w_clf / n, x.dtype)
    dlogits = losses.softmax_loss_backward(dce, dentropy, softmax_cache)
    out = out or {}
    dlatent, c_grads = vsmm.c.backward(dlogits, c_cache, out=out.get("c"))
    from_g, g_grads = vsmm.g.backward(ddecoded, g_cache, out=out.get("g"))
    dlatent[:n] += from_g
    dlatent[:n] += from_le
    _, f_s_grads = vsmm.f_s.backward(-from_le, f_s_cache, need_dx=False, out=out.get("f_s"))
    _, f_v_grads = vsmm.f_v.backward(dlatent, f_v_cache, need_dx=False, out=out.get("f_v"))
    return terms, f_v_grads + g_grads + f_s_grads + c_grads


def train_vsmm(
    x: Array,
    y: Array,
    prototypes: Array,
    proxies: Array | None,
    settings: Settings,
    seed: int,
    callback: Callable[[int, dict], None],
    after_epoch: Callable[[VSMM, int], None] | None = None,
) -> tuple[VSMM, list[dict]]:
    """Train on seen samples x (N, d), y (N,) indexing prototypes (S, k), and proxies (P, d).

    Every batch holds as many proxies as seen samples. after_epoch(vsmm, epochs so far) sees the
    live module, which is then what a training of that many epochs gives. Returns the module and,
    per epoch, the means of the terms. Raises FloatingPointError if a loss stops being finite.
    """
    xp = array_module(x, y, prototypes)
    vsmm = VSMM.create(
        xp, x.shape[1], prototypes.shape[1], prototypes.shape[0], settings, seed, str(x.dtype)
    )
    adam = Adam(vsmm.params, settings.vsmm_lr, (settings.vsmm_beta1, settings.vsmm_beta2))
    out = {name: [xp.empty_like(p) for p in net.params] for name, net in vsmm.networks.items()}
    batch = xp.empty(((1 if proxies is None else 2) * settings.vsmm_batch, x.shape[1]), x.dtype)
    history = []
    total = settings.vsmm_epochs * math.ceil(x.shape[0] / settings.vsmm_batch)
    for epoch in range(settings.vsmm_epochs):
        sums = 0
        for rows in epoch_batches(xp, x.shape[0], settings.vsmm_batch, seed, epoch):
            stacked = _stack(batch, x, rows, proxies, seed, adam.t)
            a = prototypes[y[rows]]
            terms, grads = vsmm_loss(vsmm, stacked, y[rows], a, settings, out)
            adam.step(grads)
            sums = sums + xp.stack(list(terms.values())) * len(rows)
            callback(adam.t, {"phase": "vsmm", "total": total})
        means = to_host(sums).astype(float) / x.shape[0]
        history.append(dict(zip(terms, means.tolist(), strict=True)))
        if not math.isfinite(history[-1]["loss"]):
            raise FloatingPointError(
                f"the VSMM diverged in epoch {epoch + 1} (loss {history[-1]['loss']}); lower "
                f"vsmm_lr, now {settings.vsmm_lr:g}"
            )
        if after_epoch:
            after_epoch(vsmm, epoch + 1)
    return vsmm, history


def epoch_batches(xp: ModuleType, n: int, batch: int, seed: int, epoch: int) -> Iterator[Array]:
    """The rows 0 .. n - 1 of each batch of an epoch, shuffled; the last batch may be smaller."""
    order = noise.permutation(xp, seed, epoch, Purpose.EPOCH_ORDER, n)
    for at in range(0, n, batch):
        yield order[at : at + batch]


def _stack(
    batch: Array, x: Array, rows: Array, proxies: Array | None, seed: int, step: int
) -> Array:
    """The rows of x and, below them, as many proxies (if there are any), at the top of batch."""
    xp, n = array_module(x, rows), rows.shape[0]
    kernels.gather_rows(x, rows, batch[:n])
    if proxies is None:
        return batch[:n]
    draws = noise.integers(xp, seed, step, Purpose.PROXY_BATCH, proxies.shape[0], n)
    kernels.gather_rows(proxies, draws, batch[n : 2 * n])
    return batch[: 2 * n]
