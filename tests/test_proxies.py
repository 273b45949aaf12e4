"""Proxies: what a draw gives, and of which classes and snapshots."""

import numpy as np
import pytest

from tinygzsl import proxies
from tinygzsl.cwgan import generator_forward
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose
from tinygzsl.proxies import draw_proxies
from tinygzsl.snapshots import Look, Snapshot

S, D, K = 4, 5, 3


def generator(seed=0):
    return MLP.create(np, [2 + K, 4, D], seed=seed, purpose=Purpose.CHECK, std=None)


@pytest.fixture
def pool():
    return [
        Snapshot(
            Look(step=i, epoch=0.0, cs=5.0, relative=0.5, wasserstein=0.0, penalty=0.0),
            generator(i),
        )
        for i in range(3)
    ]


@pytest.fixture
def prototypes():
    return np.random.default_rng(0).random((S, K)).astype(np.float32)


@pytest.mark.wheel
def test_a_draw_is_a_function_of_its_seed_and_number(pool, prototypes):
    x = draw_proxies(pool, prototypes, 50, latent=2, seed=0, draw=0)
    assert (x.shape, x.dtype) == ((50, D), np.float32)
    assert np.array_equal(x, draw_proxies(pool, prototypes, 50, latent=2, seed=0, draw=0))
    for seed, draw in ((0, 1), (1, 0)):
        assert (
            not np.isclose(x, draw_proxies(pool, prototypes, 50, latent=2, seed=seed, draw=draw))
            .all(1)
            .any()
        )


@pytest.mark.wheel
def test_snapshots_have_equal_shares_and_classes_are_uniform(pool, prototypes, monkeypatch):
    calls = []

    def spy(net, z, a):
        calls.append((net, z, a))
        return generator_forward(net, z, a)

    monkeypatch.setattr(proxies, "generator_forward", spy)
    draw_proxies(pool, prototypes, 3001, latent=2, seed=0, draw=0)
    assert [net for net, _, _ in calls] == [snapshot.generator for snapshot in pool]
    assert [len(z) for _, z, _ in calls] == [1001, 1000, 1000]
    for _, z, a in calls:
        kinds, counts = np.unique(a, axis=0, return_counts=True)
        assert np.array_equal(kinds, np.unique(prototypes, axis=0))  # seen prototypes only
        assert 200 < counts.min() <= counts.max() < 300
        assert abs(z.mean()) < 0.1
        assert z.std() == pytest.approx(1, abs=0.1)
    assert np.unique(np.concatenate([z for _, z, _ in calls]), axis=0).shape[0] == 3001
    draw_proxies(pool, prototypes, 3001, latent=2, seed=0, draw=1)
    assert not np.array_equal(calls[0][2], calls[3][2])  # another draw, other classes
