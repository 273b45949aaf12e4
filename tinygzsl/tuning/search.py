"""The search: four stages, each of which starts from the best settings of the previous one.

1. networks: scaler, rate and epochs of the VSMM, without proxies
2. metric: F of eqs. 1 and 2
3. separation: window of CS, margin and weight of L_ES, with proxies, or no proxies; a trial that
   diverges on a fold is not considered
4. gate: eq. 10's thresholds or the soft gate, in nats or in fractions of ln S. If router_unit is
   "measured", eq. 10's thresholds on the scale measured on each fold; stage 3 then always has
   proxies

A trial's figure is the mean over the folds of H at the best gate common to all folds. The first
trial is taken whose figure is below the best by at most MARGIN, or by at most the standard error of
the difference, paired by fold (the one-standard-error rule of Breiman, Friedman, Olshen, Stone:
Classification and Regression Trees, 1984). The preset's own values are the first trial; in stage 3
training without proxies is the second. In stage 4 the best gate of each kind is evaluated on folds
that were not used to choose it, and eq. 10 comes first; thresholds are values of the grid. GAN and
PTC are trained once per fold, for all windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from ..settings import Settings
from .gate_grids import UNITS, Gate, Scores, best_gate, cut_grids, make_grids
from .space import Space
from .trials import SHARE_OF_EPOCHS, FoldTrainer

MARGIN = 0.005  # smaller differences of mean H over a few folds are always noise
GAN_UNITS = 15  # the CWGAN of a fold takes about as long as this many VSMMs
REPORTED = {
    "networks": ("scale_features", "gan_output", "vsmm_lr", "vsmm_epochs"),
    "metric": ("router_metric",),
    "separation": ("cs_low", "cs_high", "vsmm_gamma", "vsmm_weight_es"),
}
Found = dict[Settings, list[Scores]]


class Search:
    """The best settings so far with their scores on every fold, and all trials.

    n_seen is the number of classes of the final training. Raises ValueError if a threshold in
    `given` leaves no value for the other.
    """

    def __init__(
        self,
        trainers: list[FoldTrainer],
        start: Settings,
        *,
        n_seen: int,
        given: frozenset[str],
        callback: Callable[[int, dict[str, Any]], None] | None = None,
    ):
        self.trainers, self.given = trainers, given
        log_s = [math.log(t.n_seen) for t in trainers]
        grids = make_grids(start, given, log_s=log_s)
        self.grids = cut_grids(grids, [*(t.n_seen for t in trainers), n_seen])
        self.start, self.until_proxies = start, self.grids
        self.measured = start.router_unit == "measured"
        if self.measured:  # needs proxies; before stage 3 use fractions of ln S instead
            self.start = start = replace(start, router_unit="nats")
            self.until_proxies = make_grids(start, frozenset({"router_gate"}), log_s=log_s)
        self.space = Space(start, given)
        self.callback = callback or (lambda step, logs: None)
        self.settings = replace(start, vsmm_weight_es=0.0)  # until stage 3
        self.scores: list[Scores] = []
        self.trials: list[dict[str, Any]] = []
        self.done, self.total = 0, self._units()

    def networks(self) -> None:
        """Run stage 1. One training gives the results for all numbers of epochs."""
        found: Found = {}
        for scaling in self.space.scalings():
            for rate in self.space.rates():
                changes: dict[str, Any] = {**scaling, "vsmm_lr": rate}
                base = replace(self.settings, **changes)
                by_epoch = [replace(base, vsmm_epochs=n) for n in self.space.epochs()]
                for trainer in self.trainers:
                    for settings, scores in trainer.scores_by_epoch(by_epoch).items():
                        found.setdefault(settings, []).append(scores)
                    self._advance()
        found = self._on_all_folds("networks", found)
        if self.settings not in found:
            raise FloatingPointError(
                "the VSMM diverged on a fold of the training samples; lower vsmm_lr, now "
                f"{self.settings.vsmm_lr:g}"
            )
        self._take(found)

    def metric(self) -> None:
        """Run stage 2, without training, as the networks don't depend on F."""
        found: Found = {replace(self.settings, router_metric=m): [] for m in self.space.metrics()}
        if len(found) == 1:
            return
        for trainer in self.trainers:
            vsmm = trainer.vsmm(self.settings)
            for settings, scores in found.items():
                with suppress(FloatingPointError):
                    scores.append(trainer.scores(vsmm, settings))
            self._advance()
        self._take(self._on_all_folds("metric", found))

    def separation(self) -> None:
        """Run stage 3. Only the proxies of one window are in memory at a time."""
        windows, pairs = self.space.windows(), self.space.separations()
        if not windows:
            return
        found: Found = {}
        for i, trainer in enumerate(self.trainers, start=1):
            end = self.total - (len(self.trainers) - i) * (GAN_UNITS + len(windows) * len(pairs))
            for (low, high), draws in trainer.windows(self.settings, windows):
                for gamma, weight in pairs:
                    settings = replace(
                        self.settings,
                        cs_low=low,
                        cs_high=high,
                        vsmm_gamma=gamma,
                        vsmm_weight_es=weight,
                    )
                    scores = trainer.scores_with(settings, draws)
                    if scores is not None:
                        found.setdefault(settings, []).append(scores)
                    self._advance()
            self._advance(end - self.done)  # the CWGAN, and windows that were not reached
        found = self._on_all_folds("separation", found)
        fixed = "router_unit is 'measured'" if self.measured else ""
        if "vsmm_weight_es" in self.given:
            fixed = f"vsmm_weight_es is fixed at {self.start.vsmm_weight_es:g}"
        if not fixed:
            names = REPORTED["separation"]
            own = replace(self.settings, **{name: getattr(self.start, name) for name in names})
            first = {own: found[own]} if own in found else {}
            found = {**first, self.settings: self.scores, **found}
        elif not found:
            raise ValueError(
                f"{fixed}, but no window of CS was reached on every fold within "
                f"{SHARE_OF_EPOCHS:.0%} of the CWGAN's {self.start.gan_max_epochs} epochs; raise "
                "gan_max_epochs or gan_lr"
            )
        self._take(found)

    def gate(self) -> tuple[Gate, list[Gate]]:
        """Run stage 4: return the chosen gate, and the best one of every kind and unit."""
        if self.measured:
            only = best_gate(self.scores, self.grids, kind="hard", unit="measured")
            return only, [only]
        gates = [
            best_gate(self.scores, self.grids, kind=kind, unit=unit)
            for kind, unit in product(self.grids.kinds, UNITS)
        ]
        best = []
        for fraction, nats in zip(gates[::2], gates[1::2], strict=True):
            best.append(nats if nats.left_out > fraction.left_out else fraction)
        figures = [g.h if math.isnan(g.left_out) else g.left_out for g in best]
        taken = next(g for g, h in zip(best, figures, strict=True) if h >= max(figures) - MARGIN)
        return taken, gates

    def _take(self, found: Found) -> None:
        """Take the first of found that is as good as the best one up to noise."""
        h = {settings: self._figure(scores).by_fold for settings, scores in found.items()}
        best = max(h.values(), key=np.mean)
        self.settings = next(s for s in h if _is_close(h[s], best))
        self.scores = found[self.settings]

    def _figure(self, scores: list[Scores]) -> Gate:
        """Return the best gate common to all folds, of any kind, in fractions of ln S or
        measured.
        """
        grids = self.grids if scores[0].scale else self.until_proxies
        gates = (best_gate(scores, grids, kind=kind, unit=grids.units[0]) for kind in grids.kinds)
        return max(gates, key=lambda gate: gate.h)

    def _on_all_folds(self, stage: str, found: Found) -> Found:
        """Return those of found that could be trained on every fold, and record them as trials."""
        complete = {s: scores for s, scores in found.items() if len(scores) == len(self.trainers)}
        for settings, scores in complete.items():
            gate = self._figure(scores)
            tried = {name: getattr(settings, name) for name in REPORTED[stage]}
            trial = {"stage": stage, "H": gate.h, "H_by_fold": list(gate.by_fold)}
            self.trials.append({**trial, "gate": gate.kind, **tried})
            self._advance(0, trial=self.trials[-1])
        return complete

    def _advance(self, units: int = 1, **logs: Any) -> None:
        self.done += units
        self.callback(self.done, {"phase": "tune", "total": self.total, **logs})

    def _units(self) -> int:
        """Return the number of VSMMs trained on all folds; a CWGAN counts as GAN_UNITS."""
        space, windows = self.space, len(self.space.windows())
        units = len(space.scalings()) * len(space.rates()) + (len(space.metrics()) > 1)
        if windows:
            units += windows * len(space.separations()) + GAN_UNITS
        return units * len(self.trainers)


def _is_close(by_fold: tuple[float, ...], best: tuple[float, ...]) -> bool:
    """Return whether H of the folds equals the best trial's up to noise."""
    below = np.subtract(best, by_fold)
    error = below.std(ddof=1) / math.sqrt(len(below)) if len(below) > 1 else 0.0
    return below.mean() <= max(MARGIN, error)
