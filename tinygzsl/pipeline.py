"""The stages of training in order, from seen data to a trained model.

    scale -> PTC -> CWGAN under its confidence score -> proxies -> VSMM -> units of the router

`fit` runs all stages. Validation, the paper's figures and the studies in bench/ run some of them.
They use callbacks: on_look gets every generator that is scored, after_epoch every VSMM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import kernels, router
from .checkpoints import Checkpoints, GanCheckpoint, VsmmCheckpoint
from .confidence import ConfidenceScorer
from .cwgan import CWGAN
from .datasets.hold_out import hold_out_rows
from .datasets.scaling import Scaler, fit_and_scale, map_scaled
from .errors import InputError
from .gates import hard, units
from .gates.neighbours import Neighbours, fit_neighbours
from .gates.panel import score_unit
from .nn.device_memory import FREE_SOME, blocks, device_errors, take_rows
from .nn.random import Purpose
from .nn.room import check_room
from .proxies import FRESH_DRAW, TRAINING_DRAW, ProxySource
from .ptc import train_ptc
from .router import VsmmScores
from .runtime.array import Array, ArrayModule
from .runtime.backend import to_host
from .settings import Settings
from .snapshots import (
    GanTraining,
    Snapshot,
    SnapshotKeeper,
    train_with_looks,
    warn_if_reference_low,
)
from .storage.checkpoints import named_in_errors
from .vsmm import VSMM, train_vsmm, warn_if_idle

LESS_GAN = "lower gan_batch, proxy_count, gan_generator_hidden or gan_critic_hidden"
LESS_VSMM = "lower vsmm_batch, vsmm_latent or vsmm_hidden"


def silent(step: int, logs: dict[str, Any]) -> None:
    """A callback that shows nothing."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The conditions of training: settings, seed, array module, dtype, and callback(step, logs)."""

    settings: Settings
    seed: int
    xp: ArrayModule
    dtype: str
    callback: Callable[[int, dict[str, Any]], None] = silent

    def changed(self, **settings: Any) -> Plan:
        """Return the same plan with some settings changed."""
        return replace(self, settings=replace(self.settings, **settings))


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenData:
    """Scaled seen samples and prototypes, and their scalers.

    x is (n, d); y (n,) indexes the rows of the prototypes a (S, k).
    """

    x: Array
    y: Array
    a: Array
    feature_scaler: Scaler
    prototype_scaler: Scaler


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """The result of training.

    It has the VSMM, its history (a dict of loss terms per epoch), the source of the proxies (None
    without a GAN), and the units of the router. sample are the VSMM's scores of some training
    samples, and y their classes. score_scale is the standard deviation of F on them. entropy_scale
    has the median entropies of router_unit "measured", in nats, or is None. neighbours are there
    if the learned gate looks at them.
    """

    vsmm: VSMM
    history: list[dict[str, Any]]
    source: ProxySource | None
    sample: VsmmScores
    y: np.ndarray
    entropy_scale: tuple[float, float] | None
    neighbours: Neighbours | None

    @property
    def score_scale(self) -> float:
        """The unit of the soft gate's temperature."""
        return router.score_deviation(self.sample.f)

    @property
    def gap_scale(self) -> float:
        """The unit of F for the learned gate."""
        return score_unit(self.sample.f)


def scale(X: Array, index: np.ndarray, prototypes: Array, plan: Plan) -> SeenData:
    """Fit the scalers to X (n, d) and prototypes (S, k), and apply them.

    index (n,) are the classes of X as rows of prototypes. MemoryError if the settings ask for more
    memory than there is.
    """
    settings, xp, dtype = plan.settings, plan.xp, plan.dtype
    n_classes, k = prototypes.shape
    check_room(settings, d=X.shape[1], k=k, n_classes=n_classes, xp=xp, dtype=dtype)
    feature_scaler, x = fit_and_scale("X", X, settings.scale_features, xp=xp, dtype=dtype)
    prototype_scaler, a = fit_and_scale(
        "prototypes", prototypes, settings.scale_prototypes, xp=xp, dtype=dtype
    )
    return SeenData(
        x=x,
        y=xp.asarray(index),
        a=a,
        feature_scaler=feature_scaler,
        prototype_scaler=prototype_scaler,
    )


