"""Evaluate a model on a dataset's test samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .baselines.common.base import Baseline
from .datasets import Dataset, check_test
from .gates.units import thresholds
from .metrics import (
    accuracies,
    accuracy_by_class,
    auroc,
    ausuc,
    balanced_weights,
    best_threshold,
    calibration,
    fpr_at_tpr,
    mean_class_accuracy,
    route_shares,
)
from .router import RouteResult

if TYPE_CHECKING:  # the caller has one of them already, so the others need not be loaded
    from .estimator import EntropySeparationGZSL
    from .stacking.routed import RoutedGZSL, RoutedResult

PROXIES = 2000  # fresh proxies whose entropy is reported


def evaluate(model: EntropySeparationGZSL | RoutedGZSL | Baseline, data: Dataset) -> dict[str, Any]:
    """Evaluate a fitted model on the test samples of a Dataset.

    Parameters
    ----------
    model : EntropySeparationGZSL, RoutedGZSL or Baseline
        The model; its seen classes must be those of the dataset.
    data : Dataset
        The dataset.

    Returns
    -------
    dict
        Ready for JSON; accuracies are fractions, entropies are in nats.

        S, U, H
            Mean per-class accuracies of seen and of unseen samples by the router (eq. 10 or the
            soft gate), and their harmonic mean.
        auroc, fpr95
            Of the entropy as detector of unseen samples. fpr95 is the share of seen samples above
            the threshold that 95% of the unseen samples are above.
        ausuc
            Area under the seen-unseen curve of eq. 2's scores (calibrated stacking).
        gzsl
            S, U, H of eq. 2 for every sample, with the same networks.
        supervised, zsl
            Accuracy of seen samples among seen classes, and of unseen among unseen classes.
        oracle
            Best H of a single entropy threshold, chosen on these test samples: for analysis only.
        entropy
            Means of seen, unseen and (if there is a GAN) fresh proxy samples, and ln S as "max".
        routes
            Shares of seen and unseen test samples per route.
        per_class
            Accuracies by the router of seen and unseen classes.
        calibration
            Whether route's numbers are probabilities, see metrics.calibration: "score" as that of
            a right label, "gate" as that of a seen class. Samples weigh as in S and U, and both
            sides the same. gate is None for eq. 10, whose gate is 1, 0.5 or 0.
        thresholds
            Those of eq. 10, see gates.units.thresholds; None for the soft gate.
        n_test
            Numbers of seen and unseen test samples.

        A RoutedGZSL has the same, with its expert's scores in place of eq. 2's; they are no
        probabilities, so the calibration of "score" is None. A Baseline has no router: its S, U, H
        and per_class are by its scores, with its offset subtracted from those of seen classes, and
        the calibration is None for both. Besides these it has offset, no_offset (S, U, H without
        the offset), ausuc, supervised, zsl and n_test.

    Raises
    ------
    ValueError
        For a model that is not fitted or is of other classes, and for a dataset without test
        samples of both kinds or with NaN in them.
    """
    check_test(data)
    if not hasattr(model, "classes_"):
        raise ValueError("the model is not fitted; call fit first")
    if not np.array_equal(data.seen_classes, model.classes_):
        shared = np.isin(data.seen_classes.astype(str), model.classes_.astype(str)).sum()
        raise ValueError(
            f"the model knows {len(model.classes_)} seen classes and the dataset has "
            f"{len(data.seen_classes)}, of which they share {shared}; evaluate on the dataset that "
            "it was trained on"
        )
    return _of_scores(model, data) if isinstance(model, Baseline) else _of_routes(model, data)


def _of_routes(model: EntropySeparationGZSL | RoutedGZSL, data: Dataset) -> dict[str, Any]:
    y, seen = data.y_test, model.classes_
    is_seen = np.isin(y, seen)
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    f = model.compatibility(data.X_test, data.unseen_prototypes)
    supervised = model.predict(data.X_test)
    f_seen, f_unseen = f[:, : len(seen)], f[:, len(seen) :]
    zero_shot = data.unseen_classes[f_unseen.argmax(axis=1)]
    everywhere = np.concatenate([seen, data.unseen_classes])[f.argmax(axis=1)]
    h_seen, h_unseen = result.entropy[is_seen], result.entropy[~is_seen]
    return {
        **accuracies(y, result.label, is_seen),
        "auroc": auroc(h_seen, h_unseen),
        "fpr95": fpr_at_tpr(h_seen, h_unseen),
        "ausuc": ausuc(f_seen, f_unseen, y, seen, data.unseen_classes),
        "gzsl": accuracies(y, everywhere, is_seen),
        "supervised": mean_class_accuracy(y[is_seen], supervised[is_seen]),
        "zsl": mean_class_accuracy(y[~is_seen], zero_shot[~is_seen]),
        "oracle": dict(
            zip(
                ("H", "S", "U", "threshold"),
                best_threshold(result.entropy, y, supervised, zero_shot, seen),
                strict=True,
            )
        ),
        "entropy": _mean_entropies(model, h_seen, h_unseen),
        "routes": route_shares(result.route, is_seen),
        "per_class": accuracy_by_class(y, result.label, is_seen),
        "calibration": _calibration(model, data, result),
        "thresholds": thresholds(model.routing_, model.entropy_scale_),
        "n_test": {"seen": int(is_seen.sum()), "unseen": int((~is_seen).sum())},
    }


def _of_scores(model: Baseline, data: Dataset) -> dict[str, Any]:
    y, classes = data.y_test, np.concatenate([data.seen_classes, data.unseen_classes])
    is_seen, n_seen = np.isin(y, data.seen_classes), len(data.seen_classes)
    f = model.decision_function(data.X_test, data.unseen_prototypes)
    f_seen, f_unseen = f[:, :n_seen], f[:, n_seen:]
    label = classes[model.calibrated(f).argmax(axis=1)]
    supervised = data.seen_classes[f_seen[is_seen].argmax(axis=1)]
    zero_shot = data.unseen_classes[f_unseen[~is_seen].argmax(axis=1)]
    return {
        **accuracies(y, label, is_seen),
        "offset": float(model.offset),
        "no_offset": accuracies(y, classes[f.argmax(axis=1)], is_seen),
        "ausuc": ausuc(f_seen, f_unseen, y, data.seen_classes, data.unseen_classes),
        "supervised": mean_class_accuracy(y[is_seen], supervised),
        "zsl": mean_class_accuracy(y[~is_seen], zero_shot),
        "per_class": accuracy_by_class(y, label, is_seen),
        "calibration": {"score": None, "gate": None},
        "n_test": {"seen": int(is_seen.sum()), "unseen": int((~is_seen).sum())},
    }


def _calibration(
    model: EntropySeparationGZSL | RoutedGZSL, data: Dataset, result: RouteResult | RoutedResult
) -> dict[str, Any]:
    y, weights = data.y_test, balanced_weights(data.y_test, model.classes_)
    score = gate = None
    if isinstance(result, RouteResult):  # an expert's scores are no probabilities
        score = calibration(result.score, result.label == y, weights=weights)
    if model.routing_.router_gate != "hard":
        gate = calibration(result.gate, np.isin(y, model.classes_), weights=weights)
    return {"score": score, "gate": gate}


def _mean_entropies(
    model: EntropySeparationGZSL | RoutedGZSL, h_seen: np.ndarray, h_unseen: np.ndarray
) -> dict[str, float]:
    means = {"seen": float(h_seen.mean()), "unseen": float(h_unseen.mean())}
    if model.proxy_source_ is not None:
        means["proxy"] = float(model.entropy(model.sample_proxies(PROXIES)).mean())
    return {**means, "max": math.log(len(model.classes_))}
