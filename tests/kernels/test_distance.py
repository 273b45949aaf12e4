"""Distances around a product, against the reference and against SciPy."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tinygzsl.kernels import reference
from tinygzsl.kernels.cpu import distance
from tinygzsl.router import compatibility
from tinygzsl.runtime.threads import workers

SHAPES = [(0, 3, 2), (1, 1, 1), (5, 33, 1), (70, 129, 50), (1030, 16, 31)]


@pytest.mark.wheel
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "m", "c"), SHAPES)
def test_numba_agrees_with_the_reference(n, m, c, dtype, threads):
    rng = np.random.default_rng(n)
    x, v = rng.normal(5, 1, (n, m)).astype(dtype), rng.normal(size=(c, m)).astype(dtype)
    center, columns = v.mean(axis=0), (v * v).sum(axis=1)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    with workers(threads):
        u, rows = distance.centered_rows(x, center)
        f = distance.negative_distances(u @ v.T, rows, columns)
    expected_u, expected_rows = reference.centered_rows(x, center)
    assert np.array_equal(u, expected_u)
    assert np.allclose(rows, expected_rows, rtol=tolerance)
    expected = reference.negative_distances(u @ v.T, expected_rows, columns)
    assert f.dtype == dtype
    assert np.allclose(f, expected, rtol=100 * tolerance)


@pytest.mark.parametrize("version", [distance, reference])
def test_a_square_that_rounding_made_negative_is_a_distance_of_zero(version):
    products = np.array([[0.5 + 1e-9, 0.0]])
    f = version.negative_distances(products, np.array([0.5]), np.array([0.5, 0.5]))
    assert f.tolist() == [[0, -1]]
    assert f is products


def test_points_far_from_the_origin_keep_their_distances():
    rng = np.random.default_rng(0)
    x, v = 1e3 + rng.normal(size=(400, 8)), 1e3 + rng.normal(size=(30, 8))
    f = compatibility(x.astype(np.float32), v.astype(np.float32), metric="euclidean")
    assert np.allclose(-f, cdist(x, v), atol=2e-3)
