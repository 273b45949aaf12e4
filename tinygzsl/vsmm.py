"""Visual-semantic mapping module (eqs. 3-5, 8 and 9): f_v, g, f_s and the classifier C."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from . import kernels
from .errors import InputError
from .nn import losses, ops, random
from .nn.adam import Adam
from .nn.mlp import MLP
from .nn.random import Purpose
from .runtime.array import Array, ArrayModule
from .runtime.backend import array_module, on_host, to_host
from .runtime.checks import check_number
from .settings import Settings
from .storage.arrays_file import State
from .storage.checkpoints import Checkpoint
from .text import shown, warn


class VSMMDivergedError(FloatingPointError):
    """The training of the VSMM left the finite numbers."""


@dataclass
class VSMM:
    """The networks of the module.

    They are the visual encoder f_v (d -> m), the decoder g (m -> d), the semantic encoder f_s
    (k -> m) and the classifier C (m -> S), which is a linear layer.
    """

    f_v: MLP
    g: MLP
    f_s: MLP
    c: MLP

    @classmethod
    def create(
        cls,
        xp: ArrayModule,
        *,
        d: int,
        k: int,
        n_classes: int,
        settings: Settings,
        seed: int,
        dtype: str,
    ) -> VSMM:
        """Return new networks whose weights have the standard deviation 1 / sqrt(inputs)."""
        m, hidden = settings.vsmm_latent, list(settings.vsmm_hidden)
        shapes = ([d, *hidden, m], [m, *hidden[::-1], d], [k, *hidden, m], [m, n_classes])
        f_v, g, f_s, c = (
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
        return cls(f_v, g, f_s, c)

    @property
    def networks(self) -> dict[str, MLP]:
        """The four networks by name."""
        return {"f_v": self.f_v, "g": self.g, "f_s": self.f_s, "c": self.c}

    @property
    def params(self) -> list[Array]:
        """All parameters, in the order of networks."""
        return [p for network in self.networks.values() for p in network.params]

    def embed(self, x: Array) -> Array:
        """Return f_v(x) (n, m) for x (n, d)."""
        return self.f_v.forward(x)[0]

    def embed_prototypes(self, a: Array) -> Array:
        """Return f_s(a) (c, m) for prototypes a (c, k)."""
        return self.f_s.forward(a)[0]

    def logits(self, embedded: Array) -> Array:
        """Return C's logits (n, S) for embedded samples f_v(x) (n, m)."""
        return self.c.forward(embedded)[0]

    def state(self) -> State:
        """Return the networks' state, by name."""
        parts = {name: network.state(name) for name, network in self.networks.items()}
        arrays = {key: array for part in parts.values() for key, array in part.arrays.items()}
        return State({name: part.header for name, part in parts.items()}, arrays)

    @classmethod
    def from_state(cls, header: dict[str, Any], arrays: dict[str, Array]) -> VSMM:
        """Return the module that `state` described; it shares the arrays."""
        return cls(
            **{
                name: MLP.from_state(name, header=part, arrays=arrays)
                for name, part in header.items()
            }
        )

    def check(self, *, d: int, k: int, m: int, n_classes: int, dtype: np.dtype) -> None:
        """ValueError unless the networks have these inputs and outputs, and are finite."""
        ends = {"f_v": (d, m), "g": (m, d), "f_s": (k, m), "c": (m, n_classes)}
        for name, network in self.networks.items():
            n_in, n_out = ends[name]
            network.check(name, n_in=n_in, n_out=n_out, dtype=dtype)


def vsmm_loss(
    vsmm: VSMM,
    x: Array,
    y: Array,
    prototypes: Array,
    settings: Settings,
    *,
    out: dict[str, list[Array]] | None = None,
) -> tuple[dict[str, Array], list[Array]]:
    """Return the terms of eq. 9 on a batch, and the gradients in the order of vsmm.params.

    y (n,) are the classes of the first n rows of x (n + n_p, d), as rows of prototypes (S, k). The
    other rows, if any, are proxies: they enter L_ES only (eq. 8), whose gradient flows through C
    and f_v. f_s is computed once per prototype. If `out` is given, the gradients are written into
    its arrays, by network. The terms are 0-d arrays: "ae", "le", "clf", "es", "h_seen" and
    "h_proxy" (in nats) and "loss"; without proxies there are no "es" and "h_proxy".
    """
    xp, n = array_module(x, y, prototypes), y.shape[0]
    w_ae, w_le = settings.vsmm_weight_ae, settings.vsmm_weight_le
    w_clf = settings.vsmm_weight_clf
    latent, f_v_cache = vsmm.f_v.forward(x)
    logits, c_cache = vsmm.c.forward(latent)
    decoded, g_cache = vsmm.g.forward(latent[:n])
    a, row = ops.class_table(prototypes, y)
    embedded, f_s_cache = vsmm.f_s.forward(a)
    semantic = embedded[row]

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
    dsemantic = xp.ascontiguousarray(-from_le.T)
    dembedded = kernels.segment_sum(dsemantic, row, a.shape[0]).T
    _, f_s_grads = vsmm.f_s.backward(dembedded, f_s_cache, need_dx=False, out=out.get("f_s"))
    _, f_v_grads = vsmm.f_v.backward(dlatent, f_v_cache, need_dx=False, out=out.get("f_v"))
    return terms, f_v_grads + g_grads + f_s_grads + c_grads


