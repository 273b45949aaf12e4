"""Proxies (Alg. 1): samples of early generators that stand for everything unseen."""

from __future__ import annotations

from typing import NamedTuple

from .cwgan import generator_forward
from .nn import random
from .nn.random import Purpose
from .runtime.backend import Array, array_module
from .settings import Settings
from .snapshots import Look, Snapshot

TRAINING_DRAW, FRESH_DRAW = 0, 1  # draws of proxies: trained on, and never trained on


class ProxySource(NamedTuple):
    """The chosen snapshots, the curve of looks, CS of held-out real samples and the PTC's l2."""

    snapshots: list[Snapshot]
    looks: list[Look]
    reference: float
    ptc_l2: float
    latent: int

    def draw(self, prototypes: Array, count: int, seed: int, draw: int) -> Array:
        """count proxies (count, d), in scaled features, of scaled seen prototypes (S, k)."""
        return draw_proxies(self.snapshots, prototypes, self.latent, count, seed, draw)


def draw_proxies(
    snapshots: list[Snapshot], prototypes: Array, latent: int, count: int, seed: int, draw: int
) -> Array:
    """count proxy samples (count, d) from the snapshots in equal shares, classes uniform.

    Only seen prototypes are ever passed here. Another `draw` gives fresh samples: those trained on
    have inflated entropies, so thresholds and histograms take a draw of their own.
    """
    xp = array_module(prototypes)
    dtype = str(prototypes.dtype)
    z = random.normal(xp, seed, draw, Purpose.PROXY_NOISE, (count, latent), dtype)
    rows = random.integers(xp, seed, draw, Purpose.PROXY_CLASS, prototypes.shape[0], count)
    parts = []
    for i, snapshot in enumerate(snapshots):
        mine = slice(i, None, len(snapshots))
        parts.append(generator_forward(snapshot.generator, z[mine], prototypes[rows[mine]])[0])
    return xp.concatenate(parts)


def check_passed(settings: Settings) -> None:
    """ValueError where the settings have no use for proxies that the user passes."""
    if not settings.vsmm_weight_es:
        raise ValueError("proxies were passed but vsmm_weight_es is 0; drop one of the two")
    if settings.router_unit == "measured":
        raise ValueError(
            "proxies were passed, but router_unit is 'measured', which needs fresh ones of a GAN; "
            "drop them, or set router_unit='nats'"
        )
