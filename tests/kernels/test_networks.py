"""Adam, activations and what lies between the products of a critic step."""

import numpy as np
import pytest

from tinygzsl import kernels

ERROR = {"float32": 5e-6, "float64": 1e-13}
SHAPES = [(0, 3), (1, 1), (1, 7), (37, 1), (50, 33)]
SLOPES = [0.0, 0.2]


@pytest.mark.wheel
@pytest.mark.parametrize("shape", [(0,), (1,), (37,), (7, 11), (100, 33)])
def test_adam(compare, rng, dtype, shape):
    p, g, m, v = (rng.normal(size=shape).astype(dtype) for _ in range(4))
    bad = np.zeros(1, np.int32)
    args = p, g, m, v**2, 0.01, 0.5, 0.999, 1e-8, bad, 3
    compare("adam_update", *args, rtol=ERROR[dtype], atol=ERROR[dtype])
    kernels.adam_update(*args)
    assert bad[0] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 50, 99])
def test_adam_reports_parameters_that_are_not_finite(compare, rng, dtype, bad, at):
    p, g, m = (rng.normal(size=100).astype(dtype) for _ in range(3))
    p[at] = bad
    constants = m**2, 0.01, 0.5, 0.999, 1e-8
    for before, after in ((0, 3), (2, 2)):  # the first bad step stays
        flag = np.array([before], np.int32)
        compare("adam_update", p, g, m, *constants, flag, 3, rtol=ERROR[dtype], atol=ERROR[dtype])
        kernels.adam_update(p.copy(), g, m.copy(), *constants, flag, 3)
        assert flag[0] == after


@pytest.mark.wheel
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("slope", SLOPES)
def test_bias_activation(compare, rng, dtype, shape, slope):
    s, b = rng.normal(size=shape).astype(dtype), rng.normal(size=shape[1]).astype(dtype)
    y = compare("bias_activation", s, b, slope, rtol=ERROR[dtype])
    np.testing.assert_allclose(y, np.where(s + b > 0, s + b, slope * (s + b)), rtol=1e-5)


@pytest.mark.wheel
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("slope", SLOPES)
def test_activation_gradient(compare, rng, dtype, shape, slope):
    dy, y = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    y[::3] = 0  # not above 0: the slope counts
    args = dy, y, slope
    ds, db = compare("activation_gradient", *args, rtol=ERROR[dtype], atol=8 * ERROR[dtype])
    np.testing.assert_allclose(ds, np.where(y > 0, dy, slope * dy), rtol=1e-6)
    assert db.shape == (shape[1],)


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("h", "n", "c"), [(0, 3, 2), (1, 1, 1), (17, 1, 1), (37, 20, 5), (50, 33, 40)]
)
@pytest.mark.parametrize("slope", SLOPES)
def test_critic_epilogue(compare, rng, dtype, h, n, c, slope):
    s, table, w = (rng.normal(size=k).astype(dtype) for k in ((h, 2 * n), (h, c), h))
    index, alpha = rng.integers(0, c, n), rng.random(n).astype(dtype)
    args = s, table, index, alpha, w, slope, np.zeros((h, 3 * n), dtype)
    scores, dw = compare("critic_epilogue", *args, rtol=20 * ERROR[dtype], atol=8 * ERROR[dtype])
    assert (scores.shape, dw.shape) == ((2 * n,), (h,))


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (37, 20), (50, 1), (20, 0)])
@pytest.mark.parametrize("wider", [1, 2])
@pytest.mark.parametrize("slope", SLOPES)
def test_penalty_epilogue(compare, rng, dtype, shape, wider, slope):
    t = rng.normal(size=shape).astype(dtype)
    s = rng.normal(size=(shape[0], wider * shape[1])).astype(dtype)
    dw = compare("penalty_epilogue", t, s, slope, rtol=ERROR[dtype], atol=8 * ERROR[dtype])
    assert dw.shape == shape[:1]


@pytest.mark.wheel
@pytest.mark.parametrize("shape", [*SHAPES, (20, 0)])
def test_gradient_penalty(compare, rng, dtype, shape):
    g = rng.normal(size=shape).astype(dtype)
    g[::4] = 0  # rows without a direction stay 0
    compare("gradient_penalty", g, 10.0, rtol=20 * ERROR[dtype], atol=8 * ERROR[dtype])


def test_penalty_by_hand(fused, dtype):
    g = np.array([[3, 4], [0, 0.5], [0, 0]], dtype)
    assert fused("gradient_penalty")(g, 6.0).tolist() == [5, 0.5, 0]
    np.testing.assert_allclose(g, 4 * np.array([[2.4, 3.2], [0, -0.5], [0, 0]]), rtol=1e-6)
