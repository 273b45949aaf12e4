"""Evaluate a model on a dataset's test samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .baselines.common.base import Baseline
from .datasets import Dataset, check_test
from .datasets.column_order import inputs_of
from .datasets.named_columns import Names, with_names
from .errors import InputError
from .estimator import EntropySeparationGZSL
from .gates.panel import Decided, decide
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
from .runtime.labels import check_same_kind
from .stacking.routed import RoutedGZSL, RoutedResult
from .stacking.stack import StackedGZSL

Routing: TypeAlias = EntropySeparationGZSL | RoutedGZSL | StackedGZSL

PROXIES = 2000  # fresh proxies whose entropy is reported


@dataclass(frozen=True, kw_only=True, eq=False)
class _Labels:
    """Other labels (n,) than the router's, and the scores that an AUSUC is of.

    They are those among seen classes (supervised), among unseen ones (zero_shot) and among all by
    the scores f_seen (n, S) and f_unseen (n, U), without a gate (everywhere), or None.
    """

    supervised: np.ndarray
    zero_shot: np.ndarray
    everywhere: np.ndarray | None
    f_seen: np.ndarray
    f_unseen: np.ndarray


def evaluate(model: Routing | Baseline, data: Dataset) -> dict[str, Any]:
    """Evaluate a fitted model on the test samples of a Dataset.

    Parameters
    ----------
    model : EntropySeparationGZSL, StackedGZSL, RoutedGZSL or Baseline
        The model; its seen classes must be those of the dataset.
    data : Dataset
        The dataset.

    Returns
    -------
    dict
        Ready for JSON; accuracies are fractions, entropies are in nats.

        S, U, H
            Mean per-class accuracies of seen and of unseen samples by the router (eq. 10 or
            another gate), and their harmonic mean.
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
            Those of eq. 10, see gates.units.thresholds; None for another gate.
        n_test
            Numbers of seen and unseen test samples.

        With a learned gate there are two more:

        gate
            auroc and fpr95 as above, of minus theta, the gate's log-odds of an unseen class.
        oracle_offset
            Best H over the gate's offset alone, with its S, U and offset; all else is fixed. The
            offset is chosen on these test samples: for analysis only.

        A RoutedGZSL has the same, with its expert's scores in place of eq. 2's; they are no
        probabilities, so the calibration of "score" is None.

        A StackedGZSL has its mixed probabilities in place of those of C, and among unseen classes
        in place of eq. 2. ausuc is the area under the curve of S and U over all offsets of its
        gate. It labels no sample without the gate and has no gzsl.

        A Baseline has no router: its S, U, H and per_class are by its scores, with its offset
        subtracted from those of seen classes, and the calibration is None for both. Besides these
        it has offset, no_offset (S, U, H without the offset), ausuc, supervised, zsl and n_test.

    Raises
    ------
    ValueError
        For a model that is not fitted or is of other classes, and for a dataset without test
        samples of both kinds or with NaN in them.
    """
    check_test(data)
    if not hasattr(model, "classes_"):
        raise InputError("the model is not fitted; call fit first")
    check_same_kind(classes_=model.classes_, seen_classes=data.seen_classes)
    if not np.array_equal(data.seen_classes, model.classes_):
        shared = np.isin(data.seen_classes.astype(str), model.classes_.astype(str)).sum()
        raise InputError(
            f"the model knows {len(model.classes_)} seen classes and the dataset has "
            f"{len(data.seen_classes)}, of which they share {shared}; evaluate on the dataset that "
            "it was trained on"
        )
    return _of_scores(model, data) if isinstance(model, Baseline) else _of_routes(model, data)


def gate_of(model: Routing) -> str:
    """Return the gate of a fitted model: "hard" (eq. 10), "soft" or "learned"."""
    return "learned" if isinstance(model, StackedGZSL) else model.routing_.router_gate


def with_learned_gate(model: Routing) -> EntropySeparationGZSL | StackedGZSL | None:
    """Return the model, or its router, if its gate is the learned one, else None."""
    part = model.router if isinstance(model, RoutedGZSL) else model
    return part if gate_of(part) == "learned" else None


def decided_by(model: EntropySeparationGZSL | StackedGZSL, data: Dataset) -> Decided:
    """Return what a model with the learned gate says of the test samples of a Dataset."""
    X, prototypes = inputs_of(model, data)
    return decide(model.decision_, model.panel(X, prototypes))


def fresh_proxies(model: EntropySeparationGZSL | RoutedGZSL) -> Any:
    """Return PROXIES fresh proxies, with the names of the features that the model has."""
    return with_names(model.sample_proxies(PROXIES), Names.of_model(model).features)


def _of_routes(model: Routing, data: Dataset) -> dict[str, Any]:
    if isinstance(model, StackedGZSL):
        decided = decided_by(model, data)
        labels = _labels_of_stack(decided, data)
        return _figures(model, data, labels) | _of_gate(model, data, decided, labels)
    labels, gated = _labels(model, data), with_learned_gate(model)
    figures = _figures(model, data, labels)
    if gated is None:
        return figures
    return figures | _of_gate(gated, data, decided_by(gated, data), labels)


def _figures(model: Routing, data: Dataset, labels: _Labels) -> dict[str, Any]:
    y, seen = data.y_test, model.classes_
    is_seen = np.isin(y, seen)
    X, prototypes = inputs_of(model, data)
    result = model.route(X, prototypes, data.unseen_classes)
    supervised, zero_shot, everywhere = labels.supervised, labels.zero_shot, labels.everywhere
    h_seen, h_unseen = result.entropy[is_seen], result.entropy[~is_seen]
    return {
        **accuracies(y, result.label, is_seen),
        "auroc": auroc(h_seen, h_unseen),
        "fpr95": fpr_at_tpr(h_seen, h_unseen),
        "ausuc": ausuc(labels.f_seen, labels.f_unseen, y, seen, data.unseen_classes),
        **({} if everywhere is None else {"gzsl": accuracies(y, everywhere, is_seen)}),
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
        "thresholds": _thresholds(model),
        "n_test": {"seen": int(is_seen.sum()), "unseen": int((~is_seen).sum())},
    }


def _of_gate(
    model: EntropySeparationGZSL | StackedGZSL, data: Dataset, decided: Decided, labels: _Labels
) -> dict[str, Any]:
    """Return the figures "gate" and "oracle_offset"."""
    y, seen = data.y_test, data.seen_classes
    is_seen, margin = np.isin(y, seen), decided.margin
    h, s, u, threshold = best_threshold(-margin, y, labels.supervised, labels.zero_shot, seen)
    # Above a margin of -threshold samples are seen. Between two margins rounding moves none.
    ascending = np.sort(margin)
    ends = np.concatenate([ascending[:1] - 1, ascending, ascending[-1:] + 1])
    n_unseen = int(np.searchsorted(ascending, -threshold, side="right"))
    shift = float(ends[n_unseen : n_unseen + 2].mean())
    against = -decided.theta
    return {
        "gate": {
            "auroc": auroc(against[is_seen], against[~is_seen]),
            "fpr95": fpr_at_tpr(against[is_seen], against[~is_seen]),
        },
        "oracle_offset": {"H": h, "S": s, "U": u, "offset": model.decision_.gate.offset + shift},
    }


def _of_scores(model: Baseline, data: Dataset) -> dict[str, Any]:
    y, classes = data.y_test, np.concatenate([data.seen_classes, data.unseen_classes])
    is_seen, n_seen = np.isin(y, data.seen_classes), len(data.seen_classes)
    X, prototypes = inputs_of(model, data)
    f = model.decision_function(X, prototypes)
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


def _labels(model: EntropySeparationGZSL | RoutedGZSL, data: Dataset) -> _Labels:
    seen, unseen = data.seen_classes, data.unseen_classes
    X, prototypes = inputs_of(model, data)
    f = model.compatibility(X, prototypes)
    f_seen, f_unseen = f[:, : len(seen)], f[:, len(seen) :]
    return _Labels(
        supervised=model.predict(X),
        zero_shot=unseen[f_unseen.argmax(axis=1)],
        everywhere=np.concatenate([seen, unseen])[f.argmax(axis=1)],
        f_seen=f_seen,
        f_unseen=f_unseen,
    )


def _labels_of_stack(decided: Decided, data: Dataset) -> _Labels:
    return _Labels(
        supervised=data.seen_classes[decided.log_p.argmax(axis=1)],
        zero_shot=data.unseen_classes[decided.log_q.argmax(axis=1)],
        everywhere=None,
        f_seen=decided.theta[:, None] + decided.log_p,
        f_unseen=decided.log_q,
    )


def _calibration(
    model: Routing, data: Dataset, result: RouteResult | RoutedResult
) -> dict[str, Any]:
    y, weights = data.y_test, balanced_weights(data.y_test, model.classes_)
    score = gate = None
    if isinstance(result, RouteResult):  # an expert's scores are no probabilities
        score = calibration(result.score, result.label == y, weights=weights)
    if gate_of(model) != "hard":
        gate = calibration(result.gate, np.isin(y, model.classes_), weights=weights)
    return {"score": score, "gate": gate}


def _thresholds(model: Routing) -> dict[str, float] | None:
    if isinstance(model, StackedGZSL):
        return None
    return thresholds(model.routing_, model.entropy_scale_)


def _mean_entropies(model: Routing, h_seen: np.ndarray, h_unseen: np.ndarray) -> dict[str, float]:
    means = {"seen": float(h_seen.mean()), "unseen": float(h_unseen.mean())}
    if not isinstance(model, StackedGZSL) and model.proxy_source_ is not None:
        means["proxy"] = float(model.entropy(fresh_proxies(model)).mean())
    return {**means, "max": math.log(len(model.classes_))}
