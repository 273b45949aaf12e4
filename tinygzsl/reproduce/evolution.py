"""Figures 3 and 5: what the CWGAN generates during training, which continues after the window."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..confidence import cs_window
from ..datasets import Dataset
from ..datasets.scaling import Scaler, scaled
from ..evaluation import evaluate
from ..snapshots import Snapshot, SnapshotKeeper
from .experiments import Job
from .ground import Ground
from .records import FRACTION, SCORE, Outcome, Value

VSMMS = 20  # of figure 5, evenly spaced over the epochs
SHOWN = 300  # samples of each kind in figure 3
MOMENTS = ("start", "window", "end")


class Map(NamedTuple):
    """Points (n, 2) of figure 3, from one t-SNE of all points, so that panels can be compared."""

    seen: np.ndarray
    unseen: np.ndarray
    generated: dict[str, np.ndarray]


def curve(job: Job, data: Dataset) -> Outcome:
    """Figure 5: CS at every look, and H of a VSMM trained on the proxies of VSMMS of the looks.

    The CWGAN is trained for gan_max_epochs, past s_h. H is only reported; nothing is chosen by it.
    """
    training = data.training()
    ground = Ground(job.params, training, gan_train_on=True)
    values: list[Value] = []

    def on_look(snapshot: Snapshot, last: int) -> None:
        row, look = f"epoch {snapshot.look.epoch:.2f}", snapshot.look
        wanted = look.step >= last * _trained(values) / VSMMS or look.step == last
        values.append(Value(row, "CS", SCORE, look.cs, detail=not wanted))
        if wanted:
            model = job.fit(training, ground.proxies(snapshot))
            values.append(Value(row, "H", FRACTION, evaluate(model, data)["H"]))

    _, reference = ground.watch(on_look)
    low, high = cs_window(ground.settings, reference).cs
    values += [Value("window", "s_l", SCORE, low), Value("window", "s_h", SCORE, high)]
    return job.outcome(values, label=job.label)


def _trained(values: list[Value]) -> int:
    return sum(value.quantity == "H" for value in values)


def maps(job: Job, data: Dataset) -> Outcome:
    """Figure 3: a t-SNE of generated samples and real samples of seen and unseen classes.

    Samples are generated at the first look, at the first look in the window and at the end. Raises
    ImportError without scikit-learn, ValueError if no look was in the window.
    """
    check_tsne()
    ground = Ground(job.params, data.training(), gan_train_on=True)
    keeper = SnapshotKeeper(ground.settings)
    kept: dict[str, Snapshot] = {}

    def on_look(snapshot: Snapshot, last: int) -> None:
        keeper.add(snapshot.look, snapshot.generator)
        if not kept:
            kept["start"] = Snapshot(snapshot.look, snapshot.generator.copy())
        if snapshot.look.step == last:
            kept["end"] = Snapshot(snapshot.look, snapshot.generator.copy())

    ground.watch(on_look)
    kept["window"] = keeper.chosen()[0]
    generated = {name: ground.proxies(kept[name], SHOWN) for name in MOMENTS}
    values = []
    for name in MOMENTS:
        look = kept[name].look
        values += [Value(name, "epoch", "epochs", look.epoch), Value(name, "CS", SCORE, look.cs)]
    points = _tsne(job, data, generated=generated, scaler=ground.data.feature_scaler)
    return job.outcome(values, label=job.label, points=points)


def check_tsne() -> None:
    """Raise ImportError, with the fix, if scikit-learn is missing."""
    _tsne_class()


def _tsne_class() -> Any:
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise ImportError(
            "scikit-learn is not installed, and figure3 needs it; pip install 'tinygzsl[plot]'"
        ) from None
    return TSNE


def _tsne(job: Job, data: Dataset, *, generated: dict[str, np.ndarray], scaler: Scaler) -> Map:
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    rng = np.random.default_rng(job.seed)  # only chooses which samples are shown
    real = [_some(rng, X) for X in (data.X_train, data.X_test_unseen)]
    parts = [*real, *generated.values()]
    stacked = scaled("features", np.concatenate(parts), scaler, xp=np, dtype="float32")
    perplexity = min(30.0, math.sqrt(len(stacked)))
    tsne = _tsne_class()(perplexity=perplexity, init="pca", random_state=job.seed)
    with threadpool_limits(1):  # its threads busy-wait, which slows down shared cores
        points = tsne.fit_transform(stacked)
    points = np.split(points, np.cumsum([len(part) for part in parts])[:-1])
    return Map(points[0], points[1], dict(zip(generated, points[2:], strict=True)))


def _some(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    return X[np.sort(rng.choice(len(X), min(SHOWN, len(X)), replace=False))]
