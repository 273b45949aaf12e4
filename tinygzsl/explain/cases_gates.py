"""Gradient checks of what the learned gate and the weights of experts minimise."""

from __future__ import annotations

import numpy as np

from ..gates.learned import gate_loss
from ..gates.mixing import Scored, balanced_shares, mixing_loss
from ..runtime.array import Array
from ..runtime.backend import to_host
from .cases import Case
from .draw import Draw
from .gradcheck import Check


def gate_cases() -> list[Case]:
    """Both objectives, which are computed on the host."""
    return [gate_case, mixing_case]


def gate_case(draw: Draw) -> Check:
    """The learned gate's logistic regression with its L2 term."""
    n, d = draw.sizes.n, draw.sizes.d
    w, b, phi = (to_host(draw.normal(*shape)) for shape in ((d,), (1,), (n, d)))
    omega, is_seen = np.abs(to_host(draw.normal(n))), to_host(draw.normal(n)) > 0

    def loss() -> tuple[float, Array, float]:
        return gate_loss(w, float(b[0]), phi, is_seen, omega)

    _, dw, db = loss()
    return Check("learned gate objective", [w, b], [dw, np.array([db])], lambda: loss()[0])


def mixing_case(draw: Draw) -> Check:
    """The weights of three experts on two folds, the second without the first one's last class."""
    n, classes = draw.sizes.n, draw.sizes.classes
    w = np.abs(to_host(draw.normal(3)))
    folds = [
        Scored(scores=to_host(draw.normal(3, n, count)), y=to_host(draw.labels(n, count)))
        for count in (classes, classes - 1)
    ]
    shares = balanced_shares(folds)

    def loss() -> tuple[float, Array]:
        return mixing_loss(w, folds, shares)

    return Check("weights of experts", [w], [loss()[1]], lambda: loss()[0])
