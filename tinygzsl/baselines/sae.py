"""SAE: a linear semantic autoencoder with tied weights, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..router import compatibility
from ..runtime.array import Array
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_choice, check_numbers
from .common.trained import Part, Values

DIRECTIONS = ("encoder", "decoder")


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class SAE(Baseline):
    """Kodirov, Xiang, Gong: Semantic Autoencoder for Zero-Shot Learning, CVPR 2017.

    Minimises ||X - A_y W||^2 + lambda ||X W^T - A_y||^2 over W (k, d), where A_y (n, k) holds the
    prototype of each sample's class: W^T encodes features, W decodes prototypes. W solves the
    Sylvester equation (A_y^T A_y) W + W (lambda X^T X) = (1 + lambda) A_y^T X, in float64. The
    score of a class is the cosine of x W^T and a (encoder, features to semantics) or of x and a W
    (decoder, semantics to features), with the rows of W scaled to length 1 as in the authors' code.

    Parameters
    ----------
    direction : {"encoder", "decoder"}
    encoding_weight : float
        lambda. Encoder: 3.2, the default, for AWA1 and 80 for CUB; decoder: 0.8 and 0.2; all with
        features l2 (github.com/mvp18).
    **others
        See Baseline.
    """

    title: ClassVar[str] = "SAE"
    trained: ClassVar[dict[str, Part]] = {"_w": Values("k", "d")}
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "direction": DIRECTIONS,
        "encoding_weight": (0.05, 0.2, 0.8, 3.2, 12.8, 80.0),
        "features": ("none", "minmax", "standard", "l2"),
    }

    features: str = "l2"
    direction: str = "encoder"
    encoding_weight: float = 3.2

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_choice(self, "direction", choices=DIRECTIONS)
        check_numbers(self, positive=("encoding_weight",))

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        x, a_y = x.astype("float64"), a.astype("float64")[index]
        c = (1 + self.encoding_weight) * (a_y.T @ x)
        w = solve_sylvester(a_y.T @ a_y, self.encoding_weight * (x.T @ x), c)
        length = np.linalg.norm(w, axis=1, keepdims=True)
        self._w = (w / np.where(length > 0, length, 1)).astype(self.dtype)

    def _scores(self, x: Array, a: Array) -> Array:
        if self.direction == "encoder":
            return compatibility(x @ self._w.T, a, metric="cosine")
        return compatibility(x, a @ self._w, metric="cosine")


def solve_sylvester(a: Array, b: Array, c: Array) -> Array:
    """Return the W (k, d) of least norm with a W + W b = c, for positive semidefinite a and b.

    a (k, k) and b (d, d) are symmetric. In the bases of their eigenvectors the equation reads
    (alpha_i + beta_j) W_ij = c_ij. Where the sum is numerically zero, W_ij has no effect on the
    left side and is set to 0.
    """
    alpha, p = np.linalg.eigh(a)
    beta, q = np.linalg.eigh(b)
    sums = alpha[:, None] + beta
    usable = sums > np.finfo("float64").eps * max(sums.shape) * sums.max()
    rotated = np.where(usable, p.T @ c @ q / np.where(usable, sums, 1), 0)
    return p @ rotated @ q.T
