"""ALE: attribute label embedding, trained by a weighted approximate ranking loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..runtime.array import Array
from ..settings.names import names_checked
from .common.ranking import RankingBaseline


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class ALE(RankingBaseline):
    """Akata, Perronnin, Harchaoui, Schmid: Label-Embedding for Image Classification, TPAMI 2016.

    Minimises the mean over samples of (l_k / k) sum_y v_y over W (d, attributes), where
    v_y = max(0, 1 + F(x, y) - F(x, y_n)) for the wrong classes y, F = x W a_y^T, k is the number of
    classes with v_y > 0 (the loss is 0 for k = 0) and l_k = 1 + 1/2 + ... + 1/k: the more classes
    violate the margin, the less each counts. Trained by SGD as in RankingBaseline, with k counted.
    The paper draws classes until one violates the margin and estimates k from the number of draws;
    its steps have the same direction on average.

    Parameters
    ----------
    lr : float
        Learning rate. 0.3, the default, is for CUB and 0.01 for AWA1, both with features l2
        (github.com/mvp18, chosen for classical zero-shot learning, among unseen classes only).
    epochs : int
        Passes over the samples. The public code uses early stopping, after at most 100.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "ALE"
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("standard", "l2"),
        "lr": (0.003, 0.03, 0.3),
        "epochs": (5, 20),
    }

    features: str = "l2"
    lr: float = 0.3
    epochs: int = 20

    def _weights(self, n_classes: int) -> Array:
        """l_k / k for k = 0 .. n_classes - 1, 0 for k = 0."""
        k = np.arange(1, n_classes)
        return np.concatenate([[0.0], np.cumsum(1 / k) / k])
