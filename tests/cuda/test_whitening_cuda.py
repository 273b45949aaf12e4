"""Whitening on arrays of a GPU: that of the CPU, applied without a copy to the host."""

import numpy as np
from ladder import standin

from tinygzsl import kernels
from tinygzsl.nn.whitening import fit_whitening


def test_it_is_that_of_the_cpu():
    rng = np.random.default_rng(0)
    x, index = rng.normal(size=(2500, 12)) @ rng.normal(size=(12, 12)), np.arange(2500) % 6
    here = fit_whitening(x, index, shrink=0.3)
    with kernels.reference_only(), standin.installed() as cupy:
        there = fit_whitening(cupy.asarray(x), cupy.asarray(index), shrink=0.3)
        assert isinstance(there.inverse, cupy.ndarray)
        np.testing.assert_allclose(there.inverse.get(), here.inverse, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(there.apply(cupy.asarray(x)).get(), here.apply(x), atol=1e-9)


def test_to_apply_it_copies_nothing_to_the_host():
    rng = np.random.default_rng(0)
    with kernels.reference_only(), standin.installed() as cupy:
        x = cupy.asarray(rng.normal(size=(2500, 12)))
        white = fit_whitening(x, np.arange(2500) % 6, shrink=0.3)
        with standin.recorded(cupy) as log:
            white.apply(x)
        assert len(log.to_host) == 0
