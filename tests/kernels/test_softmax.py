import numpy as np
import pytest

SHAPES = [
    (0, 4),
    (1, 1),
    (1, 7),
    (5, 1),
    (17, 2),
    (37, 5),
    (50, 33),
    (33, 150),
    (9, 1000),
    (3, 5000),
]
ERROR = {"float32": 3e-6, "float64": 1e-13}


def coefficients(rng, n, labelled, c, dtype):
    """y, dce and dentropy."""
    y = rng.integers(0, c, labelled)
    return y, rng.normal(size=labelled).astype(dtype), rng.normal(size=n).astype(dtype)


@pytest.fixture(params=["all", "some", "none"])
def case(request, rng, dtype):
    """case(logits) -> logits, y, dce, dentropy, where all, some or none of the rows have labels."""

    def make(logits):
        n, c = logits.shape
        labelled = {"all": n, "some": n // 2, "none": 0}[request.param]
        return logits.astype(dtype), *coefficients(rng, n, labelled, c, dtype)

    return make


def check(compare, logits, y, dce, dentropy, atol=0.0):
    error = ERROR[logits.dtype.name]
    entropy_error = error * max(1, np.log(logits.shape[1]))
    compare("log_softmax_entropy", logits, rtol=error, atol=entropy_error)
    _, *rows = compare("softmax_loss_forward", logits, y, rtol=error, atol=entropy_error)
    gradient_error = {"rtol": 4 * error, "atol": 4 * entropy_error}
    compare("softmax_loss_backward", logits, y, *rows, dce, dentropy, **gradient_error)
    compare("softmax_loss", logits, y, dce, dentropy, **gradient_error)


@pytest.mark.wheel
@pytest.mark.parametrize("shape", SHAPES)
def test_all_shapes(compare, case, rng, shape):
    check(compare, *case(4 * rng.normal(size=shape)))


@pytest.mark.parametrize("value", [0, -3.5, 1e4, -1e4])
@pytest.mark.parametrize("c", [1, 2, 40])
def test_ties(compare, case, value, c):
    check(compare, *case(np.full((20, c), value)))


@pytest.mark.wheel
def test_logits_of_ten_thousand_and_labels_without_probability(fused, dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0], [1e4, 1e4, -1e4]], dtype)
    y, one = np.array([0, 1, 2]), np.ones(3, dtype)
    cross, entropy, dlogits = fused("softmax_loss")(logits, y, one, one)
    assert cross.tolist() == pytest.approx([0, 2e4, 2e4 + np.log(2)])
    assert entropy.tolist() == pytest.approx([0, 0, np.log(2)], rel=1e-6)
    expected = np.array([[0, 0, 0], [1, -1, 0], [0.5, 0.5, -1]])
    np.testing.assert_allclose(dlogits, expected, atol=1e-6)
    _, *rows = fused("softmax_loss_forward")(logits, y)
    assert rows[1].tolist() == [1e4, 1e4, 1e4]
    assert rows[2] == pytest.approx([0, 0, np.log(2)])
    backward = fused("softmax_loss_backward")(logits, y, *rows, one, one)
    np.testing.assert_allclose(backward, expected, atol=1e-6)


@pytest.mark.parametrize("size", [1e4, 1e6, 1e8])
def test_the_gradient_of_large_tied_logits_loses_nothing(fused, dtype, size):
    logits, y, zero = np.full((3, 150), size, dtype), np.zeros(3, np.int64), np.zeros(3, dtype)
    _, *rows = fused("softmax_loss_forward")(logits, y)
    dlogits = fused("softmax_loss_backward")(logits, y, *rows, zero + 1, zero)
    np.testing.assert_allclose(dlogits[:, 1:], 1 / 150, rtol=1e-6)


@pytest.mark.parametrize("spread", [30, 1000, 1e4])
def test_wide_logits(compare, case, rng, spread):
    check(compare, *case(spread * rng.normal(size=(40, 12))))


@pytest.mark.wheel
def test_one_class_has_no_entropy_and_no_gradient(fused, dtype):
    logits, y = np.array([[-1e4], [0.3], [7]], dtype), np.zeros(2, np.int64)
    one = np.ones(3, dtype)
    cross, entropy, dlogits = fused("softmax_loss")(logits, y, one[:2], one)
    assert (cross.tolist(), entropy.tolist()) == ([0, 0], [0, 0, 0])
    assert dlogits.tolist() == [[0], [0], [0]]


def test_entropy_is_never_negative(fused, rng):
    logits = (30 * rng.normal(size=(5000, 3))).astype(np.float32)
    _, entropy = fused("log_softmax_entropy")(logits)
    assert entropy.min() >= 0
    assert entropy.max() <= np.log(3) + 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_with_nan_or_inf_shows_it_and_others_do_not(fused, rng, dtype, bad):
    logits = rng.normal(size=(40, 21)).astype(dtype)
    logits[3, 20] = bad
    one = np.ones(40, dtype)
    cross, entropy, dlogits = fused("softmax_loss")(logits, np.zeros(40, np.int64), one, one)
    for result in (cross, entropy, dlogits.sum(axis=1)):
        assert np.flatnonzero(~np.isfinite(result)).tolist() == [3]


def test_forward_and_backward_are_the_loss_in_one(fused, rng, dtype):
    logits = (3 * rng.normal(size=(70, 19))).astype(dtype)
    y, dce, dentropy = coefficients(rng, 70, 30, 19, dtype)
    cross, entropy, top, log_t = fused("softmax_loss_forward")(logits, y)
    dlogits = fused("softmax_loss_backward")(logits, y, entropy, top, log_t, dce, dentropy)
    one = fused("softmax_loss")(logits, y, dce, dentropy)
    for mine, other in zip(one, (cross, entropy, dlogits), strict=True):
        np.testing.assert_allclose(
            mine, other, rtol=1e-4, atol=1e-5 if dtype == "float32" else 1e-13
        )
    log_z = np.log(np.exp(logits.astype(float)).sum(axis=1))
    np.testing.assert_allclose(top + log_t, log_z, rtol=1e-5)