def fit(
    data: SeenData,
    plan: Plan,
    *,
    held: Array | None = None,
    proxies: Array | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Run all stages on scaled data.

    proxies (p, d), scaled, replace the GAN's. held (h, d) are held-out samples in the units of X,
    for router_unit "measured". Raises FloatingPointError if training diverges, ValueError if no
    snapshot qualifies or the measured entropies don't give a scale.
    """
    settings, source, saved = plan.settings, None, checkpoints or Checkpoints()
    if held is not None and (proxies is not None or settings.vsmm_weight_es == 0):
        raise InputError("held-out samples are measured beside proxies of a GAN; pass no proxies")
    if settings.vsmm_weight_es > 0 and proxies is None:
        with device_errors(LESS_GAN):
            source = find_proxies(data, plan, checkpoint=saved.gan)
            proxies = source.draw(data.a, settings.proxy_count, seed=plan.seed, draw=TRAINING_DRAW)
    with device_errors(LESS_VSMM), named_in_errors(saved.vsmm):
        vsmm, history = fit_vsmm(data, proxies, plan, checkpoint=saved.vsmm)
    entropy_scale = None
    if held is not None and source is not None:
        fresh = source.draw(data.a, settings.proxy_count, seed=plan.seed, draw=FRESH_DRAW)
        entropy_scale = measure_entropies(vsmm, held, fresh, data, plan)
        hard.warn_if_unreachable(data.a.shape[0], units.in_nats(settings, entropy_scale))
    rows, near = router.sample_rows(data.x), None
    if looks_at_neighbours(settings):
        near = fit_neighbours(data.x, data.y, rows=rows)
    return Trained(
        vsmm=vsmm,
        history=history,
        source=source,
        sample=router.vsmm_scores(vsmm, data.x[rows], data.a, metric=settings.router_metric),
        y=to_host(data.y[rows]),
        entropy_scale=entropy_scale,
        neighbours=near,
    )


def looks_at_neighbours(settings: Settings) -> bool:
    """Return whether the gate compares samples with training samples."""
    return settings.router_gate == "learned" and "neighbours" in settings.router_features


def warn_if_doubtful(trained: Trained, settings: Settings) -> None:
    """Warn if C has learnt little, or L_ES had no effect."""
    routing = units.in_nats(settings, trained.entropy_scale)
    router.warn_if_weak(trained.sample, trained.y, routing)
    warn_if_idle(trained.history, settings)


def new_cwgan(plan: Plan, *, d: int, k: int) -> CWGAN:
    """Return an untrained CWGAN for d features and k attributes."""
    return CWGAN(plan.xp, d=d, k=k, settings=plan.settings, seed=plan.seed, dtype=plan.dtype)


def start_gan(data: SeenData, plan: Plan, keepers: list[SnapshotKeeper]) -> GanTraining:
    """Return an untrained CWGAN with its scorer; keepers will get its looks.

    The scorer's PTC is trained here, on all data except a held-out part.
    """
    xp, settings = plan.xp, plan.settings
    labels = to_host(data.y)
    held = hold_out_rows(
        labels, share=settings.cs_held_out, seed=plan.seed, purpose=Purpose.PTC_HOLD_OUT
    )
    with device_errors(FREE_SOME):
        plan.callback(0, {"phase": "ptc", "total": len(settings.ptc_l2)})
        x_held = take_rows(data.x, np.flatnonzero(held))
        y_held = xp.asarray(labels[held])
        ptc = train_ptc(
            take_rows(data.x, np.flatnonzero(~held)),
            xp.asarray(labels[~held]),
            x_held,
            y_held,
            n_classes=data.a.shape[0],
            settings=settings,
            seed=plan.seed,
            callback=plan.callback,
        )
    gan = new_cwgan(plan, d=data.x.shape[1], k=data.a.shape[1])
    scorer = ConfidenceScorer(
        ptc,
        data.a,
        x_held,
        y_held,
        latent=gan.latent,
        per_class=settings.cs_per_class,
        seed=plan.seed,
    )
    return GanTraining(gan, scorer, keepers)


def train_gan(
    training: GanTraining,
    data: SeenData,
    plan: Plan,
    *,
    checkpoint: GanCheckpoint | None = None,
    on_look: Callable[[Snapshot, int], None] | None = None,
    enough: Callable[[], bool] | None = None,
) -> None:
    """Train the CWGAN on the data until its keepers have their snapshots: see train_with_looks.

    The settings are those of start_gan; only the plan's callback is used.
    """
    train_with_looks(
        training,
        data.x,
        data.y,
        data.a,
        callback=plan.callback,
        checkpoint=checkpoint,
        on_look=on_look,
        enough=enough,
    )


def find_proxies(
    data: SeenData, plan: Plan, *, checkpoint: GanCheckpoint | None = None
) -> ProxySource:
    """Run algorithm 1 up to the snapshots that the proxies are drawn from.

    Raises ValueError if no snapshot qualifies, FloatingPointError if training diverges.
    """
    keeper = SnapshotKeeper(plan.settings)
    training = start_gan(data, plan, [keeper])
    reference = training.scorer.reference
    if plan.settings.cs_unit == "relative" and not training.scorer.tells_classes_apart:
        raise InputError(
            f"held-out real samples have a confidence score of {reference:.6f}: the PTC "
            "can't tell any classes apart, so no relative window exists; check the features, and "
            f"scale_features, now {plan.settings.scale_features!r}"
        )
    warn_if_reference_low(reference, data.a.shape[0])
    if checkpoint:
        checkpoint.restore(training)
    with named_in_errors(checkpoint):
        train_gan(training, data, plan, checkpoint=checkpoint)
    if checkpoint:
        checkpoint.save(training)
    return source_of(training, keeper.chosen())


def source_of(training: GanTraining, snapshots: list[Snapshot]) -> ProxySource:
    """Return a source that draws proxies from these snapshots of a training."""
    return ProxySource(
        snapshots=snapshots,
        looks=training.looks,
        reference=training.scorer.reference,
        ptc_l2=training.scorer.ptc.l2,
        latent=training.gan.latent,
    )


def fit_vsmm(
    data: SeenData,
    proxies: Array | None,
    plan: Plan,
    *,
    after_epoch: Callable[[VSMM, int], None] | None = None,
    checkpoint: VsmmCheckpoint | None = None,
) -> tuple[VSMM, list[dict[str, Any]]]:
    """Train the VSMM of eqs. 3-5, 8 and 9; return it and a dict of loss terms per epoch.

    proxies (p, d) are scaled; see train_vsmm.
    """
    return train_vsmm(
        data.x,
        data.y,
        data.a,
        proxies,
        plan.settings,
        seed=plan.seed,
        callback=plan.callback,
        after_epoch=after_epoch,
        checkpoint=checkpoint,
    )


def measure_entropies(
    vsmm: VSMM, held: Array, fresh: Array, data: SeenData, plan: Plan
) -> tuple[float, float]:
    """Return positions 0 and 1 of router_unit "measured" in nats: see gates/units.py.

    held (h, d) are samples in the units of X, fresh (p, d) proxies in scaled features.
    """

    def entropy(x: Array) -> np.ndarray:
        return to_host(kernels.log_softmax_entropy(vsmm.logits(vsmm.embed(x)))[1])

    of_seen = map_scaled(entropy, "X", held, data.feature_scaler, xp=plan.xp, dtype=plan.dtype)
    of_proxies = [entropy(rows) for _, rows in blocks(fresh)]
    return units.entropy_scale(np.concatenate(of_seen), np.concatenate(of_proxies))
