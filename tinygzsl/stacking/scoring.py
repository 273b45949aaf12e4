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


def joined(panels: list[Panel]) -> Panel:
    """Return the panel of all samples, from panels of the same experts over parts of them."""
    first = panels[0]
    experts = {
        name: _joined_scores([panel.experts[name] for panel in panels]) for name in first.experts
    }
    similarities = {
        name: np.concatenate([panel.similarities[name] for panel in panels])
        for name in first.similarities
    }
    return Panel(experts=experts, similarities=similarities)


def _joined_scores(parts: list[ExpertScores]) -> ExpertScores:
    entropies = [part.entropy for part in parts if part.entropy is not None]
    return ExpertScores(
        seen=np.concatenate([part.seen for part in parts]),
        unseen=np.concatenate([part.unseen for part in parts]),
        gap=np.concatenate([part.gap for part in parts]),
        entropy=np.concatenate(entropies) if entropies else None,
    )
