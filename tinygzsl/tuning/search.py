"""The search: three stages, each of which starts from the best settings of the previous one.

1. networks: scaler and epochs of the VSMM, without proxies
2. separation: margin and weight of L_ES, with proxies, or no proxies; a trial that diverges on a
   fold is not considered. If there are more than SEPARATION_FOLDS folds, the others are trained
   only where proxies are chosen
3. gate: eq. 10's thresholds or the soft gate, in nats or in fractions of ln S, or the learned gate
   with one of its sets of features: see gate_choice.py. If router_unit is "measured", eq. 10's
   thresholds on the scale measured on each fold; stage 2 then always has proxies, on all folds

A trial's figure is the mean over the folds of H at the best gate common to all folds, the learned
gate without neighbours among them. The first trial is taken whose figure is below the best by at
most MARGIN, or by at most the standard error of the difference, paired by fold (the
one-standard-error rule of Breiman, Friedman, Olshen, Stone: Classification and Regression Trees,
1984). The preset's own values are the first trial; in stage 2 that is training without proxies, so
proxies are used where they help by more than noise. In stage 3 the gates are compared on folds that
did not fit them.

Other rates of the VSMM, other F and other windows of CS were searched by version 0.1.0: in 20
searches on three datasets none of them was ever chosen, so they keep the preset's value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..settings import Settings
from ..text import warn
from .expected import GAN_UNITS, Expected, Work, expected
from .gate_choice import MARGIN, Candidate, candidates, chosen, feature_sets, learned_h
from .gate_grids import Scores, best_gate, cut_grids, make_grids
from .space import Space
from .trials import SHARE_OF_EPOCHS, FoldTrainer

SEPARATION_FOLDS = 3  # a CWGAN takes as long as many VSMMs
REPORTED = {
    "networks": ("scale_features", "gan_output", "vsmm_epochs"),
    "separation": ("vsmm_gamma", "vsmm_weight_es"),
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
        self.trainers, self.given, self.n_seen = trainers, given, n_seen
        log_s = [math.log(t.n_seen) for t in trainers]
        grids = make_grids(start, given, log_s=log_s)
        self.grids = cut_grids(grids, [*(t.n_seen for t in trainers), n_seen])
        self.start, self.until_proxies = start, self.grids
        self.measured, self.features = start.router_unit == "measured", feature_sets(start, given)
        if self.measured:  # needs proxies; before stage 2 use fractions of ln S instead
            self.start = start = replace(start, router_unit="nats")
            self.until_proxies = make_grids(start, frozenset({"router_gate"}), log_s=log_s)
        self.space = Space(start, given)
        self.callback = callback or (lambda step, logs: None)
        self.settings = replace(start, vsmm_weight_es=0.0)  # until stage 2
        self.scores: list[Scores] = []
        self.trials: list[dict[str, Any]] = []
        self.done, self.total = 0, self._units()

    def expected(self) -> Expected | None:
        """Return what the search and the training after it will take, None if a VSMM diverges."""
        space, n = self.space, self.start.vsmm_epochs
        trainings = len(space.scalings()) * len(self.trainers)
        work = Work(
            units=self.total + trainings * (max(space.epochs()) / n - 1),  # of the longest ones
            scaled=len(self.trainers),
            scores=len(space.scalings()) * len(space.epochs()),
        )
        folds = [trainer.fold for trainer in self.trainers]
        has_gan = self.start.vsmm_weight_es > 0
        return expected(self.trainers[0], folds, self.settings, work, has_gan=has_gan)

    def networks(self) -> None:
        """Run stage 1. One training gives the results for all numbers of epochs."""
        found: Found = {}
        for scaling in self.space.scalings():
            changes: dict[str, Any] = dict(scaling)
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

    def separation(self) -> None:
        """Run stage 2, on the first folds, and complete the choice on the others."""
        pairs = self.space.separations()
        if self.start.vsmm_weight_es == 0:
            return
        found: Found = {}
        first = self.trainers if self.measured else self.trainers[:SEPARATION_FOLDS]
        for trainer in first:
            end = self.done + GAN_UNITS + len(pairs)
            for settings, scores in self._with_proxies(trainer, pairs):
                found.setdefault(settings, []).append(scores)
            self._advance(end - self.done)  # the CWGAN, and trials that failed
        found = self._on_all_folds("separation", found, folds=len(first))
        fixed = "router_unit is 'measured'" if self.measured else ""
        if "vsmm_weight_es" in self.given:
            fixed = f"vsmm_weight_es is fixed at {self.start.vsmm_weight_es:g}"
        if not fixed:
            found = {self.settings: self.scores[: len(first)], **found}
        elif not found:
            raise InputError(
                f"{fixed}, but the window of CS was not reached on every fold within "
                f"{SHARE_OF_EPOCHS:.0%} of the CWGAN's {self.start.gan_max_epochs} epochs; raise "
                "gan_max_epochs or gan_lr"
            )
        before = self.scores
        self._take(found)
        if self.settings.vsmm_weight_es == 0:
            self.scores = before
        else:
            self._complete(self.trainers[len(first) :])

    def _with_proxies(
        self, trainer: FoldTrainer, pairs: list[tuple[float, float]]
    ) -> Iterator[tuple[Settings, Scores]]:
        """Yield the settings of each pair of gamma and weight, and their scores on a fold.

        A trial without scores is left out. Only the proxies of one fold are in memory at a time.
        """
        window = self.start.cs_low, self.start.cs_high
        for _, draws in trainer.windows(self.settings, [window]):
            for gamma, weight in pairs:
                settings = replace(self.settings, vsmm_gamma=gamma, vsmm_weight_es=weight)
                scores = trainer.scores_with(settings, draws)
                if scores is not None:
                    yield settings, scores
                self._advance()

    def _complete(self, trainers: list[FoldTrainer]) -> None:
        """Add the scores of the chosen settings, which have proxies, on further folds."""
        for trainer in trainers:
            scores = trainer.scores_of(self.settings)
            if scores is None:
                warn(
                    "the proxies could not be had on one of the folds, which doesn't count for the "
                    "gate"
                )
                self.trainers.remove(trainer)
            else:
                self.scores.append(scores)
            self._advance(GAN_UNITS + 1)

    def gate(self) -> tuple[Candidate, list[Candidate]]:
        """Run stage 3: return the chosen gate, and the best one of every kind."""
        similarities = None
        if any("neighbours" in kinds for kinds in self.features):
            similarities = [trainer.similarity(self.settings) for trainer in self.trainers]
        found = candidates(
            self.scores,
            self.grids,
            n_seen=self.n_seen,
            features=self.features,
            similarities=similarities,
        )
        return chosen(found), found

    def _take(self, found: Found) -> None:
        """Take the first of found that is as good as the best one up to noise."""
        h = {settings: self._figure(scores) for settings, scores in found.items()}
        best = max(h.values(), key=np.mean)
        self.settings = next(s for s in h if _is_close(h[s], best))
        self.scores = found[self.settings]

    def _figure(self, scores: list[Scores]) -> tuple[float, ...]:
        """Return H of the folds with the best gate common to them, in fractions of ln S or
        measured.
        """
        grids = self.grids if scores[0].scale else self.until_proxies
        found = [
            best_gate(scores, grids, kind=kind, unit=grids.units[0]).by_fold for kind in grids.kinds
        ]
        if self.features:
            found.append(learned_h(scores))
        return max(found, key=np.mean)

    def _on_all_folds(self, stage: str, found: Found, *, folds: int | None = None) -> Found:
        """Return those of found that could be trained on all folds, and record them as trials.

        folds is the number of folds that were tried, by default all.
        """
        folds = folds or len(self.trainers)
        complete = {s: scores for s, scores in found.items() if len(scores) == folds}
        for settings, scores in complete.items():
            by_fold = self._figure(scores)
            tried = {name: getattr(settings, name) for name in REPORTED[stage]}
            trial = {"stage": stage, "H": float(np.mean(by_fold)), "H_by_fold": list(by_fold)}
            self.trials.append({**trial, **tried})
            self._advance(0, trial=self.trials[-1])
        return complete

    def _advance(self, units: int = 1, **logs: Any) -> None:
        self.done += units
        self.callback(self.done, {"phase": "tune", "total": self.total, **logs})

    def _units(self) -> int:
        """Return the number of VSMMs trained on all folds; a CWGAN counts as GAN_UNITS."""
        space, folds = self.space, len(self.trainers)
        units = len(space.scalings()) * folds
        if self.start.vsmm_weight_es > 0:
            first = folds if self.measured else min(folds, SEPARATION_FOLDS)
            units += first * (GAN_UNITS + len(space.separations()))
            units += (folds - first) * (GAN_UNITS + 1)
        return units


def _is_close(by_fold: tuple[float, ...], best: tuple[float, ...]) -> bool:
    """Return whether H of the folds equals the best trial's up to noise."""
    below = np.subtract(best, by_fold)
    error = below.std(ddof=1) / math.sqrt(len(below)) if len(below) > 1 else 0.0
    return below.mean() <= max(MARGIN, error)
