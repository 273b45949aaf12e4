"""Metrics of generalized zero-shot learning, in NumPy on the host.

Accuracies, shares and areas are fractions in [0, 1]. Labels are one-dimensional arrays of
integers or strings, scores are finite numbers. Every function raises ValueError for empty arrays,
arrays of different lengths, masked, NaN and infinite values.
"""

from .accuracy import (
    accuracies,
    accuracy_by_class,
    harmonic_mean,
    mean_class_accuracy,
    per_class_accuracy,
)
from .calibration import (
    Reliability,
    balanced_weights,
    brier_score,
    calibration,
    calibration_error,
    reliability_curve,
)
from .curves import ausuc, best_threshold, seen_unseen_curve
from .detection import auroc, fpr_at_tpr
from .routes import ROUTES, route_shares

__all__ = [
    "ROUTES",
    "Reliability",
    "accuracies",
    "accuracy_by_class",
    "auroc",
    "ausuc",
    "balanced_weights",
    "best_threshold",
    "brier_score",
    "calibration",
    "calibration_error",
    "fpr_at_tpr",
    "harmonic_mean",
    "mean_class_accuracy",
    "per_class_accuracy",
    "reliability_curve",
    "route_shares",
    "seen_unseen_curve",
]
