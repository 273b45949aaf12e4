"""DeViSE: a deep visual-semantic embedding's ranking loss over all wrong classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..runtime.array import Array
from ..settings.names import names_checked
from .common.ranking import RankingBaseline


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class DeViSE(RankingBaseline):
    """Frome et al.: DeViSE: A Deep Visual-Semantic Embedding Model, NIPS 2013.

    Minimises the mean over samples of sum_y max(0, margin + F(x, y) - F(x, y_n)) over W (d, k), the
    sum over the wrong classes y and F = x W a_y^T, with prototypes of length 1. Trained by SGD as
    in RankingBaseline. To save time, the paper ends the sum after the first class that violates the
    margin; here all classes are summed. The network that computes the features is not trained.

    Parameters
    ----------
    lr, margin : float
        1 and 1, the defaults, are for CUB with features l2; 0.01 and 200 for AWA1 with features
        standard (github.com/mvp18, which ends the sum early; chosen for classical zero-shot
        learning, among unseen classes only).
    epochs : int
        Passes over the samples. The public code uses early stopping, after at most 100.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "DeViSE"
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("standard", "l2"),
        "lr": (0.01, 1.0),
        "margin": (1.0, 10.0, 200.0),
    }

    features: str = "l2"
    lr: float = 1.0
    margin: float = 1.0
    epochs: int = 20

    def _weights(self, n_classes: int) -> Array:
        return np.ones(n_classes)
