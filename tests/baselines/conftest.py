"""Fast methods, arrays to train them on, and a judgement of generated samples."""

import numpy as np
import pytest
from fast_methods import fast_params, fit, make  # noqa: F401


@pytest.fixture
def drawn():
    """drawn(n, d, k, seen, unseen) -> X, y and the prototypes of both, without any structure."""

    def draw(n=40, d=5, k=3, seen=4, unseen=2):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(n, d)), np.arange(n) % seen
        return X, y, rng.normal(size=(seen, k)), rng.normal(size=(unseen, k))

    return draw


@pytest.fixture
def linear_classes():
    """x (660, 8), y (660,) and a (22, 4): the means of the classes are linear in their attributes.

    With 18 seen classes (y < 18) and 4 attributes, what holds for seen classes holds for the 4
    others.
    """
    rng = np.random.default_rng(3)
    a, w = rng.normal(size=(22, 4)), 2 * rng.normal(size=(4, 8))
    y = np.repeat(np.arange(22), 30)
    return a[y] @ w + 0.3 * rng.normal(size=(len(y), 8)), y, a


@pytest.fixture
def classes_of_samples(tiny_dataset):
    """classes_of_samples(model) -> the share of its generated seen samples that lie nearest to the
    mean of their own class.
    """

    from tinygzsl.baselines.common.synthetic import synthesize

    def share(model):
        data = tiny_dataset()
        x = model._feature_scaler.apply(data.X_train)
        means = np.stack([x[data.y_train == c].mean(axis=0) for c in data.seen_classes])
        fake, y = synthesize(model._generator, model._seen_prototypes, per_class=40, seed=9)
        return (((fake[:, None] - means) ** 2).sum(axis=2).argmin(axis=1) == y).mean()

    return share
