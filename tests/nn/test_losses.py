import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from tinygzsl import kernels
from tinygzsl.nn import losses


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# Softmax cross-entropy


def cross_entropy(logits, y, dloss):
    (loss, _), cache = losses.softmax_loss_forward(logits, y)
    return loss, losses.softmax_loss_backward(dloss, np.zeros(len(logits), logits.dtype), cache)


@pytest.mark.wheel
def test_cross_entropy_by_hand():
    logits, y = np.array([[0.0, np.log(3)], [2.0, 2.0], [0.0, np.log(3)]]), np.array([1, 0, 0])
    loss, dlogits = cross_entropy(logits, y, np.array([1.0, 2.0, 4.0]))
    assert loss == pytest.approx([np.log(4 / 3), np.log(2), np.log(4)])
    assert dlogits == pytest.approx(np.array([[0.25, -0.25], [-1, 1], [-3, 3]]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_logits_of_ten_thousand(dtype):
    logits, y = np.array([[1e4, -1e4], [1e4, -1e4]], dtype), np.array([0, 1])
    loss, dlogits = cross_entropy(logits, y, np.ones(2, dtype))
    assert loss.tolist() == [0, 2e4]
    assert dlogits.tolist() == [[0, 0], [1, -1]]


def test_cross_entropy_of_one_row_and_one_class():
    loss, dlogits = cross_entropy(np.array([[7.0]]), np.array([0]), np.ones(1))
    assert loss.tolist() == [0]
    assert dlogits.tolist() == [[0]]


# Entropy of a softmax


@pytest.mark.wheel
@pytest.mark.parametrize("c", [2, 5, 150])
def test_entropy_of_uniform_logits_is_ln_c_and_flat(c):
    entropy, cache = losses.softmax_entropy_forward(np.full((2, c), -3.0))
    assert entropy == pytest.approx(np.log(c), rel=1e-14)
    assert losses.softmax_entropy_backward(np.ones(2), cache) == pytest.approx(0, abs=1e-15)


def test_entropy_by_hand():
    logits = np.array([[0.0, np.log(3)]])
    entropy, cache = losses.softmax_entropy_forward(logits)
    h = np.log(4) - 0.75 * np.log(3)
    assert entropy == pytest.approx([h])
    expected = [[-0.25 * (h - np.log(4)), -0.75 * (np.log(0.75) + h)]]
    assert losses.softmax_entropy_backward(np.ones(1), cache) == pytest.approx(np.array(expected))


def test_entropy_against_scipy(rng):
    logits = rng.normal(size=(50, 9)) * 4
    entropy, _ = losses.softmax_entropy_forward(logits)
    assert entropy == pytest.approx(scipy_entropy(softmax(logits), axis=1), rel=1e-11)


def test_entropy_with_tied_maxima():
    entropy, cache = losses.softmax_entropy_forward(np.array([[5.0, 5.0, -1e4]]))
    assert entropy == pytest.approx([np.log(2)])
    assert losses.softmax_entropy_backward(np.ones(1), cache) == pytest.approx(0, abs=1e-12)


@pytest.mark.wheel
def test_entropy_of_one_class_is_exactly_zero():
    entropy, cache = losses.softmax_entropy_forward(np.array([[-1e4], [0.3]]))
    assert entropy.tolist() == [0, 0]
    assert losses.softmax_entropy_backward(np.ones(2), cache).tolist() == [[0], [0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_entropy_gradient_is_finite_for_logits_of_ten_thousand(dtype):
    logits = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4]], dtype)
    entropy, cache = losses.softmax_entropy_forward(logits)
    dlogits = losses.softmax_entropy_backward(np.ones(2, dtype), cache)
    assert entropy[0] == 0
    assert dlogits[0].tolist() == [0, 0, 0]
    assert dlogits[1] == pytest.approx(0, abs=1e-6)


# The entropy hinge


@pytest.mark.wheel
def test_hinge_where_the_margin_is_violated():
    entropy = np.array([1.0, 3.0, 2.0, 2.0, 5.0])
    loss, dentropy = kernels.entropy_hinge(entropy, 2, 1.5, 6.0)
    assert loss == 0.5
    assert dentropy.tolist() == [3, 3, -2, -2, -2]


@pytest.mark.parametrize("h_proxy", [[3.0, 3.0], [4.0, 9.0]])  # a gap of exactly zero, and less
def test_hinge_has_no_gradient_where_the_margin_is_kept(h_proxy):
    loss, dentropy = kernels.entropy_hinge(np.array([2.0, *h_proxy]), 1, 1.0, 1.0)
    assert loss == 0
    assert not dentropy.any()


# Squared error


@pytest.mark.wheel
def test_squared_error_by_hand():
    x, target = np.array([[1.0, 2, 3], [0, 0, 1]]), np.array([[1.0, 0, 0], [2, 0, 1]])
    loss, dx = kernels.squared_error(x, target, 0.5, 3.0)
    assert loss == pytest.approx(17 / 2)
    assert dx == pytest.approx(np.array([[0, 12, 18], [-12, 0, 0]]) / 2)


# Gradient penalty


@pytest.mark.wheel
def test_penalty_by_hand():
    g = np.array([[3.0, 4.0], [0.6, 0.8], [0.0, 0.5]])  # norms 5, 1 and 0.5
    loss, cache = losses.gradient_penalty_forward(g, 10.0)
    assert loss == pytest.approx(10 * (16 + 0 + 0.25) / 3)
    u = losses.gradient_penalty_backward(0.5, cache)
    assert u == pytest.approx(10 / 3 * np.array([[2.4, 3.2], [0, 0], [0, -0.5]]), abs=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_penalty_of_zero_gradients_is_the_weight_and_u_is_zero(dtype):
    loss, cache = losses.gradient_penalty_forward(np.zeros((3, 4), dtype), 10.0)
    assert loss == 10
    assert losses.gradient_penalty_backward(1.0, cache).tolist() == np.zeros((3, 4)).tolist()


def test_penalty_with_one_zero_row_among_others():
    g = np.array([[0.0, 0.0], [0.0, 3.0]])
    loss, cache = losses.gradient_penalty_forward(g, 1.0)
    assert loss == pytest.approx(2.5)
    assert losses.gradient_penalty_backward(1.0, cache).tolist() == [[0, 0], [0, 2]]


# What holds for all of them


@pytest.fixture(params=["cross-entropy", "entropy", "hinge", "squared error", "penalty"])
def run(request):
    """run(x) -> (loss, gradients) of one loss, for matrices x (n, d) with n >= 2 and d >= 3."""

    def labelled(x):
        loss, gradient = cross_entropy(x, np.arange(len(x)) % 3, x[:, 0])
        return loss, [gradient]

    def entropy(x):
        loss, cache = losses.softmax_entropy_forward(x)
        return loss, [losses.softmax_entropy_backward(x[:, 0], cache)]

    def hinge(x):
        loss, gradient = kernels.entropy_hinge(x[:, :2].T.ravel(), len(x), 9.0, 1.0)
        return loss, [gradient]

    def squared_error(x):
        loss, gradient = kernels.squared_error(x, x[::-1], 0.25, 2.0)
        return loss, [gradient]

    def penalty(x):
        loss, cache = losses.gradient_penalty_forward(x, 10.0)
        return loss, [losses.gradient_penalty_backward(1.0, cache)]

    return {
        "cross-entropy": labelled,
        "entropy": entropy,
        "hinge": hinge,
        "squared error": squared_error,
        "penalty": penalty,
    }[request.param]


@pytest.mark.wheel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept(run, rng, dtype):
    loss, gradients = run(rng.normal(size=(4, 5)).astype(dtype))
    assert loss.ndim == 0 or loss.dtype == dtype
    assert [gradient.dtype for gradient in gradients] == [dtype] * len(gradients)


def test_float32_agrees_with_float64(run, rng):
    x = rng.normal(size=(6, 5)).astype(np.float32)
    narrow, narrow_gradients = run(x)
    wide, wide_gradients = run(x.astype(np.float64))
    assert np.allclose(narrow, wide, rtol=1e-5, atol=1e-5)
    for mine, expected in zip(narrow_gradients, wide_gradients, strict=True):
        assert np.allclose(mine, expected, rtol=1e-4, atol=1e-5)


def test_non_contiguous_inputs_give_the_same(run, rng):
    wide = rng.normal(size=(8, 8))
    for view in (wide[::2, ::2], wide.T):
        loss, gradients = run(view)
        expected, expected_gradients = run(np.ascontiguousarray(view))
        assert np.allclose(loss, expected, rtol=1e-13)
        for mine, other in zip(gradients, expected_gradients, strict=True):
            assert np.allclose(mine, other, rtol=1e-12, atol=1e-15)


def test_inputs_are_not_changed(run, rng):
    x = rng.normal(size=(4, 5))
    before = x.copy()
    run(x)
    assert np.array_equal(x, before)


def test_one_row(run, rng):
    loss, gradients = run(rng.normal(size=(1, 4)))
    assert np.isfinite(loss).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients)
