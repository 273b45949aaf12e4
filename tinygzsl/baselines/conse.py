"""ConSE: the prototype of a sample is a convex combination of those of likely seen classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..datasets.hold_out import hold_out_rows
from ..nn.random import Purpose
from ..ptc import refit, train_ptc
from ..router import compatibility
from ..settings import Settings
from .common.base import Baseline
from .common.checks import check_numbers

HELD_OUT = 0.2  # share of the training samples that chooses the classifier's l2


@dataclass(kw_only=True, eq=False, repr=False)
class ConSE(Baseline):
    """Norouzi et al.: Zero-Shot Learning by Convex Combination of Semantic Embeddings, ICLR 2014.

    A softmax classifier p(y|x) of the seen classes is trained, nothing else. A sample's embedding
    is the mean of the prototypes of its T likeliest seen classes, weighted by p(y|x) and divided by
    the sum of these weights; a class scores the cosine of that embedding and its prototype. All
    classes are candidates, the seen ones too.

    The classifier is the library's own (see tinygzsl.ptc): linear, mean cross-entropy + l2 / 2
    ||W||^2. A fifth of the samples chooses the l2 among ptc_l2, then all train it.

    candidates  T; 10 as in the paper
    ptc_l2      the values tried

    Raises ValueError if T isn't a whole number from 1, or for an l2 that isn't positive.
    """

    title: ClassVar[str] = "ConSE"
    grid: ClassVar[dict[str, tuple]] = {
        "candidates": (1, 5, 10),
        "features": ("none", "minmax", "standard", "l2"),
    }

    candidates: int = 10
    ptc_l2: tuple[float, ...] = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)

    def check(self) -> None:
        """ValueError for a setting out of its range."""
        super().check()
        check_numbers(self, whole=("candidates",))
        self._settings()

    def _settings(self) -> Settings:
        l2 = self.ptc_l2
        return Settings(ptc_l2=tuple(l2) if isinstance(l2, list) else l2)

    def _fit(self, x: np.ndarray, index: np.ndarray, a: np.ndarray) -> None:
        callback = self.callback or (lambda step, logs: None)
        held = hold_out_rows(index, share=HELD_OUT, seed=self.seed, purpose=Purpose.CONSE_HOLD_OUT)
        chosen = train_ptc(
            x[~held],
            index[~held],
            x[held],
            index[held],
            len(a),
            self._settings(),
            self.seed,
            callback,
        )
        self._classifier, self._seen = refit(chosen, x, index), a

    def _scores(self, x: np.ndarray, a: np.ndarray) -> np.ndarray:
        return compatibility(self.embed(x), a, "cosine")

    def embed(self, x: np.ndarray) -> np.ndarray:
        """Convex combinations (n, k) of the scaled seen prototypes for scaled samples x (n, d)."""
        p = np.exp(self._classifier.log_proba(x))
        if self.candidates < p.shape[1]:
            others = np.argpartition(-p, self.candidates, axis=1)[:, self.candidates :]
            np.put_along_axis(p, others, 0, axis=1)
        return p @ self._seen / p.sum(axis=1, keepdims=True)
