"""A CWGAN on scaled seen data, for experiments that train several VSMMs on what it generates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..datasets import TrainingSet
from ..datasets.scaling import fit_and_scale
from ..proxies import TRAINING_DRAW, ProxySource, find_proxies, gan_and_scorer
from ..runtime.backend import device_module, to_host
from ..settings import Settings, settings_for
from ..snapshots import Look, Snapshot, SnapshotKeeper, draw_proxies, train_with_looks


class Ground:
    """Seen data, scaled as fit scales it, with the settings of params: the estimator's parameters.

    Raises ValueError where vsmm_weight_es is 0: there would be nothing to generate for.
    """

    def __init__(self, params: dict[str, Any], training: TrainingSet, **changes: Any):
        self.settings = settings_of({**params, **changes})
        if not self.settings.vsmm_weight_es:
            raise ValueError(
                "vsmm_weight_es is 0, so there are no proxies to look at; pass --set "
                "vsmm.weight_es=1, or another --preset"
            )
        xp, dtype = device_module(params["device"]), params["dtype"]
        self.seed, self.callback = params["seed"], params.get("callback") or (lambda *_: None)
        kinds = self.settings.scale_features, self.settings.scale_prototypes
        self.scaler, self.x = fit_and_scale("X", training.X, kinds[0], xp, dtype)
        _, self.a = fit_and_scale("prototypes", training.prototypes, kinds[1], xp, dtype)
        self.y = xp.asarray(np.searchsorted(training.classes, training.y))

    def source(self) -> ProxySource:
        """The snapshots that fit would draw its proxies from."""
        return find_proxies(self.x, self.y, self.a, self.settings, self.seed, self.callback)

    def proxies(self, snapshot: Snapshot, count: int | None = None) -> np.ndarray:
        """The proxies (count, d) of one snapshot that fit would train on, in the units of X.

        count is proxy_count by default.
        """
        latent = self.settings.gan_latent or self.a.shape[1]
        count = count or self.settings.proxy_count
        fakes = draw_proxies([snapshot], self.a, latent, count, self.seed, TRAINING_DRAW)
        return to_host(self.scaler.invert(fakes))

    def watch(self, on_look: Callable[[Snapshot, int], None]) -> tuple[list[Look], float]:
        """Train to the last epoch; on_look(snapshot, last step) at every look.

        The snapshot holds the live generator: what is kept must be copied. Returns all looks and CS
        of held-out real samples.
        """
        gan, scorer = gan_and_scorer(
            self.x, self.y, self.a, self.settings, self.seed, self.callback
        )
        looks: list[Look] = []
        total = self.settings.gan_max_epochs * -(-self.x.shape[0] // self.settings.gan_batch)
        watcher = _Watcher(self.settings, lambda snapshot: on_look(snapshot, total))
        train_with_looks(gan, watcher, scorer, looks, self.x, self.y, self.a, self.callback)
        return looks, scorer.reference


class _Watcher:
    """Stands in for SnapshotKeeper, whose window sets the rhythm of the looks."""

    def __init__(self, settings, on_look):
        self.keeper, self.on_look = SnapshotKeeper(settings), on_look

    @property
    def passed(self):
        return self.keeper.passed

    def add(self, look, generator):
        self.keeper.add(look, generator)
        self.on_look(Snapshot(look, generator))


def settings_of(params: dict[str, Any]) -> Settings:
    """All hyper-parameters of an estimator with these parameters."""
    others = ("preset", "seed", "device", "dtype", "threads", "callback")
    return settings_for(params["preset"], {k: v for k, v in params.items() if k not in others})
