"""SJE: structured joint embedding, the hinge of the most violating class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .common.ranking import RankingBaseline


@dataclass(kw_only=True, eq=False, repr=False)
class SJE(RankingBaseline):
    """Akata, Reed, Walter, Lee, Schiele: Evaluation of Output Embeddings for Fine-Grained Image
    Classification, CVPR 2015.

    Minimises the mean over samples of max_y max(0, margin + F(x, y) - F(x, y_n)) over W (d, k), the
    maximum over the wrong classes y and F = x W a_y^T: the multiclass structured hinge, one class a
    step. The paper's margin is 1. By SGD as in RankingBaseline.

    lr, margin 0.1 and 4 for CUB with features standard, the defaults; 1 and 2.5 for AWA1 with
               features l2 (github.com/mvp18, which also standardises x W when it looks for the
               class; the paper doesn't, and so isn't done here; chosen there for classical
               zero-shot learning, among unseen classes only)
    epochs     20; the public code stops by validation, after at most 100
    """

    title: ClassVar[str] = "SJE"
    grid: ClassVar[dict[str, tuple]] = {
        "features": ("standard", "l2"),
        "lr": (0.1, 1.0),
        "margin": (1.0, 2.5, 4.0),
    }

    features: str = "standard"
    lr: float = 0.1
    margin: float = 4.0
    epochs: int = 20

    def _weights(self, n_classes: int) -> None:
        """None: the most violating class alone."""
