"""DeViSE: a deep visual-semantic embedding's ranking loss over all wrong classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .common.ranking import RankingBaseline


@dataclass(kw_only=True, eq=False, repr=False)
class DeViSE(RankingBaseline):
    """Frome et al.: DeViSE: A Deep Visual-Semantic Embedding Model, NIPS 2013.

    Minimises the mean over samples of sum_y max(0, margin + F(x, y) - F(x, y_n)) over W (d, k), the
    sum over the wrong classes y and F = x W a_y^T, with prototypes of length 1. By SGD as in
    RankingBaseline. The paper cuts the sum off after the first class that violates the margin, to
    save time; here it is whole. The features are given: nothing below them is trained.

    lr, margin 1 and 1 for CUB with features l2, the defaults; 0.01 and 200 for AWA1 with features
               standard (github.com/mvp18, whose sum is cut off; chosen there for classical
               zero-shot learning, among unseen classes only)
    epochs     20; the public code stops by validation, after at most 100
    """

    title: ClassVar[str] = "DeViSE"
    grid: ClassVar[dict[str, tuple]] = {
        "features": ("standard", "l2"),
        "lr": (0.01, 1.0),
        "margin": (1.0, 10.0, 200.0),
    }

    features: str = "l2"
    lr: float = 1.0
    margin: float = 1.0
    epochs: int = 20

    def _weights(self, n_classes: int) -> np.ndarray:
        return np.ones(n_classes)
