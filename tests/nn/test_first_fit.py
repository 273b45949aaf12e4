"""The first fit of a process has the bits of the second one, with any number of threads.

What is imported on the way may bring a BLAS of its own, which nobody holds to one thread yet; only
a new process can show that it makes no difference.
"""

import json
import os
import subprocess
import sys

import pytest

import tinygzsl

FITS = """
import hashlib, json, sys
import numpy as np
from tinygzsl import EntropySeparationGZSL, load_dataset
from tinygzsl.baselines import SYNC
from tinygzsl.ptc import train_ptc
from tinygzsl.runtime.threads import workers
from tinygzsl.settings import Settings

rng = np.random.default_rng(0)
y = np.arange(600) % 30
x = rng.normal(size=(30, 384))[y] + rng.normal(size=(600, 384))
a = rng.normal(size=(30, 8))
letters = load_dataset("letters").training()
rows = slice(None, None, 20)

def digest(array):
    return hashlib.md5(np.ascontiguousarray(array).tobytes()).hexdigest()

def fit(threads):
    few = dict(gan_max_epochs=1, vsmm_epochs=1, cs_low=1e-4)
    with workers(threads):
        single = x.astype("f")
        ptc = train_ptc(
            single, y, single, y, n_classes=30, settings=Settings(ptc_l2=(1e-2, 1e-3)), seed=0
        )
        sync = SYNC(regularize=-8.0, dtype="float64").fit(x, y, a)
    model = EntropySeparationGZSL(preset="letters", threads=threads, **few)
    model.fit(letters.X[rows], letters.y[rows], letters.prototypes)
    whole = np.concatenate([p.ravel() for p in model.vsmm_.params])
    return [digest(found) for found in (ptc.w, sync._v, whole)]

found = [fit(threads) for threads in json.loads(sys.argv[1])]
print(json.dumps({"found": found, "scipy": "scipy.optimize" in sys.modules}))
"""


@pytest.fixture(scope="module")
def run():
    """run(threads) -> digests of PTC, SYNC and estimator, and whether SciPy was imported."""

    def start(threads):
        home = os.path.dirname(os.path.dirname(tinygzsl.__file__))
        limits = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
        env = {name: value for name, value in os.environ.items() if name not in limits}
        env["PYTHONPATH"] = home
        command = [sys.executable, "-W", "ignore", "-c", FITS, json.dumps(threads)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return start


def test_first_and_second_fit_agree(run):
    there = run([2, 2, 1, 1])
    first, second, alone, again = there["found"]
    assert first == second
    assert alone == again
    assert first[1] == alone[1]  # products in float64 have the same bits however they are split
    assert not there["scipy"]
    assert run([1])["found"] == [alone]
