import numpy as np
import pytest
from numba import njit

from tinygzsl.kernels.cpu import fastexp
from tinygzsl.kernels.cpu.fastexp import exp, largest


@njit
def fill(x, out):
    for i in range(x.size):
        out[i] = exp(x[i])


def exp_of(x):
    out = np.empty_like(x)
    fill(x, out)
    return out


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("low", "high"), [(-87, 88), (-87, -80), (-20, 0), (-1, 1), (-1e-3, 1e-3), (80, 88)]
)
def test_the_relative_error_of_float32(low, high):
    x = np.linspace(low, high, 200_001, dtype=np.float32)
    exact = np.exp(x.astype(np.float64))
    assert abs(exp_of(x) / exact - 1).max() < 3e-7


def test_the_error_at_the_seams_of_the_range_reduction():
    seams = np.arange(-125, 127) * np.log(2) + np.log(2) / 2
    x = (seams[:, None] + np.linspace(-1e-4, 1e-4, 41)).astype(np.float32).ravel()
    assert abs(exp_of(x) / np.exp(x.astype(np.float64)) - 1).max() < 3e-7


def test_the_coefficients_are_a_least_largest_error():
    r = np.linspace(-np.log(2) / 2, np.log(2) / 2, 100_001)
    c = [fastexp.C5, fastexp.C4, fastexp.C3, fastexp.C2, fastexp.C1, 1]
    error = np.polyval(np.array(c, np.float64), r) / np.exp(r) - 1
    assert abs(error).max() < 1e-7


@pytest.mark.wheel
def test_special_values_of_float32():
    x = np.array([0, -0.0, -87.01, -2e4, -3e38, -np.inf, np.nan], np.float32)
    result = exp_of(x)
    assert result[:-1].tolist() == [1, 1, 0, 0, 0, 0]
    assert np.isnan(result[-1])
    assert result.dtype == np.float32


def test_float64_is_the_c_library_s():
    x = np.linspace(-745, 709, 10_001)
    np.testing.assert_allclose(exp_of(x), np.exp(x), rtol=1e-15)
    assert exp_of(np.array([0.0, -2e4, -np.inf])).tolist() == [1, 0, 0]


def test_outside_of_compiled_code_it_is_the_c_library_s():
    assert exp(1.0) == pytest.approx(np.e, rel=1e-15)


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 150])
@pytest.mark.parametrize("scale", [1e-40, 1, 1e30])
def test_the_largest_element(rng, dtype, size, scale):
    for shift in (0, -5, 5):
        row = ((rng.normal(size=size) + shift) * scale).astype(dtype)
        assert largest(row) == row.max()


def test_the_largest_of_zeros_infinities_and_nan(dtype):
    assert largest(np.array([-0.0, 0.0, -1.0], dtype)) == 0
    assert largest(np.array([-np.inf, -3.0], dtype)) == -3
    assert largest(np.array([np.inf, 3.0], dtype)) == np.inf
    assert np.isnan(largest(np.array([1, np.nan, 2], dtype)))