class VsmmTraining:
    """A VSMM, its optimiser and its progress: the whole state of training."""

    def __init__(self, vsmm: VSMM, adam: Adam):
        self.vsmm, self.adam = vsmm, adam
        self.history: list[dict[str, Any]] = []  # per finished epoch, the means of the terms
        self.batches = 0  # batches of the current epoch
        self.names: list[str] = []  # names of the terms
        self.sums: Array | int = 0  # sums of the terms over these batches, a vector

    def add(self, terms: dict[str, Any], rows: int) -> None:
        """Add the terms of a batch of `rows` rows to the sums."""
        self.names = list(terms)
        self.sums = self.sums + array_module(terms["loss"]).stack(list(terms.values())) * rows
        self.batches += 1

    def end_epoch(self, rows: int) -> None:
        """Append the means of the epoch, which has `rows` rows, to the history if finite."""
        means = self.by_name(rows)
        self.check_finite(means)
        self.history.append(means)
        self.batches, self.sums = 0, 0

    def by_name(self, rows: int) -> dict[str, float]:
        """Return the sums divided by `rows`, by name; this waits for the device."""
        means = to_host(self.sums).astype(float) / rows
        return dict(zip(self.names, means.tolist(), strict=True))

    def check_finite(self, terms: dict[str, Any]) -> None:
        """FloatingPointError if a parameter or one of these terms is NaN or inf.

        The message has the step and the first such quantity. This waits for the device.
        """
        found = self.adam.first_bad()
        if not found and math.isfinite(float(terms["loss"])):
            return
        values = {name: float(term) for name, term in terms.items()}
        if found:
            step, what = found[0], f"{self._parameter(found[1])} or its gradient"
        else:
            step, what = self.adam.t, next(n for n, v in values.items() if not math.isfinite(v))
        numbers = ", ".join(f"{name} {value:.6g}" for name, value in values.items())
        raise VSMMDivergedError(
            f"the VSMM diverged in epoch {len(self.history) + 1}, at step {step}: {what} is NaN or "
            f"inf ({numbers}); lower vsmm_lr, now {self.adam.lr:g}"
        )

    def _parameter(self, index: int) -> str:
        nets = self.vsmm.networks.items()
        names = [f"{name} parameter {i}" for name, net in nets for i in range(len(net.params))]
        return names[index]

    @property
    def step(self) -> int:
        """The number of batches so far."""
        return self.adam.t

    def state(self) -> State:
        """Return everything needed to resume, on the host."""
        header = {"history": self.history, "batches": self.batches, "names": self.names}
        return State(header, on_host(self._live()))

    def _live(self) -> dict[str, Array | int]:
        """Return the step and the arrays that training changes, by name."""
        arrays: dict[str, Array | int] = {"step": self.adam.t}
        parts = zip(self.adam.params, self.adam.m, self.adam.v, strict=True)
        for i, (p, m, v) in enumerate(parts):
            arrays |= {f"p{i}": p, f"m{i}": m, f"v{i}": v}
        if self.batches:
            arrays["sums"] = self.sums
        return arrays

    def restore(self, state: State) -> None:
        """Set the state, in place, to one that `state` returned.

        Raises ValueError, KeyError or TypeError if it doesn't fit.
        """
        header, arrays = state.header, state.arrays
        check_progress(header, arrays)
        xp = array_module(*self.adam.params)
        for name, array in self._live().items():
            wanted = getattr(array, "shape", ())  # the step is a number; arrays are on the host
            if arrays[name].shape != wanted or not np.isfinite(arrays[name]).all():
                raise InputError(f"{name} doesn't have the shape {wanted}, or has NaN or inf")
            if not isinstance(array, int):
                array[...] = xp.asarray(arrays[name])
        self.adam.t = int(arrays["step"])
        self.history, self.names = header["history"], header["names"]
        self.batches = header["batches"]
        self.sums = xp.asarray(arrays["sums"]) if self.batches else 0


