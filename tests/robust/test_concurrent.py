"""One model asked by several Python threads at once: the same bits as one after another."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from tinygzsl import EntropySeparationGZSL
from tinygzsl.baselines import SAE
from tinygzsl.runtime import blas, threads

ASKERS = 8
ROWS = (1, 7, 100, 999, 1024, 1025, 2300, 3100)  # a chunk has 1024


@pytest.fixture
def data(tiny_dataset):
    return tiny_dataset()


def rows_like(X, count, seed):
    rng = np.random.default_rng(seed)
    return X[rng.integers(0, len(X), count)] + 0.1 * rng.normal(size=(count, X.shape[1]))


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def in_threads(jobs, rounds):
    """Every asker takes all jobs, each in another order and all at once; their results by job."""
    start = Barrier(ASKERS)

    def ask(i):
        start.wait(60)
        places = [(i + j) % len(jobs) for j in range(rounds * len(jobs))]
        return [(place, jobs[place]()) for place in places]

    with ThreadPoolExecutor(ASKERS) as pool:
        return [found for asker in pool.map(ask, range(ASKERS)) for found in asker]


@pytest.mark.parametrize("count", [1, 2, None])
@pytest.mark.parametrize("gate", ["hard", "soft"])
def test_eight_threads_get_the_answers_of_one(data, small_model, gate, count):
    model = small_model(threads=count, router_gate=gate, vsmm_latent=64)
    model.fit(data.X_train, data.y_train, data.seen_prototypes)
    unseen = data.unseen_prototypes, data.unseen_classes

    def job(n):
        X = rows_like(data.X_test, n, n)
        return lambda: [
            *model.route(X, *unseen),
            model.predict(X),
            model.entropy(X),
            model.predict_proba(X),
            model.compatibility(X, unseen[0]),
            model.sample_proxies(n),
        ]

    jobs = [job(n) for n in ROWS]
    alone = [job() for job in jobs]
    assert all(same(found, alone[place]) for place, found in in_threads(jobs, 2))


def test_a_model_with_wide_prototypes_gets_the_same_bits_however_blas_is_held():
    """BLAS on several threads rounds otherwise than on one, where another thread holds it."""
    rng = np.random.default_rng(0)
    A, X = rng.normal(size=(60, 300)), rng.normal(size=(240, 64))
    X += 3 * A[np.arange(240) % 60, :64]
    params = {"preset": "small", "vsmm_weight_es": 0.0, "vsmm_epochs": 15, "vsmm_lr": 1e-2}
    model = EntropySeparationGZSL(**params, threads=1, scale_features="standard")
    model.fit(X, np.arange(240) % 60, A)
    unseen = rng.normal(size=(40, 300))
    before = model.compatibility(X, unseen)
    with blas.one_thread():
        held = model.compatibility(X, unseen)
    assert np.array_equal(before, held)
    jobs = [lambda n=n: [model.compatibility(X[:n], unseen)] for n in (1, 50, 130, 240)]
    alone = [job() for job in jobs]
    assert all(same(found, alone[place]) for place, found in in_threads(jobs, 3))


def test_one_model_is_fitted_while_others_predict(data, small_model):
    def fitted(seed=0):
        model = small_model(threads=2, seed=seed)
        return model.fit(data.X_train, data.y_train, data.seen_prototypes)

    def asked(model):
        X = rows_like(data.X_test, 1500, 3)
        return list(model.route(X, data.unseen_prototypes, data.unseen_classes))

    model, other = fitted(), SAE(threads=2).fit(data.X_train, data.y_train, data.seen_prototypes)
    jobs = [
        lambda: asked(model),
        lambda: fitted().vsmm_.params,
        lambda: [other.decision_function(data.X_test, data.unseen_prototypes)],
        lambda: asked(model),
    ]
    before = [library.get() for library in blas.libraries()]
    alone = [job() for job in jobs]
    assert all(same(found, alone[place]) for place, found in in_threads(jobs, 1))
    assert [library.get() for library in blas.libraries()][: len(before)] == before
    assert threads.current() is threads.SERIAL


def test_an_error_of_one_thread_is_its_own(data, small_model):
    model = small_model(threads=2).fit(data.X_train, data.y_train, data.seen_prototypes)
    X = rows_like(data.X_test, 2500, 1)
    bad = X.copy()
    bad[2400, 3] = np.nan

    def fails():
        with pytest.raises(ValueError, match="1 values that are NaN or inf"):
            model.predict(bad)
        return []

    jobs = [lambda: [model.entropy(X)], fails]
    alone = [job() for job in jobs]
    assert all(same(found, alone[place]) for place, found in in_threads(jobs, 5))
