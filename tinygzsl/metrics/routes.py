"""Which routes samples take."""

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .checks import check_lengths, flags, vector

ROUTES = ("SL", "GZSL", "ZSL")


def route_shares(route: ArrayLike, is_seen: ArrayLike) -> dict[str, dict[str, float]]:
    """Share of the seen and of the unseen samples on each of the router's routes (eq. 10).

    Parameters
    ----------
    route : array_like of str, shape (n,)
        "SL", "GZSL" or "ZSL" for each sample.
    is_seen : array_like of bool, shape (n,)
        Whether the true class of a sample is seen.

    Returns
    -------
    dict of str to dict
        ``{"seen": {"SL": ..., "GZSL": ..., "ZSL": ...}, "unseen": {...}}``; the three shares of
        each kind add up to 1.
    """
    route, is_seen = vector("route", route), flags("is_seen", is_seen)
    check_lengths(route=route, is_seen=is_seen)
    unknown = route[~np.isin(route, ROUTES)]
    if unknown.size:
        raise InputError(f"route holds {unknown[0]}; pass only {', '.join(ROUTES)}")
    n_seen = np.count_nonzero(is_seen)
    if n_seen in (0, is_seen.size):
        raise InputError(
            f"is_seen marks {n_seen} of {is_seen.size} samples as seen; pass samples of both kinds"
        )
    return {
        kind: {name: float(np.mean(route[mask] == name)) for name in ROUTES}
        for kind, mask in (("seen", is_seen), ("unseen", ~is_seen))
    }
