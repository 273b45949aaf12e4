"""The pool of threads, and BLAS held to one thread inside of it."""

import os
import threading
import time

import numpy as np
import pytest

from tinygzsl import kernels
from tinygzsl.runtime import blas as blas_module
from tinygzsl.runtime import threads
from tinygzsl.runtime.pool import LANES, Workers
from tinygzsl.runtime.threads import SERIAL, check_threads, current, split, workers


def run(pool, part, size, least=1):
    return pool.run(part, pool.shares(size, least=least))


@pytest.fixture(params=[1, 2, 3, 8])
def pool(request):
    made = Workers(request.param)
    yield made
    made.close()


@pytest.fixture
def blas(monkeypatch):
    """Stand-ins for two BLAS libraries; their counts of threads."""
    counts = [3, 4]

    def library(i):
        functions = (lambda: counts[i]), (lambda count: counts.__setitem__(i, count))
        return blas_module.Library(f"library {i}", *functions)

    monkeypatch.setattr(blas_module, "libraries", lambda: [library(0), library(1)])
    return counts


# Shares


@pytest.mark.wheel
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100, 1000])
@pytest.mark.parametrize("least", [0, 1, 50, 10**9])
def test_shares_cover_the_range_once_and_in_order(pool, size, least):
    shares = run(pool, lambda low, high: (low, high), size, least)
    assert [i for low, high in shares for i in range(low, high)] == list(range(size))
    assert 1 <= len(shares) <= pool.count
    assert all(low % LANES == 0 for low, _ in shares)
    assert all(high - low >= least for low, high in shares[:-1])
    if size <= least:
        assert shares == [(0, size)]


def test_every_worker_gets_a_share_of_large_work(pool):
    used = run(pool, lambda low, high: threading.get_ident(), 10_000)
    assert len(used) == pool.count
    assert used[0] == threading.get_ident()  # the calling thread works too


def test_results_come_in_the_order_of_the_shares():
    pool = Workers(3)

    def part(low, high):
        time.sleep(0.02 if low == 0 else 0)
        return low

    assert run(pool, part, 3 * LANES) == [0, LANES, 2 * LANES]
    pool.close()


# Errors


@pytest.mark.wheel
@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_in_any_share_is_raised_when_no_share_runs_any_more(bad):
    running, done = set(), set()

    def part(low, high):
        share = low // LANES
        running.add(share)
        try:
            if share == bad:
                raise KeyError(share)
            time.sleep(0.05)
            done.add(share)
        finally:
            running.discard(share)

    if not blas_module.libraries():
        pytest.skip("BLAS is not OpenBLAS here, so there is one thread only")
    with workers(3) as pool, pytest.raises(KeyError, match=str(bad)):
        try:
            split(part, 3 * LANES)
        finally:
            assert running == set()
            assert done == {0, 1, 2} - {bad}
            assert current() is pool


def test_the_first_of_two_errors_is_raised():
    pool = Workers(2)
    with pytest.raises(KeyError, match="0"):
        run(pool, lambda low, high: {}[low], 2 * LANES)
    assert run(pool, lambda low, high: low, 2 * LANES) == [0, LANES]  # and the pool lives on
    pool.close()


# The current workers


@pytest.mark.wheel
def test_outside_of_a_block_work_is_serial():
    assert current() is SERIAL
    assert split(lambda low, high: (low, high), 10**6) == [(0, 10**6)]


def test_a_block_inside_another_uses_the_outer_one_s_threads(blas):
    with workers(2) as outer:
        assert current() is outer
        assert outer.count == 2
        with workers(5) as inner:
            assert inner is outer
        assert current() is outer
    assert current() is SERIAL


def test_a_block_of_one_thread_is_not_split_by_one_inside(blas):
    with workers(1) as outer, workers(4) as inner:
        assert inner is outer
        assert inner.count == 1


def test_what_a_share_calls_does_not_split_again(blas):
    with workers(3) as pool:
        counts = split(lambda low, high: current().count, 3 * LANES)
        assert counts == [1, 1, 1]
        assert current() is pool


def test_the_threads_end_with_the_block(blas):
    before = threading.active_count()
    with workers(3) as pool:
        run(pool, lambda low, high: time.sleep(0.02), 3 * LANES)  # or one thread does both shares
        assert threading.active_count() == before + 2
    assert threading.active_count() == before


