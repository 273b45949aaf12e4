"""Proxies (Alg. 1): samples of early generators, which represent all unseen classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .cwgan import generator_forward
from .errors import InputError
from .nn import random
from .nn.random import Purpose
from .runtime.array import Array
from .runtime.backend import array_module
from .runtime.checks import check_number
from .settings import Settings
from .snapshots import Look, Snapshot
from .storage.arrays_file import State
from .text import shown

TRAINING_DRAW, FRESH_DRAW = 0, 1  # proxies for training, and proxies that are never trained on


class ProxySource(NamedTuple):
    """The chosen snapshots, all looks, CS of held-out real samples and the PTC's l2."""

    snapshots: list[Snapshot]
    looks: list[Look]
    reference: float
    ptc_l2: float
    latent: int

    def draw(self, prototypes: Array, count: int, *, seed: int, draw: int) -> Array:
        """Return proxies (count, d) in scaled features for scaled seen prototypes (S, k)."""
        return draw_proxies(
            self.snapshots, prototypes, count, latent=self.latent, seed=seed, draw=draw
        )

    def state(self) -> State:
        """Return the whole state; the arrays are the generators' own."""
        snapshots = [s.state(f"snapshot{i}") for i, s in enumerate(self.snapshots)]
        header = {
            "snapshots": [snapshot.header for snapshot in snapshots],
            "looks": [look._asdict() for look in self.looks],
            "reference": self.reference,
            "ptc_l2": self.ptc_l2,
            "latent": self.latent,
        }
        return State(header, {k: a for snapshot in snapshots for k, a in snapshot.arrays.items()})

    @classmethod
    def from_state(cls, header: dict[str, Any], arrays: dict[str, Array]) -> ProxySource:
        """Return the source that `state` described; it shares the arrays."""
        snapshots = enumerate(header["snapshots"])
        return cls(
            snapshots=[
                Snapshot.from_state(f"snapshot{i}", header=part, arrays=arrays)
                for i, part in snapshots
            ],
            looks=[Look(**look) for look in header["looks"]],
            reference=header["reference"],
            ptc_l2=header["ptc_l2"],
            latent=header["latent"],
        )

    def check(self, *, d: int, k: int, dtype: np.dtype) -> None:
        """ValueError unless the generators map k attributes to d features, and all is finite."""
        if not self.snapshots or type(self.latent) is not int or self.latent < 1:
            raise InputError(
                f"there are {len(self.snapshots)} snapshots, latent {shown(self.latent)}"
            )
        check_number("reference", self.reference)
        for number in (value for look in self.looks for value in look):
            check_number("a look", number)
        for snapshot in self.snapshots:
            snapshot.generator.check("a generator", n_in=self.latent + k, n_out=d, dtype=dtype)


def draw_proxies(
    snapshots: list[Snapshot], prototypes: Array, count: int, *, latent: int, seed: int, draw: int
) -> Array:
    """Return count proxies (count, d) from the snapshots in equal shares, classes uniform.

    Callers pass only seen prototypes. Each `draw` gives other samples: proxies that were trained on
    have too high entropies, so thresholds and histograms need a draw of their own.
    """
    xp = array_module(prototypes)
    dtype = str(prototypes.dtype)
    z = random.normal(
        xp, (count, latent), seed=seed, step=draw, purpose=Purpose.PROXY_NOISE, dtype=dtype
    )
    rows = random.integers(
        xp, count, seed=seed, step=draw, purpose=Purpose.PROXY_CLASS, high=prototypes.shape[0]
    )
    parts = []
    for i, snapshot in enumerate(snapshots):
        mine = slice(i, None, len(snapshots))
        parts.append(generator_forward(snapshot.generator, z[mine], prototypes[rows[mine]])[0])
    return xp.concatenate(parts)


def check_passed(settings: Settings) -> None:
    """ValueError if the settings don't use proxies that the user passes."""
    if not settings.vsmm_weight_es:
        raise InputError("proxies were passed but vsmm_weight_es is 0; drop one of the two")
    if settings.router_unit == "measured":
        raise InputError(
            "proxies were passed, but router_unit is 'measured', which needs fresh ones of a GAN; "
            "drop them, or set router_unit='nats'"
        )
