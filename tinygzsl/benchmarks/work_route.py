"""Routing test samples by thresholds, from unscaled features to labels and scores."""

from __future__ import annotations

import warnings

import numpy as np

from ..datasets.scaling import fit_scaler
from ..estimator import EntropySeparationGZSL
from . import floor

CHUNK_ROWS = 1024  # for peers: with 8192 PyTorch and JAX are a third to a half slower
TRAINING = 25  # samples per seen class: enough for a classifier with different entropies


class Route:
    """model.route of features x (rows, d), `seen` and `unseen` classes with k attributes.

    The features are noisy linear maps of the prototypes. Our version also checks for NaN.
    """

    kind = "route"
    tolerance = 1e-3

    def __init__(self, *, rows: int, d: int, m: int, k: int = 85, seen: int = 40, unseen: int = 10):
        self.sizes = {"rows": rows, "d": d, "m": m, "seen": seen, "unseen": unseen}
        rng = np.random.default_rng(0)
        self.classes = np.arange(seen + unseen)
        prototypes = rng.random((seen + unseen, k), dtype=np.float32)
        to_features = rng.standard_normal((k, d), dtype=np.float32)

        def samples(y: np.ndarray) -> np.ndarray:
            x = prototypes[y] @ to_features
            x += 4 * rng.standard_normal(x.shape, dtype=np.float32)
            return x

        y = np.repeat(self.classes[:seen], TRAINING)
        x_train = samples(y)
        self.training = x_train, y
        self.x = np.concatenate([samples(part) for part in self._labels(rng, rows)])
        self.model = EntropySeparationGZSL(
            scale_features="standard",
            vsmm_latent=m,
            vsmm_epochs=10,
            vsmm_reduction="mean",
            vsmm_weight_es=0.0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the model's accuracy doesn't matter here
            self.model.fit(x_train, y, prototypes[:seen])
        self.settings, self.vsmm = self.model.settings_, self.model.vsmm_
        self.scaler = fit_scaler(x_train, self.settings.scale_features)
        of_prototypes = fit_scaler(prototypes[:seen], self.settings.scale_prototypes)
        self.unseen_prototypes = prototypes[seen:]
        self.scaled_prototypes = of_prototypes.apply(prototypes)

    def _labels(self, rng: np.random.Generator, rows: int) -> list[np.ndarray]:
        y = rng.integers(len(self.classes), size=rows)
        return np.split(y, range(CHUNK_ROWS, rows, CHUNK_ROWS))

    def ours(self) -> _Route:
        """Return EntropySeparationGZSL.route."""
        return _Route(self)

    def phases(self) -> list[floor.Phase]:
        """Return floor.route's phases."""
        return floor.route(**self.sizes)

    def difference(self, result: list[np.ndarray], reference: list[np.ndarray]) -> float:
        """Return the share of samples with another label; only ties may differ."""
        return float((result[0] != reference[0]).mean())


class _Route:
    def __init__(self, work: Route):
        self.work = work

    def run(self) -> None:
        work = self.work
        unseen = work.classes[work.sizes["seen"] :]
        self.found = work.model.route(work.x, work.unseen_prototypes, unseen)

    def result(self) -> list[np.ndarray]:
        return [self.found.label, self.found.entropy, self.found.score]
