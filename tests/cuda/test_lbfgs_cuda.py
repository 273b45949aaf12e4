"""L-BFGS on arrays of a GPU: the same steps, and one copy to the host for each evaluation."""

import numpy as np
import pytest
from ladder import standin

from tinygzsl import kernels
from tinygzsl.nn.lbfgs import minimize
from tinygzsl.ptc import train_ptc
from tinygzsl.settings import Settings

RULES = {"max_iterations": 50, "gradient_tolerance": 1e-8, "decrease": 0.0}


def objective(x):
    slope = 4 * (x - 1) ** 3 + 2 * (x + 0.5)
    return ((x - 1) ** 4).sum() + ((x + 0.5) ** 2).sum(), slope


@pytest.mark.parametrize("bounds", [{}, {"lower": -1.0, "upper": 0.1}])
def test_the_minimum_is_that_of_the_cpu(bounds):
    start = np.linspace(-2, 2, 40)
    here = minimize(objective, start, **bounds, **RULES)
    with standin.installed() as cupy:
        there = minimize(objective, cupy.asarray(start), **bounds, **RULES)
        assert isinstance(there.x, cupy.ndarray)
        np.testing.assert_allclose(there.x.get(), here.x, atol=1e-7)
        assert there.loss == pytest.approx(here.loss, rel=1e-12)


def test_one_copy_to_the_host_for_each_evaluation():
    with standin.installed() as cupy, standin.recorded(cupy) as log:
        start = cupy.asarray(np.linspace(-2, 2, 40))
        found = minimize(objective, start, **RULES)
        assert len(log.to_host) <= found.evaluations + 2  # and the length of a first step


def test_the_ptc_is_that_of_the_cpu():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    x = (rng.random((3, 6))[y] + 0.5 * rng.random((90, 6))).astype("f")
    how = {"n_classes": 3, "settings": Settings(ptc_l2=(1e-2, 1e-3)), "seed": 0}
    with kernels.reference_only():
        here = train_ptc(x, y, x, y, **how)
        with standin.installed() as cupy:
            there = train_ptc(*map(cupy.asarray, (x, y, x, y)), **how)
            assert there.held_out_loss == pytest.approx(here.held_out_loss, rel=1e-5)
            np.testing.assert_allclose(there.w.get(), here.w, atol=2e-2)
