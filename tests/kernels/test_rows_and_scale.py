import numpy as np
import pytest

ERROR = {"float32": 2e-6, "float64": 1e-14}


@pytest.mark.wheel
@pytest.mark.parametrize("d", [1, 5, 64])
@pytest.mark.parametrize("n", [0, 1, 37, 100])
def test_gather_rows(compare, fused, rng, dtype, n, d):
    x, rows = rng.normal(size=(50, d)).astype(dtype), rng.integers(0, 50, n)
    picked = compare("gather_rows", x, rows, np.empty((n, d), dtype), rtol=0)
    assert np.array_equal(picked, x[rows])
    out = np.empty((n, d), dtype)
    assert fused("gather_rows")(x, rows, out) is out


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("h", "m", "c", "s"), [(0, 3, 3, 2), (1, 1, 1, 1), (5, 8, 0, 4), (37, 20, 13, 6)]
)
def test_segment_sum(compare, rng, dtype, h, m, c, s):
    values, index = rng.normal(size=(h, m)).astype(dtype), rng.integers(0, s, c)
    sums = compare("segment_sum", values, index, s, rtol=1e-5, atol=4 * ERROR[dtype])
    expected = [[row[:c][index == j].sum() for j in range(s)] for row in values]
    np.testing.assert_allclose(sums, np.reshape(expected, (h, s)), rtol=1e-5, atol=1e-5)


def test_segments_without_columns_are_zero(compare, dtype):
    values = np.array([[1, 2, 4, 8], [16, 32, 64, 128]], dtype)
    sums = compare("segment_sum", values, np.array([3, 1, 3]), 5, rtol=0)
    assert sums.tolist() == [[0, 2, 0, 5, 0], [0, 32, 0, 80, 0]]


@pytest.mark.wheel
@pytest.mark.parametrize("unit_rows", [False, True])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (1, 5), (37, 1), (50, 33)])
@pytest.mark.parametrize("in_place", [False, True])
def test_scale_rows(compare, rng, dtype, shape, unit_rows, in_place):
    x = rng.normal(size=shape).astype(dtype)
    shift, scale = (rng.normal(size=shape[1]).astype(dtype) for _ in range(2))
    out = x if in_place else np.empty_like(x)
    args = x, shift, scale, unit_rows, out
    finite = compare("scale_rows", *args, rtol=8 * ERROR[dtype], atol=ERROR[dtype])
    assert (finite.shape, finite.dtype, bool(finite)) == ((), np.bool_, True)


@pytest.mark.parametrize("in_place", [False, True])
def test_scaled_rows_by_hand(fused, dtype, in_place):
    x = np.array([[4, 6], [1, 2], [1, 4]], dtype)
    out = x if in_place else np.empty_like(x)
    shift, scale = np.array([1, 2], dtype), np.array([1, 1], dtype)
    assert fused("scale_rows")(x, shift, scale, True, out)
    assert out.tolist() == [[dtype_of(3 / 5, dtype), dtype_of(4 / 5, dtype)], [0, 0], [0, 1]]


def dtype_of(value, dtype):
    return float(np.dtype(dtype).type(value))


@pytest.mark.wheel
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("unit_rows", [False, True])
@pytest.mark.parametrize("at", [(0, 0), (19, 32), (39, 12)])
def test_what_is_not_finite_is_reported(compare, rng, dtype, bad, unit_rows, at):
    x = rng.normal(size=(40, 33)).astype(dtype)
    x[at] = bad
    shift, scale = np.zeros(33, dtype), np.ones(33, dtype)
    args = x, shift, scale, unit_rows, np.empty_like(x)
    assert not compare("scale_rows", *args, rtol=8 * ERROR[dtype])


def test_a_scaled_value_that_overflows_is_not_a_bad_input(compare, dtype):
    x = np.full((20, 3), np.finfo(dtype).max, dtype)
    shift, scale = np.zeros(3, dtype), np.full(3, 10, dtype)
    assert compare("scale_rows", x, shift, scale, False, np.empty_like(x), rtol=0)