# BLAS


@pytest.mark.wheel
def test_blas_runs_on_one_thread_inside_and_as_before_afterwards():
    libraries = blas_module.libraries()
    before = [library.get() for library in libraries]
    with workers(2):
        assert [library.get() for library in libraries] == [1] * len(libraries)
        np.ones((4, 4)) @ np.ones((4, 4))
    assert [library.get() for library in libraries] == before


def test_every_library_gets_its_own_count_back(blas):
    with workers(2):
        assert blas == [1, 1]
        with workers(7):
            assert blas == [1, 1]
        assert blas == [1, 1]
    assert blas == [3, 4]


@pytest.mark.wheel
def test_also_after_an_error(blas):
    with pytest.raises(KeyError), workers(2):
        raise KeyError
    assert blas == [3, 4]
    assert current() is SERIAL


def test_none_means_as_many_as_blas_would_use(blas):
    with workers() as pool:
        assert pool.count == 4
    assert threads.default_threads() == 4


def test_without_openblas_work_stays_on_the_calling_thread(monkeypatch):
    monkeypatch.setattr(blas_module, "libraries", list)
    warned = pytest.warns(UserWarning, match="threads is 8, but NumPy's BLAS isn't OpenBLAS")
    with warned, workers(8) as pool:
        assert pool.count == 1
    with workers() as pool:
        assert pool.count == 1
    assert threads.default_threads() == 1


# The number of threads


@pytest.mark.parametrize("good", [None, 1, 2, 1024, np.int64(3)])
def test_good_numbers_of_threads(good):
    assert check_threads(good) == good


@pytest.mark.wheel
@pytest.mark.parametrize("bad", [0, -1, 1025, 2.0, "2", True, np.float64(1)])
def test_bad_numbers_of_threads(bad, sentence):
    with sentence(ValueError, f"threads is {bad!r}", "whole number from 1 to 1024, or None"):
        check_threads(bad)


# Several user threads, forks and interrupts


def test_two_user_threads_leave_blas_as_it_was(blas):
    inside, leave = threading.Barrier(2), threading.Event()

    def first():
        with workers(2):
            inside.wait()
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with workers() as pool:
        assert pool.count == 4  # not the 1 that the other thread has set
        leave.set()
        thread.join()
        assert blas == [1, 1]
    assert blas == [3, 4]


def test_shares_see_the_callers_context():
    pool = Workers(3)
    with kernels.reference_only():
        assert run(pool, lambda low, high: kernels.is_reference_only(), 3 * LANES) == [True] * 3
    assert run(pool, lambda low, high: kernels.is_reference_only(), 3 * LANES) == [False] * 3
    pool.close()


def test_a_pool_in_use_by_another_thread_runs_serially():
    pool, results = Workers(2), []
    started, leave = threading.Event(), threading.Event()

    def slow(low, high):
        started.set()
        leave.wait()
        return low

    thread = threading.Thread(target=lambda: results.append(run(pool, slow, 2 * LANES)))
    thread.start()
    started.wait()
    mine = run(pool, lambda low, high: (low, threading.get_ident()), 2 * LANES)
    assert mine == [(0, threading.get_ident()), (LANES, threading.get_ident())]
    leave.set()
    thread.join()
    assert results == [[0, LANES]]
    pool.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_runs_serially():
    pool = Workers(2)
    child = os.fork()
    if child == 0:
        good = run(pool, lambda low, high: low, 2 * LANES) == [0, LANES]
        os._exit(0 if good else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    pool.close()


def test_an_interrupt_while_waiting_is_raised_when_no_share_runs_any_more(monkeypatch):
    pool, done, waits = Workers(2), [], []
    real = pool._helpers[0]._await

    def interrupted_once(counter, *args):
        if threading.current_thread() is not pool._helpers[0] and not waits:
            waits.append(counter)
            raise KeyboardInterrupt
        return real(counter, *args)

    monkeypatch.setattr(pool._helpers[0], "_await", interrupted_once)

    def part(low, high):
        time.sleep(0.05 if low else 0)
        done.append(low)

    with pytest.raises(KeyboardInterrupt):
        run(pool, part, 2 * LANES)
    assert sorted(done) == [0, LANES]
    assert run(pool, lambda low, high: low, 2 * LANES) == [0, LANES]  # of this run, not of the last
    pool.close()
