"""The measurements of each table and figure, for one split of one dataset with one seed.

Every function takes a Job and its Dataset and returns an Outcome. Training uses data.training()
only.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np

from ..baselines.common.calibration import fit_on
from ..baselines.methods import method
from ..comparison.chosen import OURS, Chosen
from ..datasets import Dataset, TrainingSet
from ..estimator import EntropySeparationGZSL
from ..evaluation import evaluate
from ..metrics import auroc
from ..proxies import TRAINING_DRAW
from ..router import limits as route_limits
from .ground import Ground
from .others import printed_name
from .records import AREA, COUNT, FRACTION, NATS, Outcome, Value

BINS = 30  # of the histograms of figures 2 and 4
PROXY_COUNTS = (100, 250, 500, 1000, 2000, 3000, 4000, 5000, 6000)  # figure 7; the paper ends at 5K


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a table or figure.

    It has the dataset's name in the table, its split and source (arguments of load_dataset), the
    seed, and the estimator's parameters. For another method of the table it has the name of its
    class and its settings.
    """

    dataset: str
    split: int | None
    seed: int
    source: dict[str, Any]
    params: dict[str, Any]
    method: str = OURS
    chosen: Chosen | None = None

    @property
    def what(self) -> str:
        """The method, and the origin of its settings."""
        if self.chosen is None:
            return f"preset {self.params['preset']}"
        return f"{self.method}, settings {self.chosen.origin}"

    @property
    def label(self) -> str:
        """Split and seed as text ("split 1, seed 0"), after the name of another method."""
        parts = [] if self.method == OURS else [self.method]
        parts += [] if self.split is None else [f"split {self.split}"]
        return ", ".join([*parts, f"seed {self.seed}"])

    def outcome(self, values: list[Value], **more: Any) -> Outcome:
        """Return the Outcome of this run."""
        return Outcome(
            dataset=self.dataset, split=self.split, seed=self.seed, values=values, **more
        )

    def fit(
        self, training: TrainingSet, proxies: np.ndarray | None = None, **changes: Any
    ) -> EntropySeparationGZSL:
        """Return a fitted estimator with the job's parameters and these changes."""
        model = EntropySeparationGZSL(**{**self.params, **changes})
        with warnings.catch_warnings():
            if proxies is not None:  # many models on the same data would repeat the warnings
                warnings.simplefilter("ignore", UserWarning)
            return model.fit(training.X, training.y, training.prototypes, proxies=proxies)


def counts(job: Job, data: Dataset) -> Outcome:
    """Table 1: nothing is trained."""
    found = {
        "seen classes": len(data.seen_classes),
        "unseen classes": len(data.unseen_classes),
        "samples": len(data.y_train) + len(data.y_test),
        "k": data.seen_prototypes.shape[1],
        "d": data.n_features,
    }
    return job.outcome([Value("counts", name, COUNT, n) for name, n in found.items()])


def accuracies(job: Job, data: Dataset) -> Outcome:
    """Tables 2 and 3: S, U and H of the full method or another one, without calibrated stacking."""
    if job.chosen is None:
        row, metrics = OURS, evaluate(job.fit(data.training()), data)
    else:
        row, params = printed_name(job.method), {**job.chosen.params, "offset": 0.0}
        model = method(job.method)(**params, seed=job.seed, callback=job.params["callback"])
        metrics = evaluate(fit_on(model, data), data)
    return job.outcome([Value(row, name, FRACTION, metrics[name]) for name in ("S", "U", "H")])


def separation(job: Job, data: Dataset) -> Outcome:
    """Table 4: the baseline, and H of one VSMM per snapshot in the CS window.

    The baseline has no L_ES and uses eq. 2 for every sample. A pool keeps at most 8 snapshots,
    evenly spaced.
    """
    training = data.training()
    baseline = evaluate(job.fit(training, vsmm_weight_es=0.0), data)["gzsl"]["H"]
    ground = Ground(job.params, training, proxy_from="pool")
    snapshots = ground.source().snapshots
    h = [evaluate(job.fit(training, ground.proxies(s)), data)["H"] for s in snapshots]
    values = [Value("baseline", "H", FRACTION, baseline), Value("ours", "H", FRACTION, fmean(h))]
    if len(h) > 1:
        values.append(Value("ours", "sd over snapshots", FRACTION, stdev(h)))
    return job.outcome([*values, Value("ours", "snapshots", COUNT, len(h))])


def without_separation(job: Job, data: Dataset) -> Outcome:
    """Figure 2: entropies of test samples of a VSMM trained by eq. 5."""
    model = job.fit(data.training(), vsmm_weight_es=0.0)
    return job.outcome(_histogram("testing", _test_entropies(model, data), model=model))


def with_separation(job: Job, data: Dataset) -> Outcome:
    """Figure 4: entropies of training samples and their proxies, and of test samples."""
    training = data.training()
    Ground(job.params, training)  # raises ValueError for settings without proxies
    model = job.fit(training)
    proxies = model.sample_proxies(model.settings_.proxy_count, TRAINING_DRAW)
    trained = {"seen": model.entropy(training.X), "proxy": model.entropy(proxies)}
    values = _histogram("training", trained, model=model)
    return job.outcome(values + _histogram("testing", _test_entropies(model, data), model=model))


def shares(job: Job, data: Dataset) -> Outcome:
    """Figure 6: the share of seen and unseen test samples on each route."""
    routes = evaluate(job.fit(data.training()), data)["routes"]
    return job.outcome(
        [
            Value(f"{kind} test samples", route, FRACTION, share)
            for kind, by_route in routes.items()
            for route, share in by_route.items()
        ]
    )


def proxy_counts(job: Job, data: Dataset) -> Outcome:
    """Figure 7: H against the number of proxies, all from the window's first snapshot."""
    training = data.training()
    ground = Ground(job.params, training)
    snapshot = ground.source().snapshots[0]
    values = []
    for count in PROXY_COUNTS:
        model = job.fit(training, ground.proxies(snapshot, count))
        values.append(Value(f"{count} proxies", "H", FRACTION, evaluate(model, data)["H"]))
    return job.outcome(values)


def _test_entropies(model: EntropySeparationGZSL, data: Dataset) -> dict[str, np.ndarray]:
    entropy = model.entropy(data.X_test)
    is_seen = np.isin(data.y_test, data.seen_classes)
    return {"seen": entropy[is_seen], "unseen": entropy[~is_seen]}


def _histogram(
    when: str, entropies: dict[str, np.ndarray], *, model: EntropySeparationGZSL
) -> list[Value]:
    """Return shares per bin from 0 to ln S, means, AUROC between both kinds, and thresholds."""
    top = math.log(len(model.classes_))
    values = []
    for kind, entropy in entropies.items():
        inside = np.clip(entropy, 0, top)
        bins, edges = np.histogram(inside, bins=BINS, range=(0, top))
        for i, share in enumerate(bins / len(entropy)):
            row = f"{when}, {edges[i]:.2f} to {edges[i + 1]:.2f} nats"
            values.append(Value(row, kind, FRACTION, share, detail=True))
        values.append(Value(f"{when}, mean", kind, NATS, inside.mean()))
    certain, uncertain = entropies.values()
    values.append(Value(when, "AUROC", AREA, auroc(certain, uncertain)))
    limits = route_limits(model.routing_, len(model.classes_))
    return values + [Value("threshold", name, NATS, nats) for name, nats in limits.items()]
