"""Training on one fold: scaled arrays, VSMMs, one CWGAN for all windows of CS, and their scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from .. import pipeline
from ..datasets import Dataset
from ..datasets.array_checks import check_finite
from ..datasets.scaling import scaled
from ..datasets.views import single_view
from ..errors import InputError
from ..gates.neighbours import fit_neighbours
from ..gates.panel import score_unit
from ..gates.units import EntropyScaleError, keep_out
from ..pipeline import Plan, SeenData
from ..proxies import FRESH_DRAW, TRAINING_DRAW
from ..router import sample_rows, score_deviation, vsmm_scores
from ..runtime.array import Array
from ..runtime.backend import device_module
from ..settings import Settings
from ..snapshots import SnapshotKeeper
from ..vsmm import VSMM
from .gate_grids import Scores, make_scores

# The final run has more samples and may reach the window later, so folds use fewer epochs.
SHARE_OF_EPOCHS = 0.75


class _Scaled(NamedTuple):
    """A fold's arrays, scaled as in fit, and the two scalers."""

    kind: tuple[str, str]
    seen: SeenData
    x_test: Array
    a_unseen: Array


class Draws(NamedTuple):
    """Scaled proxies (p, d) to train on, and fresh ones for the entropy scale if needed."""

    trained_on: Array
    fresh: Array | None


