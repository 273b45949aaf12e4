"""Prototype ridge: the mean of a class predicted from its prototype in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError
from ..nn.whitening import Whitening, class_means, fit_whitening
from ..router import compatibility
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_numbers
from .common.distances import squared_distances
from .common.trained import Group, Number, Part, Values

LEAST = {"ridge": 1e-9, "shrink": 1e-3}  # below these rounding errors decide


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class PrototypeRidge(Baseline):
    """Changpinyo, Chao, Sha: Predicting Visual Exemplars of Unseen Classes for Zero-Shot Learning,
    ICCV 2017.

    After their idea: a class's mean is predicted from its prototype by kernel regression, and a
    sample's class is that of the nearest predicted mean. Decided here: ridge regression, which has
    a closed form, in place of support vectors, and the whole within-class covariance in place of
    its diagonal.

    With the means M (S, d) of the seen classes and the kernel
    K_cr = exp(-gamma |a_c - a_r|^2 / median over i < j of |a_i - a_j|^2), the predicted mean is

        m(a_c) = mean(M) + K_c (K + ridge I)^-1 (M - mean(M))

    and the score of a class is -|L^-1 (x - m(a_c))|^2. L L^T = C + shrink tr(C) / d I, where C is
    the covariance of training samples around the means of their classes. Seen classes are scored by
    their predicted means too, so that scores of seen and unseen classes are of one kind. All is
    computed in float64 but products with samples.

    Parameters
    ----------
    gamma : float
        The kernel's exponent in units of the inverse median; 1 is usual.
    ridge : float
        At least 1e-9; the kernel is 1 for equal prototypes.
    shrink : float
        At least 1e-3; how far C is moved towards a multiple of I.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "Prototype ridge"
    trained: ClassVar[dict[str, Part]] = {
        "_unit": Number(positive=True),
        "_center": Values("d"),
        "_weights": Values("S", "d"),
        "_whitening": Group(Whitening, mean=Values("d"), inverse=Values("d", "d")),
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("minmax", "standard"),
        "gamma": (0.1, 0.25, 0.5),
        "ridge": (0.01, 0.03),
        "shrink": (0.1, 0.3, 1.0, 3.0, 10.0),
    }

    gamma: float = 1.0
    ridge: float = 0.03
    shrink: float = 0.3

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(self, positive=("gamma", *LEAST))
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)!r}; pass at least {least:g}")

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        self._unit = float(np.median(squared_distances(a, a)[np.triu_indices(len(a), 1)]))
        if self._unit == 0:
            raise InputError(
                "the median distance of two prototypes is 0, as most of them are equal, so their "
                "similarity has no unit; pass prototypes that differ"
            )
        self._whitening = fit_whitening(x, index, shrink=self.shrink)
        means = class_means(x, index)
        center = means.mean(axis=0)
        kernel = self._kernel(a, a) + self.ridge * np.eye(len(a))
        weights = np.linalg.solve(kernel, means - center)
        to_white = self._whitening.inverse.T.astype("float64")
        self._weights = (weights @ to_white).astype(self.dtype)
        self._center = ((center - self._whitening.mean) @ to_white).astype(self.dtype)

    def _scores(self, x: Array, a: Array) -> Array:
        means = self._center + self._kernel(a, self._seen_prototypes) @ self._weights
        f = compatibility(self._whitening.apply(x), means.astype(self.dtype), metric="euclidean")
        return -f * f

    def _kernel(self, a: Array, b: Array) -> Array:
        """The similarity (C, S) of scaled prototypes a (C, k) and b (S, k), in float64."""
        with np.errstate(over="ignore"):  # exp(-inf) is 0
            return np.exp(-float(self.gamma) / self._unit * squared_distances(a, b))
