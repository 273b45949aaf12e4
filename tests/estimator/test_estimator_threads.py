"""Threads, memory-mapped features and the compiled kernels, seen from the estimator."""

import os
import subprocess
import sys

import numpy as np
import pytest

import tinygzsl
from tinygzsl.cwgan import CWGAN
from tinygzsl.runtime import blas, threads
from tinygzsl.settings import Settings


@pytest.fixture
def mapped(data, tmp_path):
    """mapped(X) -> the same features, memory-mapped from a .npy file that can't be written to."""

    def write(X):
        np.save(tmp_path / "X.npy", X)
        return np.load(tmp_path / "X.npy", mmap_mode="r")

    return write


@pytest.mark.wheel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_memory_mapped_features_give_the_same_bits(
    small_model, data, unseen, mapped, dtype, outputs, all_equal
):
    X = data.X_train.astype(dtype)
    models = [
        small_model().fit(features, data.y_train, data.seen_prototypes)
        for features in (X, mapped(X))
    ]
    assert all_equal(models[0].vsmm_.params, models[1].vsmm_.params)
    test = data.X_test.astype(dtype)
    assert all_equal(outputs(models[0], test, unseen), outputs(models[1], mapped(test), unseen))


def test_the_features_of_a_chunk_are_read_when_it_is_their_turn(model, data, monkeypatch):
    read = []

    class Rows:
        """Features that remember which rows were asked for; not an array, so nothing copies it."""

        ndim, dtype = 2, data.X_test.dtype
        shape = data.X_test.shape

        def __getitem__(self, rows):
            read.append((rows.start, rows.stop))
            return data.X_test[rows]

    monkeypatch.setattr("tinygzsl.datasets.scaling.CHUNK_ROWS", 50)
    monkeypatch.setattr("tinygzsl.datasets.named_columns.as_array", lambda x: x)
    assert np.allclose(model.entropy(Rows()), model.entropy(data.X_test), atol=1e-6)
    assert sorted(read) == [(0, 50), (50, 100), (100, 130)]


@pytest.mark.wheel
def test_the_same_threads_give_the_same_bits(fit, data, unseen, outputs, all_equal):
    first, second, alone = (fit(threads=n) for n in (2, 2, 1))
    assert all_equal(first.vsmm_.params, second.vsmm_.params)
    results = [outputs(m, data.X_test, unseen) for m in (first, second, alone)]
    assert all_equal(results[0], results[1])
    assert (results[0][0] == results[2][0]).mean() > 0.9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_that_is_split_gives_the_same_bits_every_time(dtype):
    rng = np.random.default_rng(0)
    x, a = rng.random((200, 256)).astype(dtype), rng.random((9, 8)).astype(dtype)
    settings = Settings(gan_generator_hidden=(512,), gan_critic_hidden=(512,))

    def train(count):
        gan = CWGAN(np, d=256, k=8, settings=settings, seed=0, dtype=dtype)
        with threads.workers(count) as pool:
            for _ in range(3):
                gan.train_step(x, np.arange(200) % 9, a)
        return pool.count, np.concatenate([p.ravel() for p in gan.critic.params])

    (count, first), (_, second), (_, alone) = train(3), train(3), train(1)
    assert count in (1, 3)  # 1 where BLAS can't be held
    assert np.array_equal(first, second)
    assert np.linalg.norm(first - alone) < 1e-3 * np.linalg.norm(alone)


@pytest.mark.wheel
@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True, 4096])
def test_threads_that_make_no_sense_are_refused(fit, sentence, bad):
    with sentence(ValueError, f"threads is {bad!r}", "1 to 1024"):
        fit(threads=bad)


def test_blas_has_its_threads_back_after_a_failure(fit, data, monkeypatch):
    before = [library.get() for library in blas.libraries()]
    monkeypatch.setattr("tinygzsl.pipeline.train_vsmm", lambda *args, **watching: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit(threads=2)
    assert [library.get() for library in blas.libraries()][: len(before)] == before
    assert threads.current() is threads.SERIAL


COMPILE = """
import numpy as np
from tinygzsl import kernels
kernels.squared_error(np.ones((64, 64)), np.zeros((64, 64)), 1.0, 1.0)
kernels.segment_sum(np.ones((64, 64)), np.zeros(64, np.int64), 3)
"""


@pytest.mark.wheel
def test_compiling_is_announced_once_and_cached(tmp_path):
    home = os.path.dirname(os.path.dirname(tinygzsl.__file__))
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": home}
    said = []
    for _ in range(2):
        command = [sys.executable, "-c", COMPILE]
        result = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert result.stdout == ""
        said.append(result.stderr)
    assert said == [
        "tinygzsl: compiling its kernels for this machine (once; they are cached)\n",
        "",
    ]
    assert any(tmp_path.rglob("*.nbi"))
