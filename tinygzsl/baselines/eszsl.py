"""ESZSL: a bilinear map from features to prototypes in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_choice, check_power
from .common.trained import Part, Values

MAX_POWER = 9  # with gamma below 1e-9 the equations are numerically singular
TARGETS = {"signs": -1.0, "zero_one": 0.0}  # y of the classes that a sample isn't of


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class ESZSL(Baseline):
    """Romera-Paredes, Torr: An embarrassingly simple approach to zero-shot learning, ICML 2015.

    Minimises ||X V A^T - Y||^2 + gamma ||V A^T||^2 + lambda ||X V||^2 + gamma lambda ||V||^2 over
    V (d, k), with Y (n, S) 1 for a sample's class; the score of a class is x V a^T. The solution,
    V = (X^T X + gamma I)^-1 X^T Y A (A^T A + lambda I)^-1, is computed in float64; fit raises
    ValueError if the equations are numerically singular.

    There is no bias, so the targets matter: with S classes the mean of a row of Y is 1 / S for
    zeros, but near -1 for signs. Features that aren't centred fit that mean before anything else.

    Parameters
    ----------
    targets : {"zero_one", "signs"}
        Y of the classes that a sample isn't of: 0, as in the public code below, or -1, as in the
        paper.
    regularize_features : float
        log10 of gamma, from -9 to 9; 3 for AWA1 and CUB in public code for the comparison of Xian
        et al. (github.com/mvp18/Popular-ZSL-Algorithms, eszsl_gzsl.py).
    regularize_prototypes : float
        log10 of lambda, from -9 to 9; 0 there.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "ESZSL"
    trained: ClassVar[dict[str, Part]] = {"_v": Values("d", "k")}
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "regularize_features": (-2.0, 0.0, 1.0, 2.0, 3.0, 4.0),
        "regularize_prototypes": (-3.0, -2.0, -1.0, 0.0),
        "features": ("none", "standard"),
        "targets": ("signs", "zero_one"),
    }

    targets: str = "zero_one"
    regularize_features: float = 3.0
    regularize_prototypes: float = 0.0

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_choice(self, "targets", choices=tuple(TARGETS))
        for name in ("regularize_features", "regularize_prototypes"):
            check_power(self, name, base=10, most=MAX_POWER)

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        x, a = x.astype("float64"), a.astype("float64")
        y = np.where(index[:, None] == np.arange(len(a)), 1.0, TARGETS[self.targets])
        left = x.T @ x + 10**self.regularize_features * np.eye(x.shape[1])
        right = a.T @ a + 10**self.regularize_prototypes * np.eye(a.shape[1])
        try:
            v = np.linalg.solve(left, x.T @ y @ a)
            v = np.linalg.solve(right, v.T).T  # right is symmetric
        except np.linalg.LinAlgError:
            raise InputError(
                "ESZSL's equations are numerically singular; raise regularize_features, now "
                f"{self.regularize_features:g}, and regularize_prototypes, now "
                f"{self.regularize_prototypes:g}"
            ) from None
        self._v = v.astype(self.dtype)

    def _scores(self, x: Array, a: Array) -> Array:
        return x @ self._v @ a.T