def check_progress(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """ValueError unless the history and the sums that were read from a file fit the step."""
    history, names, batches = header["history"], header["names"], header["batches"]
    if type(history) is not list or type(names) is not list:
        raise InputError("the history or the names of its terms are not a list")
    step, epochs = int(arrays["step"]), len(history)
    if not all(type(name) is str for name in names) or (step and "loss" not in names):
        raise InputError(f"the terms are named {shown(names)}")
    for means in history:
        if list(means) != list(names):
            raise InputError(f"the history has {shown(list(means))} where {shown(names)} are named")
        for name, value in means.items():
            check_number(name, value)
    if type(batches) is not int or not 0 <= batches <= step:
        raise InputError(f"batches is {shown(batches, 20)} at step {step}")
    whole, rest = divmod(step - batches, epochs) if epochs else (batches + 1, step - batches)
    if rest or batches >= whole:
        raise InputError(f"step {step} can't be {epochs} epochs and {batches} batches")
    if batches:
        sums = arrays["sums"]
        if sums.shape != (len(names),) or not np.isfinite(sums).all():
            raise InputError(f"sums has shape {sums.shape} for {len(names)} terms, or NaN or inf")


def train_vsmm(
    x: Array,
    y: Array,
    prototypes: Array,
    proxies: Array | None,
    settings: Settings,
    *,
    seed: int,
    callback: Callable[[int, dict[str, Any]], None],
    after_epoch: Callable[[VSMM, int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[VSMM, list[dict[str, Any]]]:
    """Train on seen samples x (N, d), y (N,) indexing prototypes (S, k), and proxies (P, d).

    Every mini-batch has as many proxies as seen samples. after_epoch(vsmm, epochs so far) gets the
    live module, which equals the result of training for that many epochs. Training resumes from the
    checkpoint, if this has a state, and updates it. Returns the module and, per epoch, the means of
    the terms. Raises FloatingPointError if training diverges. On the CPU this is found at the same
    step; on a GPU, where every check waits for the device, at the end of the epoch or at a
    checkpoint.
    """
    xp, n = array_module(x, y, prototypes), x.shape[0]
    vsmm = VSMM.create(
        xp,
        d=x.shape[1],
        k=prototypes.shape[1],
        n_classes=prototypes.shape[0],
        settings=settings,
        seed=seed,
        dtype=str(x.dtype),
    )
    adam = Adam(vsmm.params, lr=settings.vsmm_lr, betas=(settings.vsmm_beta1, settings.vsmm_beta2))
    training = VsmmTraining(vsmm, adam)
    if checkpoint:
        checkpoint.restore(training)
    out = {name: [xp.empty_like(p) for p in net.params] for name, net in vsmm.networks.items()}
    rows_per_batch = min(settings.vsmm_batch, n) * (1 if proxies is None else 2)
    batch = xp.empty((rows_per_batch, x.shape[1]), x.dtype)
    per_epoch = math.ceil(n / settings.vsmm_batch)
    total = settings.vsmm_epochs * per_epoch
    for epoch in range(len(training.history), settings.vsmm_epochs):
        batches = epoch_batches(xp, n, batch=settings.vsmm_batch, seed=seed, epoch=epoch)
        for rows in islice(batches, training.batches, None):
            stacked = _stack(batch, x, rows, proxies, seed=seed, step=adam.t)
            terms, grads = vsmm_loss(vsmm, stacked, y[rows], prototypes, settings, out=out)
            adam.step(grads)
            training.add(terms, len(rows))
            due = checkpoint is not None and checkpoint.due()
            if xp is np:
                training.check_finite(terms)
            elif due:  # the sums contain all steps that were not checked
                counted = min(training.batches * settings.vsmm_batch, n)
                training.check_finite(training.by_name(counted))
            callback(adam.t, {"phase": "vsmm", "total": total})
            if training.batches == per_epoch:
                training.end_epoch(n)
            if checkpoint is not None and due:
                checkpoint.save(training)
        if after_epoch:
            after_epoch(vsmm, epoch + 1)
    if checkpoint:
        checkpoint.save(training)
    return vsmm, training.history


def epoch_batches(
    xp: ArrayModule,
    n: int,
    *,
    batch: int,
    seed: int,
    epoch: int,
    purpose: Purpose = Purpose.EPOCH_ORDER,
) -> Iterator[Array]:
    """Yield the shuffled rows 0 .. n - 1 in mini-batches; the last one may be smaller."""
    order = random.permutation(xp, n, seed=seed, step=epoch, purpose=purpose)
    for at in range(0, n, batch):
        yield order[at : at + batch]


def _stack(
    batch: Array, x: Array, rows: Array, proxies: Array | None, *, seed: int, step: int
) -> Array:
    """Write the rows of x and, below them, as many proxies if given, to the start of batch."""
    xp, n = array_module(x, rows), rows.shape[0]
    kernels.gather_rows(x, rows, batch[:n])
    if proxies is None:
        return batch[:n]
    draws = random.integers(
        xp, n, seed=seed, step=step, purpose=Purpose.PROXY_BATCH, high=proxies.shape[0]
    )
    kernels.gather_rows(proxies, draws, batch[n : 2 * n])
    return batch[: 2 * n]


def warn_if_idle(history: list[dict[str, Any]], settings: Settings) -> None:
    """Warn if the hinge of L_ES (eq. 8) was 0 in all epochs after the first tenth.

    Separation had no effect then. The first epochs, in which C is still untrained, don't count.
    """
    start = max(1, math.ceil(0.1 * len(history)))
    idle = history[start:]
    if idle and not any(epoch.get("es", 1) for epoch in idle):
        gap = idle[0]["h_proxy"] - idle[0]["h_seen"]
        warn(
            f"L_ES is 0 from epoch {start + 1} of {len(history)} on, where the mean entropy of "
            f"proxies is {gap:.2f} nats above that of seen samples and vsmm_gamma asks for "
            f"{settings.vsmm_gamma:g}: separation has almost no effect; raise vsmm_gamma, or "
            "take later snapshots (cs_low and cs_high)"
        )
