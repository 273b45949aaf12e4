"""A CWGAN on scaled seen data, for experiments that train several VSMMs on what it generates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pipeline
from ..cwgan import latent_size
from ..datasets import TrainingSet
from ..errors import InputError
from ..pipeline import Plan
from ..proxies import TRAINING_DRAW, ProxySource, draw_proxies
from ..runtime.backend import device_module, to_host
from ..settings import Settings, given_settings, settings_for
from ..snapshots import Look, Snapshot, SnapshotKeeper


class Ground:
    """Seen data, scaled as in fit, and the settings of an estimator with these parameters.

    Raises ValueError if vsmm_weight_es is 0, as training then uses no proxies.
    """

    def __init__(self, params: dict[str, Any], training: TrainingSet, **changes: Any):
        self.settings = settings_of({**params, **changes})
        if not self.settings.vsmm_weight_es:
            raise InputError(
                "vsmm_weight_es is 0, so there are no proxies to look at; pass --set "
                "vsmm.weight_es=1, or another --preset"
            )
        self.plan = Plan(
            settings=self.settings,
            seed=params["seed"],
            xp=device_module(params["device"]),
            dtype=params["dtype"],
            callback=params.get("callback") or pipeline.silent,
        )
        index = np.searchsorted(training.classes, training.y)
        self.data = pipeline.scale(training.X, index, training.prototypes, self.plan)

    def source(self) -> ProxySource:
        """Return the snapshots that fit would draw its proxies from."""
        return pipeline.find_proxies(self.data, self.plan)

    def proxies(self, snapshot: Snapshot, count: int | None = None) -> np.ndarray:
        """Return the proxies (count, d) of one snapshot as fit would draw them, in units of X.

        count is proxy_count by default.
        """
        a, seed = self.data.a, self.plan.seed
        latent = latent_size(self.settings, a.shape[1])
        count = count or self.settings.proxy_count
        fakes = draw_proxies([snapshot], a, count, latent=latent, seed=seed, draw=TRAINING_DRAW)
        return to_host(self.data.feature_scaler.invert(fakes))

    def watch(self, on_look: Callable[[Snapshot, int], None]) -> tuple[list[Look], float]:
        """Train to the last epoch, and call on_look(snapshot, last step) at every look.

        The snapshot holds the live generator, so a snapshot that is kept must be copied. Returns
        all looks, and CS of held-out real samples.
        """
        keeper = SnapshotKeeper(self.settings)  # its window determines the steps of the looks
        training = pipeline.start_gan(self.data, self.plan, [keeper])
        pipeline.train_gan(training, self.data, self.plan, on_look=on_look)
        return training.looks, training.scorer.reference


def settings_of(params: dict[str, Any]) -> Settings:
    """Return all settings of an estimator with these parameters."""
    return settings_for(params["preset"], given_settings(params))
