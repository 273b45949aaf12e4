"""Whether what training allocates for its settings fits into memory, asked before it starts.

Without this a batch or a layer that is too large ends hours of training when its stage begins, or,
where the system promises memory that it doesn't have, has the process killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..runtime.array import ArrayModule
from ..runtime.memory import has_room, limit
from ..settings import Settings
from ..text import quoted
from .device_memory import gigabytes, memory

COPIES = 4  # of a network's weights: with gradients and Adam's two moments
MOST_BYTES = 10**18  # that a sentence shows


class Need(NamedTuple):
    """What takes memory, the settings it depends on, and at least how many numbers it has."""

    purpose: str
    settings: tuple[str, ...]
    numbers: int


def check_room(
    settings: Settings, *, d: int, k: int, n_classes: int, xp: ArrayModule, dtype: str
) -> None:
    """MemoryError, with the settings, if something that training needs can't fit into memory.

    The data have d features, k attributes and n_classes seen classes. Every need is taken by
    itself, so training may still run out of memory.
    """
    for need in _needs(settings, d=d, k=k, n_classes=n_classes):
        nbytes = need.numbers * np.dtype(dtype).itemsize
        fits = has_room(nbytes) if xp is np else nbytes <= memory(xp)[1]
        if not fits:
            given = ", ".join(
                f"{name} is {quoted(getattr(settings, name))}" for name in need.settings
            )
            raise MemoryError(
                f"{need.purpose} at least {gigabytes(min(nbytes, MOST_BYTES))} of memory, more "
                f"than there is{limit() if xp is np else ' on the GPU'}: {given}; lower "
                f"{'it' if len(need.settings) == 1 else 'them'}"
            )


def _needs(settings: Settings, *, d: int, k: int, n_classes: int) -> Iterator[Need]:
    m, hidden = settings.vsmm_latent, settings.vsmm_hidden
    vsmm = [d, *hidden, m], [m, *hidden[::-1], d], [k, *hidden, m], [m, n_classes]
    yield Need(
        "the hidden sizes of the VSMM need",
        ("vsmm_latent", "vsmm_hidden"),
        COPIES * sum(map(_weights, vsmm)),
    )
    if settings.vsmm_weight_es == 0:  # then there is no CWGAN
        return
    latent = settings.gan_latent or k
    yield Need(
        "the hidden sizes of the generator need",
        ("gan_latent", "gan_generator_hidden"),
        COPIES * _weights([latent + k, *settings.gan_generator_hidden, d]),
    )
    critic = [d + k, *settings.gan_critic_hidden, 1]
    yield Need(
        "the hidden sizes of the critic need",
        ("gan_critic_hidden",),
        COPIES * _weights(critic),
    )
    # The critic takes real samples, generated ones and mixtures.
    yield Need("a batch of the CWGAN needs", ("gan_batch",), 3 * settings.gan_batch * max(critic))
    scored = settings.cs_per_class * n_classes * max(latent, d)
    yield Need("the samples that CS looks at need", ("cs_per_class",), scored)
    yield Need("the proxies need", ("proxy_count",), settings.proxy_count * d)


def _weights(sizes: list[int]) -> int:
    """Return the number of weights and biases of layers with these sizes."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
