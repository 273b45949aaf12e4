"""The parts of a variational autoencoder, forward and backward, on batches of n rows.

An encoder's output is [mu, log sigma^2] (n, 2 m): a normal distribution of the latent z (n, m).
Kingma, Welling: Auto-Encoding Variational Bayes, ICLR 2014.
"""

from __future__ import annotations

import numpy as np

from ... import kernels
from ...runtime.array import Array

ALMOST = 1e-6  # minimum distance of a Bernoulli mean from 0 and 1


def reparameterise_forward(code: Array, eps: Array) -> tuple[Array, Array]:
    """z = mu + sigma eps (n, m) for code (n, 2 m) and standard normal eps (n, m)."""
    m = eps.shape[1]
    noise = np.exp(0.5 * code[:, m:]) * eps
    return code[:, :m] + noise, noise


def reparameterise_backward(dz: Array, noise: Array) -> Array:
    """dcode (n, 2 m)."""
    return np.concatenate([dz, 0.5 * dz * noise], axis=1)


def kl_forward(code: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return the mean of KL(N(mu, sigma^2) || N(0, 1)) over code's rows (n, 2 m), in nats."""
    m = code.shape[1] // 2
    mu, log_variance = code[:, :m], code[:, m:]
    variance = np.exp(log_variance)
    total = 0.5 * (mu * mu + variance - 1 - log_variance).sum()
    return total / len(code), (mu, variance)


def kl_backward(dloss: float, cache: tuple[Array, Array]) -> Array:
    """dcode (n, 2 m)."""
    mu, variance = cache
    return (dloss / len(mu)) * np.concatenate([mu, 0.5 * (variance - 1)], axis=1)


def reconstruction_loss(
    decoded: Array, x: Array, *, weight: float, bernoulli: bool
) -> tuple[Array, Array]:
    """Return weight times the mean over the rows of -log p(x | decoded), and ddecoded (n, d).

    p is a normal distribution with mean `decoded` and variance 1, without its constant. If
    `bernoulli`, p is that of d independent Bernoulli variables with means `decoded`, for x in
    [0, 1].
    """
    if not bernoulli:
        loss, gradient = kernels.squared_error(decoded, x, 0.5 / len(x), weight)
        return weight * loss, gradient
    p = np.clip(decoded, ALMOST, 1 - ALMOST)
    loss = -(x * np.log(p) + (1 - x) * np.log1p(-p)).sum() / len(x)
    return weight * loss, (weight / len(x)) * ((p - x) / (p * (1 - p)))
