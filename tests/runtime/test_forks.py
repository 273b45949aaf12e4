"""A process forks while another of its threads trains; run in processes of their own."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

SECONDS = 60  # far more than any of it takes; a child that waits for a lock waits for ever
COMMON = f"""
import os, signal, sys, threading, time
import numpy as np
from tinygzsl import EntropySeparationGZSL
from tinygzsl.runtime import blas

y = np.arange(50) % 5
A = np.random.default_rng(0).normal(size=(5, 4))
X = A[y] + 0.1 * np.random.default_rng(1).normal(size=(50, 4))

def fit():
    options = dict(vsmm_weight_es=0.0, vsmm_epochs=1, threads=2, scale_features="standard")
    return EntropySeparationGZSL(preset="small", **options).fit(X, y, A)

def in_child(work):
    child = os.fork()
    if not child:
        signal.alarm({SECONDS})
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

def counts():
    return [library.get() for library in blas.libraries()]
"""


def run(script):
    command = [sys.executable, "-W", "ignore", "-c", COMMON + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_a_child_can_fit_while_a_thread_of_its_parent_does():
    run(
        """
fitted = threading.Event()

def train():
    while True:
        fit()
        fitted.set()

threading.Thread(target=train, daemon=True).start()
fitted.wait()
for _ in range(10):
    in_child(fit)
print("done", flush=True)
os._exit(0)
"""
    )


def test_a_fork_while_another_thread_is_changing_the_threads_of_blas():
    """The lock is held for long here, so that the fork comes while it is."""
    run(
        """
fit()
library, changing = blas.libraries()[0], threading.Event()

def slowly(count):
    changing.set()
    time.sleep(0.5)
    library.set(count)

blas.libraries = lambda: [library._replace(set=slowly)]
before = counts()

def train():
    with blas.one_thread():
        time.sleep(2)

thread = threading.Thread(target=train, daemon=True)
thread.start()
changing.wait()
in_child(fit)
thread.join()
assert counts() == before
print("done")
"""
    )


def test_a_child_has_the_threads_of_blas_that_its_parent_had_before_the_training():
    run(
        """
held, leave = threading.Event(), threading.Event()

def train():
    with blas.one_thread():
        held.set()
        leave.wait()

def check():
    assert counts() == before and blas.own_threads() == max(before)
    fit()
    assert counts() == before

def check_inside():
    assert counts() == [1] * len(before) and blas.own_threads() == max(before)

fit()  # which loads the BLAS of SciPy
for library in blas.libraries():
    library.set(3)
before = counts()
thread = threading.Thread(target=train, daemon=True)
thread.start()
held.wait()
in_child(check)
with blas.one_thread():
    in_child(check_inside)
leave.set()
thread.join()
assert counts() == before
print("done")
"""
    )


def test_a_fork_while_another_thread_compiles():
    pytest.importorskip("numba")
    run(
        """
import numba
from numba.core.compiler_lock import global_compiler_lock
from tinygzsl.runtime import compiled

compiling = threading.Event()

def compile_slowly():
    with global_compiler_lock:
        compiling.set()
        time.sleep(0.5)

thread = threading.Thread(target=compile_slowly, daemon=True)
thread.start()
compiling.wait()
in_child(lambda: numba.njit(lambda x: x + 1)(1))
thread.join()
print("done")
"""
    )


def test_a_child_leaves_a_block_of_workers_whose_threads_it_lacks():
    run(
        """
from tinygzsl.runtime.threads import workers

def leave():
    pool._helpers[0]._given._cond.acquire()  # as its thread would hold it at a bad moment
    pool.close()

with workers(2) as pool:
    in_child(leave)
print("done")
"""
    )
