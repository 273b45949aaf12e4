"""The entropy hinge of a batch: two means and a constant gradient."""

import numpy as np

from ...runtime.compiled import compiled


def entropy_hinge(entropy, n_seen, gamma, weight):
    """entropy (n,) -> loss (), dentropy (n,): float64 sums on one thread, as a batch is small."""
    dentropy = np.empty_like(entropy)
    seen, proxies = slice(0, n_seen), slice(n_seen, None)
    gap = _sum(entropy[seen]) / n_seen - _sum(entropy[proxies]) / (entropy.size - n_seen) + gamma
    slope = weight if gap > 0 else 0.0  # eq. 8
    dentropy[seen], dentropy[proxies] = slope / n_seen, -slope / (entropy.size - n_seen)
    return np.asarray(np.maximum(gap, 0), entropy.dtype), dentropy  # eq. 8


@compiled
def _sum(x):
    total = 0.0
    for i in range(x.size):
        total += x[i]
    return total
