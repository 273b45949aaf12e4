"""From seen data to proxies: hold out, train the PTC, train the CWGAN under its score, choose."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .confidence import ConfidenceScorer
from .cwgan import CWGAN
from .nn import random
from .nn.device_memory import FREE_SOME, device_errors, take_rows
from .nn.random import Purpose
from .ptc import train_ptc
from .runtime.backend import Array, array_module, to_host
from .settings import Settings
from .snapshots import (
    Look,
    Snapshot,
    SnapshotKeeper,
    draw_proxies,
    train_with_looks,
    warn_if_reference_low,
)
from .storage.checkpoints import GanCheckpoint, named_in_errors

TRAINING_DRAW, FRESH_DRAW = 0, 1  # draws of proxies: trained on, and never trained on


class ProxySource(NamedTuple):
    """The chosen snapshots, the curve of looks, CS of held-out real samples and the PTC's l2."""

    snapshots: list[Snapshot]
    looks: list[Look]
    reference: float
    ptc_l2: float
    latent: int

    def draw(self, prototypes: Array, count: int, seed: int, draw: int) -> Array:
        """count fresh proxies (count, d), in scaled features, of scaled seen prototypes."""
        return draw_proxies(self.snapshots, prototypes, self.latent, count, seed, draw)


def check_passed(settings: Settings) -> None:
    """ValueError where the settings have no use for proxies that the user passes."""
    if not settings.vsmm_weight_es:
        raise ValueError("proxies were passed but vsmm_weight_es is 0; drop one of the two")
    if settings.router_unit == "measured":
        raise ValueError(
            "proxies were passed, but router_unit is 'measured', which needs fresh ones of a GAN; "
            "drop them, or set router_unit='nats'"
        )


def warn_if_idle(history: list[dict], settings: Settings) -> None:
    """Warn where the hinge of L_ES (eq. 8) was satisfied in all epochs but the first tenth, in
    which C learns its first differences: so separation had nothing to do.
    """
    start = max(1, math.ceil(0.1 * len(history)))
    idle = history[start:]
    if idle and not any(epoch.get("es", 1) for epoch in idle):
        gap = idle[0]["h_proxy"] - idle[0]["h_seen"]
        warnings.warn(
            f"L_ES is 0 from epoch {start + 1} of {len(history)} on, where the mean entropy of "
            f"proxies is {gap:.2f} nats above that of seen samples and vsmm_gamma asks for "
            f"{settings.vsmm_gamma:g}: separation changes next to nothing; raise vsmm_gamma, or "
            "take later snapshots (cs_low and cs_high)",
            stacklevel=4,  # the call of fit
        )


def hold_out_rows(
    y: np.ndarray, share: float, seed: int, purpose: Purpose = Purpose.HOLD_OUT
) -> np.ndarray:
    """A mask (n,) that holds out the share of every class, at least one sample and never all."""
    held = np.zeros(y.shape[0], bool)
    for c in np.unique(y):
        rows = np.flatnonzero(y == c)
        count = min(max(1, round(share * rows.size)), rows.size - 1)
        order = random.permutation(np, seed, int(c), purpose, rows.size)
        held[rows[order[:count]]] = True
    return held


def gan_and_scorer(
    x: Array,
    y: Array,
    prototypes: Array,
    settings: Settings,
    seed: int,
    callback: Callable[[int, dict], None],
) -> tuple[CWGAN, ConfidenceScorer]:
    """An untrained CWGAN, and the scorer of its samples by a PTC trained on all but the held-out
    part of the scaled seen data.
    """
    xp = array_module(x, y, prototypes)
    labels = to_host(y)
    held = hold_out_rows(labels, settings.cs_held_out, seed)
    with device_errors(FREE_SOME):
        callback(0, {"phase": "ptc", "total": len(settings.ptc_l2)})
        x_held, y_held = take_rows(x, np.flatnonzero(held)), xp.asarray(labels[held])
        ptc = train_ptc(
            take_rows(x, np.flatnonzero(~held)),
            xp.asarray(labels[~held]),
            x_held,
            y_held,
            prototypes.shape[0],
            settings,
            seed,
            callback,
        )
    gan = CWGAN(xp, x.shape[1], prototypes.shape[1], settings, seed, str(x.dtype))
    scorer = ConfidenceScorer(
        ptc,
        prototypes,
        x_held,
        y_held,
        latent=gan.latent,
        per_class=settings.cs_per_class,
        seed=seed,
    )
    return gan, scorer


def find_proxies(
    x: Array,
    y: Array,
    prototypes: Array,
    settings: Settings,
    seed: int,
    callback: Callable[[int, dict], None],
    checkpoint: GanCheckpoint | None = None,
) -> ProxySource:
    """Algorithm 1 up to the proxies, on scaled seen data: x (n, d), y (n,) indexing the rows of
    prototypes (S, k).

    Raises ValueError if no snapshot qualifies, FloatingPointError if training diverges.
    """
    gan, scorer = gan_and_scorer(x, y, prototypes, settings, seed, callback)
    if settings.cs_unit == "relative" and scorer.reference < 1 + 1e-6:
        raise ValueError(
            f"held-out real samples have a confidence score of {scorer.reference:.6f}: the PTC "
            "can't tell any classes apart, so no relative window exists; check the features, and "
            f"scale_features, now {settings.scale_features!r}"
        )
    warn_if_reference_low(scorer.reference, prototypes.shape[0])
    keeper, looks = SnapshotKeeper(settings), []
    if checkpoint:
        checkpoint.restore(gan, keeper, looks)
    arrays = x, y, prototypes
    with named_in_errors(checkpoint):
        train_with_looks(gan, keeper, scorer, looks, *arrays, callback, checkpoint)
    if checkpoint:
        checkpoint.save(gan, keeper, looks)
    return ProxySource(keeper.chosen(), looks, scorer.reference, scorer.ptc.l2, gan.latent)
