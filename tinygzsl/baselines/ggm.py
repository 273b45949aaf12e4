"""GGM: Gaussians whose mean and variance are functions of the class attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..nn import random
from ..nn.random import Purpose
from ..runtime.array import Array
from ..runtime.backend import to_host
from ..settings.names import names_checked
from .common.checks import check_choice, check_power
from .common.synthetic import SyntheticBaseline
from .common.trained import Part, Values

KERNELS = ("linear", "polynomial")
FLOOR = 1e-4  # added to variances before their logarithm, as in the published code for CUB
MAX_POWER = 9  # with lambda below 1e-9 the equations are numerically singular


@names_checked()
@dataclass(kw_only=True, eq=False, repr=False)
class GGM(SyntheticBaseline):
    """Mishra, Verma, Reddy, Subramaniam, Rai, Mittal: A Generative Approach to Zero-Shot and
    Few-Shot Action Recognition, WACV 2018.

    After the description in its abstract and the published code of the model it builds on (Verma,
    Rai: A Simple Exponential Family Framework for Zero-Shot Learning, ECML 2017); its full text
    was not available. p(x | c) = N(mu_c, diag(sigma_c^2)), and mu and log sigma^2 are linear
    combinations of basis vectors with the attributes as weights: each minimises
    sum_c ||w(a_c) - target_c||^2 + lambda ||w||^2 over the seen classes, whose targets are the mean
    and log(variance + 0.0001) of their samples (divided by n - 1). w is linear in a, or in the
    features of the kernel (1 + a b)^2, which the code uses. Solved in float64.

    Decided here, after what the paper of this library says of GGM (that it generates samples of
    unseen classes from their prototypes in training): per_class samples of each unseen class's
    Gaussian and the real seen samples train a linear softmax over all classes. The code of 2017
    takes the class with the largest density instead, among unseen classes only. Its lambda of the
    mean is 0.1 for AWA1 and 1 for CUB, and that of the variance 1e8 and 1e7, which makes all
    variances 1; to draw samples, the variance must fit the features.

    Parameters
    ----------
    kernel : {"linear", "polynomial"}
    regularize_mean : float
        log10 of the lambda of mu, from -9 to 9.
    regularize_variance : float
        log10 of the lambda of log sigma^2, from -9 to 9.
    **others
        See SyntheticBaseline and Baseline.

    Attributes
    ----------
    unseen_means_, unseen_variances_ : ndarray of shape (U, d)
        The Gaussians of the unseen classes, of scaled features.
    """

    title: ClassVar[str] = "GGM"
    trained: ClassVar[dict[str, Part]] = {
        **SyntheticBaseline.trained,
        "unseen_means_": Values("U", "d", dtype="float64"),
        "unseen_variances_": Values("U", "d", dtype="float64"),
    }
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {
        "features": ("none", "minmax", "standard"),
        "kernel": KERNELS,
        "regularize_mean": (-2.0, -1.0),
    }

    kernel: str = "linear"
    regularize_mean: float = -1.0
    regularize_variance: float = 0.0

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        super().check()
        check_choice(self, "kernel", choices=KERNELS)
        for name in ("regularize_mean", "regularize_variance"):
            check_power(self, name, base=10, most=MAX_POWER)

    def _fit_all(self, x: Array, index: Array, a: Array, a_unseen: Array) -> None:
        mean, variance = class_gaussians(x.astype("float64"), index, n_classes=len(a))
        of_seen = kernel_matrix(a, a, self.kernel)
        of_unseen = kernel_matrix(a_unseen, a, self.kernel)
        mean = kernel_ridge(of_seen, of_unseen, mean, weight=10**self.regularize_mean)
        log_variance = kernel_ridge(
            of_seen, of_unseen, np.log(variance + FLOOR), weight=10**self.regularize_variance
        )
        with np.errstate(over="ignore"):
            variance = np.exp(log_variance)
        if not np.isfinite(variance).all():
            raise FloatingPointError(
                "GGM predicts an infinite variance of an unseen class; raise regularize_variance, "
                f"now {self.regularize_variance:g}"
            )
        fakes, rows = sample_gaussians(mean, variance, per_class=self.per_class, seed=self.seed)
        samples = np.concatenate([x, fakes.astype(x.dtype)])
        labels = np.concatenate([index, len(a) + rows])
        self._classifier = self._softmax(samples, labels, n_classes=len(a) + len(a_unseen))
        self.unseen_means_, self.unseen_variances_ = mean, variance


def class_gaussians(x: Array, index: Array, *, n_classes: int) -> tuple[Array, Array]:
    """Return each class's mean and variance (S, d), with divisor n - 1, of samples x (n, d)."""
    mean = np.empty((n_classes, x.shape[1]), x.dtype)
    variance = np.empty_like(mean)
    for c in range(n_classes):
        samples = to_host(x)[to_host(index) == c]
        mean[c], variance[c] = samples.mean(axis=0), samples.var(axis=0, ddof=1)
    return mean, variance


def sample_gaussians(
    mean: Array, variance: Array, *, per_class: int, seed: int
) -> tuple[Array, Array]:
    """Draw per_class samples of each N(mean_c, diag(variance_c)), mean and variance (C, d).

    Returns the samples (C per_class, d) and the row of mean for each of them.
    """
    rows = np.repeat(np.arange(len(mean)), per_class)
    z = random.normal(
        np, (len(rows), mean.shape[1]), seed=seed, step=0, purpose=Purpose.SYNTHETIC_NOISE
    )
    return mean[rows] + np.sqrt(variance)[rows] * z, rows


def kernel_matrix(a: Array, b: Array, kernel: str) -> Array:
    """Return a b^T (n, m), or (1 + a b^T)^2 if polynomial, of a (n, k) and b (m, k), in float64."""
    products = a.astype("float64") @ b.astype("float64").T
    return products if kernel == "linear" else (1 + products) ** 2


def kernel_ridge(of_seen: Array, of_new: Array, targets: Array, *, weight: float) -> Array:
    """Return the predictions (U, d) for new classes: K_new (K + weight I)^-1 T.

    of_seen is K (S, S), the kernel among classes with targets T (S, d); of_new is K_new (U, S), the
    kernel of new classes with these.
    """
    return of_new @ np.linalg.solve(of_seen + weight * np.eye(len(of_seen)), targets)
