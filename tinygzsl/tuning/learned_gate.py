"""The learned gate of given settings: fitted on folds of pseudo-unseen classes, before training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..datasets import Dataset, TrainingSet
from ..errors import InputError
from ..nn.device_memory import FREE_SOME, device_errors
from ..pipeline import silent
from ..runtime.array import Array
from ..runtime.threads import check_threads, workers
from ..settings import Settings, given_settings, settings_for
from ..text import warn
from .expected import GAN_UNITS, Expected, Work, expected
from .folds import disjoint_folds
from .gate_choice import NUMBERS, as_folds, fit_learned, refuse_single_numbers
from .trials import FoldTrainer

FITTED = ("router_gate", "router_features", *NUMBERS)


def is_to_be_fitted(settings: Settings) -> bool:
    """Return whether the gate is the learned one, and its numbers are not in the settings."""
    return settings.router_gate == "learned" and not settings.router_weights


def numbers(settings: Settings) -> dict[str, Any]:
    """Return the numbers of the settings' learned gate, with what it looks at, by name."""
    return {name: getattr(settings, name) for name in FITTED}


def fitted_numbers(training: TrainingSet, params: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of the learned gate by name, for an estimator's parameters.

    There are none if the gate is another one, or its numbers are in the parameters. Unlike `fit`,
    this has the validation split of the dataset's file, if there is one, among the folds.
    """
    settings = settings_for(params["preset"], given_settings(params))
    if params["preset"] == "auto" or not is_to_be_fitted(settings):
        return {}
    top = {name: params[name] for name in ("seed", "device", "dtype", "callback")}
    with workers(check_threads(params["threads"])), device_errors(FREE_SOME):
        return numbers(with_fitted_gate(training, settings, **top))


def with_fitted_gate(
    training: TrainingSet,
    settings: Settings,
    *,
    seed: int,
    device: str,
    dtype: str,
    proxies: Array | None = None,
    callback: Callable[[int, dict[str, Any]], None] | None = None,
) -> Settings:
    """Return the settings with the numbers of the learned gate.

    A VSMM is trained on each of five folds (see disjoint_folds), with proxies of a CWGAN trained on
    the same fold, or with `proxies` (p, d) in the units of X. A fold on which no proxies can be had
    doesn't count, with a warning. callback(folds done, logs) gets in its first logs
    "expected_seconds" and "expected_bytes", of this and the training after it, roughly. Raises
    ValueError if fewer than two folds count, or if a number of the gate is set already.
    """
    refuse_single_numbers(settings)
    folds = disjoint_folds(training, seed=seed)
    near = "neighbours" in settings.router_features
    scores, similarities = [], []
    hard = replace(settings, router_gate="hard")  # the folds' models have no gate
    progress, logs = callback or silent, {"phase": "gate", "total": len(folds)}
    if callback:
        trainer = FoldTrainer(folds[0], seed=seed, device=device, dtype=dtype)
        found = _expected(trainer, folds, hard, has_gan=proxies is None and hard.vsmm_weight_es > 0)
        callback(0, logs | (found.logs() if found else {}))
    for step, fold in enumerate(folds):
        progress(step, logs)
        trainer = FoldTrainer(fold, seed=seed, device=device, dtype=dtype)
        of_fold = trainer.scores_of(hard, proxies=proxies)
        if of_fold is None:
            warn(
                f"fold {step + 1} of {len(folds)} doesn't count for the learned gate, as its "
                "training diverged or gave no proxies"
            )
            continue
        scores.append(of_fold)
        similarities += [trainer.similarity(hard)] if near else []
    if len(scores) < 2:
        raise InputError(
            f"only {len(scores)} of {len(folds)} folds could be trained, so the learned gate can't "
            "be fitted; raise gan_max_epochs, lower vsmm_lr, or set router_gate='soft'"
        )
    progress(len(folds), logs)
    fitted = fit_learned(as_folds(scores, similarities or None), settings.router_features)
    return replace(settings, **fitted)


def _expected(
    trainer: FoldTrainer, folds: list[Dataset], settings: Settings, *, has_gan: bool
) -> Expected | None:
    work = Work(units=len(folds) * (1 + GAN_UNITS * has_gan), scaled=1, scores=1)
    return expected(trainer, folds, settings, work, has_gan=has_gan)
