"""Which gate: kinds and features compared on folds that did not fit them.

Eq. 10 and the soft gate are searched on grids (gate_grids.py). The learned gate is fitted
(gates/panel.py), with each set of features that may be chosen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..gates import learned
from ..gates.panel import Fold, Panel, fit_decision, fold_features, held_out_h
from ..settings import Settings
from ..settings.table import SETTINGS
from .gate_grids import FIELDS, Gate, Grids, Scores, at_edge, best_gate, gate_settings

MARGIN = 0.005  # smaller differences of mean H over a few folds are always noise
NUMBERS = (  # of a learned gate, which fit finds together
    "router_weights",
    "router_means",
    "router_deviations",
    "router_intercept",
    "router_kappa",
    "router_offset",
    "router_tau",
    "router_fold_unseen",
)
FEATURES = (("entropy", "gap"), ("entropy", "gap", "neighbours"))  # from simple to complex


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A gate fitted on all folds.

    by_fold are H of the folds with it. left_out is the mean H of each fold with the gate that the
    other folds fit, NaN for a single fold. unit is that of thresholds, or the features of a learned
    gate. settings are the gate as settings, and edges its values at the end of a grid.
    """

    kind: str
    unit: str
    by_fold: tuple[float, ...]
    left_out: float
    settings: dict[str, Any]
    edges: list[str]

    @property
    def h(self) -> float:
        """The mean H over the folds."""
        return float(np.mean(self.by_fold))


def as_folds(scores: list[Scores], similarities: list[np.ndarray] | None = None) -> list[Fold]:
    """Return the folds' samples as a panel of one expert, with similarities (n,) if given."""
    near: list[dict[str, np.ndarray]] = [{} for _ in scores]
    if similarities is not None:
        near = [{"": similarity} for similarity in similarities]
    return [
        Fold(panel=Panel(experts={"": fold.expert}, similarities=found), y=fold.y)
        for fold, found in zip(scores, near, strict=True)
    ]


def candidates(
    scores: list[Scores],
    grids: Grids,
    *,
    n_seen: int,
    features: tuple[tuple[str, ...], ...],
    similarities: list[np.ndarray] | None,
) -> list[Candidate]:
    """Return the best gate of each kind, unit and set of features, from simple to complex.

    n_seen is the number of classes of the final training. similarities are needed where the
    neighbours are a feature. On one fold a learned gate can only be judged where it was fitted, so
    there it is no candidate beside the others.
    """
    gates = [
        best_gate(scores, grids, kind=kind, unit=unit)
        for kind in grids.kinds
        for unit in grids.units
    ]
    found = [_of_grid(gate, grids, n_seen=n_seen) for gate in gates]
    if found and len(scores) < 2:
        return found
    folds = as_folds(scores, similarities)
    return found + [_learned(folds, kinds) for kinds in features]


def chosen(found: list[Candidate]) -> Candidate:
    """Return the first candidate that is as good as the best on folds that did not fit it.

    Of two units of the same kind of thresholds the better one counts.
    """
    best: dict[str, Candidate] = {}
    for candidate in found:
        key = candidate.kind if candidate.kind in FIELDS else candidate.unit
        if key not in best or candidate.left_out > best[key].left_out:
            best[key] = candidate
    figures = [c.h if math.isnan(c.left_out) else c.left_out for c in best.values()]
    at_least = max(figures) - MARGIN
    return next(c for c, h in zip(best.values(), figures, strict=True) if h >= at_least)


def learned_h(scores: list[Scores]) -> tuple[float, ...]:
    """Return H of the folds with the learned gate that all of them fit, without neighbours."""
    return _by_fold(as_folds(scores), FEATURES[0])[1]


def fit_learned(folds: list[Fold], kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return the learned gate with these features as settings."""
    return _by_fold(folds, kinds)[0]


def _learned(folds: list[Fold], kinds: tuple[str, ...]) -> Candidate:
    settings, by_fold = _by_fold(folds, kinds)
    kappa, offset = settings["router_kappa"], settings["router_offset"]
    at_end = {
        "router_kappa": kappa in (learned.KAPPAS[0], learned.KAPPAS[-1]),
        "router_offset": offset in (learned.OFFSETS[0], learned.OFFSETS[-1]),
    }
    left_out = float(np.mean(held_out_h(folds, kinds))) if len(folds) > 1 else math.nan
    return Candidate(
        kind="learned",
        unit=", ".join(kinds),
        by_fold=by_fold,
        left_out=left_out,
        settings=settings,
        edges=[name for name, ends in at_end.items() if ends],
    )


def _by_fold(folds: list[Fold], kinds: tuple[str, ...]) -> tuple[dict[str, Any], tuple[float, ...]]:
    """Return the learned gate as settings, and H of every fold with it."""
    decision = fit_decision(folds, kinds)
    v, w = np.array(decision.seen_weights), np.array(decision.unseen_weights)
    h = [learned.h_at(decision.gate, fold_features(fold, v, w, kinds)) for fold in folds]
    settings = learned.as_settings(
        decision.gate,
        tau=1 / decision.unseen_weights[0],
        fold_unseen=tuple(fold.panel.unseen.shape[2] for fold in folds),
    )
    return settings, tuple(h)


def _of_grid(gate: Gate, grids: Grids, *, n_seen: int) -> Candidate:
    return Candidate(
        kind=gate.kind,
        unit=gate.unit,
        by_fold=gate.by_fold,
        left_out=gate.left_out,
        settings=gate_settings(gate, grids, n_seen=n_seen),
        edges=at_edge(gate, grids),
    )


def feature_sets(settings: Settings, given: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Return the sets of features to try.

    There are none if the user has set another kind of gate, or numbers that it would replace.
    Raises ValueError for such numbers with the learned gate.
    """
    if "router_gate" in given and settings.router_gate == "learned":
        refuse_single_numbers(settings)
    elif "router_gate" in given or _set_numbers(settings) or settings.router_unit == "measured":
        return ()
    return (settings.router_features,) if "router_features" in given else FEATURES


def refuse_single_numbers(settings: Settings) -> None:
    """ValueError if a number is set of a learned gate whose numbers are to be fitted."""
    found = _set_numbers(settings)
    if found and not settings.router_weights:
        raise InputError(
            f"{found[0]} is {getattr(settings, found[0])}, but without router_weights fit finds "
            f"all numbers of the learned gate; leave {found[0]} out, or give all of a fitted gate's"
        )


def _set_numbers(settings: Settings) -> list[str]:
    """Return the names of a learned gate's numbers that differ from their defaults."""
    return [name for name in NUMBERS if getattr(settings, name) != SETTINGS[name].default]
