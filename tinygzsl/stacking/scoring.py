"""The fitted experts of a stack, and how their scores of new samples become a panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..gates.panel import ExpertScores, Panel, expert_scores
from .experts import Expert, RawScores, Views
from .similarity import Similarity


@dataclass(frozen=True, kw_only=True, eq=False)
class Scorer:
    """The fitted models of the experts, by their names.

    units are those of F, seen the prototypes (S, k) by view, and similarities are by the scaling of
    the features.
    """

    experts: list[Expert]
    models: dict[str, Any]
    units: dict[str, float]
    seen: dict[str, np.ndarray]
    similarities: dict[str, Similarity]

    def panel(self, X: np.ndarray, unseen: Views) -> Panel:
        """Return the scores of the samples X (n, d) with unseen prototypes (U, k) by view."""
        raw = {
            expert.name: expert.scores(self.models[expert.name], X, seen=self.seen, unseen=unseen)
            for expert in self.experts
        }
        similarities = {name: similarity.of(X) for name, similarity in self.similarities.items()}
        return Panel(experts=scores_by_name(raw, self.units), similarities=similarities)

    def seen_scores(self, X: np.ndarray) -> np.ndarray:
        """Return Panel.seen (experts, n, S), which needs no unseen prototypes."""
        found = []
        for expert in self.experts:
            raw = expert.scores(self.models[expert.name], X, seen=self.seen)
            f = raw.f.astype(float) / self.units[expert.name]
            found.append(f if raw.log_p is None else raw.log_p.astype(float))
        return np.stack(found)


def scores_by_name(
    raw: Mapping[str, RawScores], units: Mapping[str, float]
) -> dict[str, ExpertScores]:
    """Return the experts' scores of the same samples as a panel takes them."""
    return {
        name: expert_scores(
            scores.f,
            n_seen=scores.n_seen,
            unit=units[name],
            log_p=scores.log_p,
            entropy=scores.entropy,
        )
        for name, scores in raw.items()
    }
