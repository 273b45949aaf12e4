"""SJE: structured joint embedding, the hinge of the most violating class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..settings.names import names_checked
from .common.ranking import RankingBaseline


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class SJE(RankingBaseline):
    """Akata, Reed, Walter, Lee, Schiele: Evaluation of Output Embeddings for Fine-Grained Image
    Classification, CVPR 2015.

    Minimises the mean over samples of max_y max(0, margin + F(x, y) - F(x, y_n)) over W (d, k), the
    maximum over the wrong classes y and F = x W a_y^T: the multiclass structured hinge, in which a
    step changes the score of one wrong class. The paper's margin is 1. Trained by SGD as in
    RankingBaseline.

    Parameters
    ----------
    lr, margin : float
        0.1 and 4, the defaults, are for CUB with features standard; 1 and 2.5 for AWA1 with
        features l2 (github.com/mvp18, chosen for classical zero-shot learning, among unseen classes
        only). That code also standardises x W before prediction; the paper and this class don't.
    epochs : int
        Passes over the samples. The public code uses early stopping, after at most 100.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "SJE"
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("standard", "l2"),
        "lr": (0.1, 1.0),
        "margin": (1.0, 2.5, 4.0),
    }

    features: str = "standard"
    lr: float = 0.1
    margin: float = 4.0
    epochs: int = 20

    def _weights(self, n_classes: int) -> None:
        """Return None: only the most violating class counts."""
