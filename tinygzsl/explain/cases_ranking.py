"""Gradient checks of the ranking losses of ALE, DeViSE and SJE."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np

from ..baselines.ale import ALE
from ..baselines.common.ranking import bilinear_loss, ranking_epoch
from ..runtime.array import Array
from .cases import Case
from .draw import Draw
from .gradcheck import Check

RANKING = "ALE", "DeViSE", "SJE"


def _ranking_weights(name: str, classes: int) -> Array | None:
    return {"ALE": ALE()._weights(classes), "DeViSE": np.ones(classes), "SJE": None}[name]


def ranking_case(name: str) -> Case:
    """The ranking loss of the bilinear score, with the weights of a method."""

    def case(draw: Draw) -> Check:
        n, d, k, classes = draw.sizes.n, draw.sizes.d, draw.sizes.k, draw.sizes.classes
        w, x, y, a = draw.normal(d, k), draw.normal(n, d), draw.labels(n), draw.normal(classes, k)

        def loss() -> tuple[float, Array]:
            weights = _ranking_weights(name, classes)
            return bilinear_loss(w, x, y, a, margin=1.0, weights=weights)

        return Check(f"{name}, ranking loss", [w], [loss()[1]], lambda: loss()[0])

    return case


def ranking_step_case(name: str) -> Case:
    """The steps of an epoch, each from the same m: with rate 1 a step subtracts the gradient.

    If the prototypes are the identity matrix, this is the gradient with respect to m.
    """

    def case(draw: Draw) -> Check:
        n, d, classes = 7, draw.sizes.d, draw.sizes.classes
        m, x, y = draw.normal(d, classes), draw.normal(n, d), draw.labels(n)
        start = draw.normal(n, classes)

        def step(i: int) -> tuple[float, Array]:
            after = m.copy()
            loss = ranking_epoch(
                after,
                np.array([i]),
                x,
                start,
                np.eye(classes),
                y,
                lr=1.0,
                margin=1.0,
                weights=_ranking_weights(name, classes),
            )
            return loss, m - after

        gradient = reduce(add, (step(i)[1] for i in range(n)))
        return Check(
            f"{name}, steps of an epoch",
            [m],
            [gradient],
            lambda: sum(step(i)[0] for i in range(n)),
            compiled="ranking_epoch",
        )

    return case