class FoldTrainer:
    """Trains on one fold and scores its pseudo-test samples.

    If `start` has router_unit "measured", some training samples are held out, as in fit.
    """

    def __init__(
        self, fold: Dataset, *, seed: int, device: str, dtype: str, start: Settings | None = None
    ):
        check_finite("X", fold.X_train)
        check_finite("X", fold.X_test)
        self.fold, self.seed, self.dtype = fold, seed, dtype
        self.xp = device_module(device)
        index, seen = np.searchsorted(fold.seen_classes, fold.y_train), fold.seen_classes
        kept = keep_out(fold.X_train, index, seen, start or Settings(), seed=seed)
        self.x_train, self.index, self.held = kept
        self._kept: _Scaled | None = None

    @property
    def n_seen(self) -> int:
        """The number of pseudo-seen classes of this fold."""
        return len(self.fold.seen_classes)

    def vsmm(
        self,
        settings: Settings,
        *,
        proxies: Array | None = None,
        after_epoch: Callable[[VSMM, int], None] | None = None,
    ) -> VSMM:
        """Return a VSMM trained on the fold's seen samples and, if given, scaled proxies."""
        seen, plan = self._scaled(settings).seen, self._plan(settings)
        return pipeline.fit_vsmm(seen, proxies, plan, after_epoch=after_epoch)[0]

    def scores_by_epoch(self, by_epoch: list[Settings]) -> dict[Settings, Scores]:
        """Return the scores of settings that differ in vsmm_epochs only, from one training.

        The training has no proxies. If it diverges, settings with more epochs are left out.
        """
        wanted = {settings.vsmm_epochs: settings for settings in by_epoch}
        found = {}

        def look(vsmm: VSMM, epoch: int) -> None:
            if epoch in wanted:
                found[wanted[epoch]] = self.scores(vsmm, wanted[epoch])

        with suppress(FloatingPointError), np.errstate(all="ignore"):
            self.vsmm(max(by_epoch, key=lambda s: s.vsmm_epochs), after_epoch=look)
        return {settings: found[settings] for settings in by_epoch if settings in found}

    def windows(
        self, settings: Settings, windows: list[tuple[float, float]]
    ) -> Iterator[tuple[tuple[float, float], Draws]]:
        """Yield (window, draws) for each window of CS that one CWGAN reaches in time.

        The proxies are those that fit would draw: if CS jumps over a window, those of the nearest
        snapshot. The CWGAN is trained until the last window has its snapshots. If it diverges, only
        windows that already have their snapshots count as reached.
        """
        epochs = max(1, int(SHARE_OF_EPOCHS * settings.gan_max_epochs))
        limited = replace(settings, gan_max_epochs=epochs, gan_train_on=False)
        keepers = [
            SnapshotKeeper(replace(limited, cs_low=low, cs_high=high)) for low, high in windows
        ]
        seen, plan = self._scaled(settings).seen, self._plan(limited)
        with _quiet():
            training = pipeline.start_gan(seen, plan, keepers)
        if not training.scorer.tells_classes_apart:
            return
        finished = False
        with suppress(FloatingPointError), np.errstate(all="ignore"):
            pipeline.train_gan(training, seen, plan)
            finished = True
        for window, keeper in zip(windows, keepers, strict=True):
            if keeper.done or (finished and keeper.inside):
                with _quiet():
                    source = pipeline.source_of(training, keeper.chosen())
                draw = partial(source.draw, seen.a, settings.proxy_count, seed=self.seed)
                fresh = None if self.held is None else draw(draw=FRESH_DRAW)
                yield window, Draws(draw(draw=TRAINING_DRAW), fresh)

    def scores_with(self, settings: Settings, draws: Draws) -> Scores | None:
        """Return the scores of a VSMM trained with proxies, with the entropy scale if needed.

        The result is None if training diverges or the entropies don't give a scale.
        """
        with suppress(FloatingPointError, EntropyScaleError), np.errstate(all="ignore"):
            vsmm, scale = self.vsmm(settings, proxies=draws.trained_on), None
            if self.held is not None:
                if draws.fresh is None:
                    raise InputError("a fold that keeps samples out needs fresh proxies as well")
                seen, plan = self._scaled(settings).seen, self._plan(settings)
                scale = pipeline.measure_entropies(vsmm, self.held, draws.fresh, seen, plan)
            return self.scores(vsmm, settings)._replace(scale=scale)
        return None

    def scores(self, vsmm: VSMM, settings: Settings) -> Scores:
        """Return the VSMM's scores of the pseudo-test samples, with settings.router_metric as F.

        Raises FloatingPointError if they are not finite.
        """
        data, metric = self._scaled(settings), settings.router_metric
        prototypes = self.xp.concatenate([data.seen.a, data.a_unseen])
        found = vsmm_scores(vsmm, data.x_test, prototypes, metric=metric)
        sample = data.seen.x[sample_rows(data.seen.x)]
        of_training = vsmm_scores(vsmm, sample, data.seen.a, metric=metric).f
        scale = score_deviation(of_training)
        if not all(np.isfinite(part).all() for part in (*found, scale)):
            raise FloatingPointError("the VSMM diverged: its scores are not finite")
        return make_scores(
            self.fold,
            found.log_p,
            found.entropy,
            found.f,
            scale=scale,
            unit=score_unit(of_training),
        )

    def similarity(self, settings: Settings) -> np.ndarray:
        """Return the similarity (n,) of the pseudo-test samples to the fold's training samples."""
        data = self._scaled(settings)
        rows = sample_rows(data.seen.x)
        return fit_neighbours(data.seen.x, data.seen.y, rows=rows).similarity(data.x_test)

    def scores_of(self, settings: Settings, *, proxies: Array | None = None) -> Scores | None:
        """Return the scores of a VSMM trained as `fit` would train it, with proxies of a CWGAN.

        There is no CWGAN if vsmm_weight_es is 0, or if proxies (p, d), in the units of X, replace
        its samples. The result is None if training diverges or no snapshot has a CS within the
        window.
        """
        if proxies is not None:
            scaler = self._scaled(settings).seen.feature_scaler
            proxies = scaled("proxies", proxies, scaler, xp=self.xp, dtype=self.dtype)
        if proxies is not None or settings.vsmm_weight_es == 0:
            with suppress(FloatingPointError), np.errstate(all="ignore"):
                return self.scores(self.vsmm(settings, proxies=proxies), settings)
            return None
        window = settings.cs_low, settings.cs_high
        for _, draws in self.windows(settings, [window]):
            return self.scores_with(settings, draws)
        return None

    def _plan(self, settings: Settings) -> Plan:
        """Return a plan without a callback, as the search reports whole trainings only."""
        return Plan(settings=settings, seed=self.seed, xp=self.xp, dtype=self.dtype)

    def _scaled(self, settings: Settings) -> _Scaled:
        kind = settings.scale_features, settings.scale_prototypes
        if self._kept is None or self._kept.kind != kind:
            fold, xp, dtype = self.fold, self.xp, self.dtype
            plan = self._plan(settings)
            seen = pipeline.scale(self.x_train, self.index, single_view(fold.seen_prototypes), plan)
            self._kept = _Scaled(
                kind=kind,
                seen=seen,
                x_test=scaled("X", fold.X_test, seen.feature_scaler, xp=xp, dtype=dtype),
                a_unseen=scaled(
                    "prototypes",
                    single_view(fold.unseen_prototypes),
                    seen.prototype_scaler,
                    xp=xp,
                    dtype=dtype,
                ),
            )
        return self._kept


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings, which would be repeated for every fold; the final training gives them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
