"""ConSE: the prototype of a sample is a convex combination of those of likely seen classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..datasets.hold_out import hold_out_rows
from ..nn.random import Purpose
from ..ptc import PTC, refit, train_ptc
from ..router import compatibility
from ..runtime.array import Array
from ..runtime.backend import to_host
from ..settings import Settings
from ..settings.names import names_checked
from .common.base import Baseline
from .common.checks import check_numbers
from .common.trained import Group, Number, Part, Values

HELD_OUT = 0.2  # share of the training samples held out to choose the classifier's l2


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class ConSE(Baseline):
    """Norouzi et al.: Zero-Shot Learning by Convex Combination of Semantic Embeddings, ICLR 2014.

    Only a softmax classifier p(y|x) of the seen classes is trained. A sample's embedding is the
    mean of the prototypes of its T most probable seen classes, weighted by p(y|x); the weights are
    normalised to sum 1. The score of a class, seen or unseen, is the cosine of the embedding and
    its prototype.

    The classifier is the one of tinygzsl.ptc: linear, mean cross-entropy + l2 / 2 ||W||^2. A fifth
    of the samples is held out to choose l2; then the classifier is trained on all samples.

    Parameters
    ----------
    candidates : int
        T; 10 as in the paper.
    ptc_l2 : tuple of float
        The values of l2 to choose from.
    **others
        See Baseline.
    """

    title: ClassVar[str] = "ConSE"
    trained: ClassVar[dict[str, Part]] = {
        "_classifier": Group(
            PTC, w=Values("S", "d"), b=Values("S"), l2=Number(), held_out_loss=Number()
        )
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "candidates": (1, 5, 10),
        "features": ("none", "minmax", "standard", "l2"),
    }

    candidates: int = 10
    ptc_l2: tuple[float, ...] = Settings.ptc_l2

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_numbers(self, whole=("candidates",))
        self._settings()

    def _settings(self) -> Settings:
        l2 = self.ptc_l2
        return Settings(ptc_l2=tuple(l2) if isinstance(l2, list) else l2)

    def _fit(self, x: Array, index: Array, a: Array) -> None:
        callback = self.callback or (lambda step, logs: None)
        held = hold_out_rows(
            to_host(index), share=HELD_OUT, seed=self.seed, purpose=Purpose.CONSE_HOLD_OUT
        )
        chosen = train_ptc(
            x[~held],
            index[~held],
            x[held],
            index[held],
            n_classes=len(a),
            settings=self._settings(),
            seed=self.seed,
            callback=callback,
        )
        self._classifier = refit(chosen, x, index)

    def _scores(self, x: Array, a: Array) -> Array:
        return compatibility(self.embed(x), a, metric="cosine")

    def embed(self, x: Array) -> Array:
        """Return the embeddings (n, k) of scaled samples x (n, d): means of scaled prototypes."""
        p = np.exp(self._classifier.log_proba(x))
        if self.candidates < p.shape[1]:
            others = np.argpartition(-p, self.candidates, axis=1)[:, self.candidates :]
            np.put_along_axis(p, others, 0, axis=1)
        return p @ self._seen_prototypes / p.sum(axis=1, keepdims=True)
