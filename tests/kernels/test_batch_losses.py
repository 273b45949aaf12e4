import numpy as np
import pytest

ERROR = {"float32": 2e-6, "float64": 1e-14}


@pytest.mark.wheel
@pytest.mark.parametrize(("n", "n_seen"), [(2, 1), (7, 3), (100, 99), (1001, 500)])
@pytest.mark.parametrize("gamma", [5.0, 0.1, -5.0])
def test_entropy_hinge(compare, rng, dtype, n, n_seen, gamma):
    entropy = (2 * rng.random(n)).astype(dtype)
    args = entropy, n_seen, gamma, 1.7
    loss, dentropy = compare("entropy_hinge", *args, rtol=ERROR[dtype], atol=4 * ERROR[dtype])
    gap = entropy[:n_seen].mean() - entropy[n_seen:].mean() + gamma
    assert loss == pytest.approx(max(0, gap), abs=1e-5)
    assert dentropy.any() == (gap > 0)


def test_hinge_by_hand(fused, dtype):
    entropy = np.array([1, 3, 2, 2, 5], dtype)
    loss, dentropy = fused("entropy_hinge")(entropy, 2, 1.5, 6.0)
    assert (loss.shape, loss.dtype, loss) == ((), dtype, 0.5)
    assert dentropy.tolist() == [3, 3, -2, -2, -2]


@pytest.mark.parametrize("gamma", [1.0, 0.5])  # a gap of exactly zero, and less
def test_hinge_with_its_margin_kept(compare, dtype, gamma):
    loss, dentropy = compare("entropy_hinge", np.array([2, 3, 3], dtype), 1, gamma, 1.0, rtol=0)
    assert (loss, dentropy.tolist()) == (0, [0, 0, 0])


def test_hinge_of_nan_is_nan(compare, dtype):
    loss, _ = compare("entropy_hinge", np.array([2, np.nan, 3], dtype), 1, 1.0, 1.0, rtol=0)
    assert np.isnan(loss)


@pytest.mark.wheel
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (1, 5), (37, 1), (50, 33), (100, 150)])
def test_squared_error(compare, rng, dtype, shape):
    x, target = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    args = x, target, 0.25, 3.0
    loss, dx = compare("squared_error", *args, rtol=ERROR[dtype], atol=ERROR[dtype])
    assert loss.shape == ()
    assert loss == pytest.approx(0.25 * ((x - target) ** 2).sum(), rel=1e-5)
    np.testing.assert_allclose(dx, 1.5 * (x - target), rtol=1e-6)


def test_squared_error_by_hand(fused, dtype):
    x, target = np.array([[1, 2, 3], [0, 0, 1]], dtype), np.array([[1, 0, 0], [2, 0, 1]], dtype)
    loss, dx = fused("squared_error")(x, target, 0.5, 3.0)
    assert loss == 8.5
    assert dx.tolist() == [[0, 6, 9], [-6, 0, 0]]


def test_a_long_sum_of_float32_keeps_its_digits(fused):
    x = np.full((200_000, 10), 0.1, np.float32)
    loss, _ = fused("squared_error")(x, np.zeros_like(x), 1.0, 1.0)
    assert loss == pytest.approx(2e4, rel=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_squared_error_of_nan_and_inf(fused, dtype, bad):
    x = np.zeros((20, 40), dtype)
    x[7, 35] = bad
    loss, _ = fused("squared_error")(x, np.zeros_like(x), 1.0, 1.0)
    assert not np.isfinite(loss)
