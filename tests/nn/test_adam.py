import numpy as np
import pytest

from tinygzsl.nn.adam import Adam


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def textbook(p, grads, lr, beta1, beta2, eps):
    """Adam as algorithm 1 of Kingma and Ba writes it."""
    p, m, v = p.astype(np.float64), np.zeros(p.shape), np.zeros(p.shape)
    for t, g in enumerate(grads, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
    return p


@pytest.mark.wheel
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.999), (0.0, 0.9)])
@pytest.mark.parametrize("eps", [1e-8, 1e-2])  # the larger one shows where it is added
def test_five_steps_of_the_textbook(rng, betas, eps):
    params = [rng.normal(size=(3, 4)), rng.normal(size=4)]
    grads = [[rng.normal(size=p.shape) for p in params] for _ in range(5)]
    expected = [textbook(p, [g[i] for g in grads], 0.1, *betas, eps) for i, p in enumerate(params)]
    adam = Adam(params, lr=0.1, betas=betas, eps=eps)
    for g in grads:
        adam.step(g)
    assert adam.t == 5
    for p, q in zip(params, expected, strict=True):
        assert np.allclose(p, q, rtol=1e-12, atol=1e-12)


def test_float32_stays_float32_and_agrees(rng):
    p = rng.normal(size=(3, 4)).astype(np.float32)
    grads = [rng.normal(size=p.shape).astype(np.float32) for _ in range(5)]
    expected = textbook(p, grads, 0.1, 0.9, 0.999, 1e-8)
    adam = Adam([p], lr=0.1)
    for g in grads:
        adam.step([g])
    assert p.dtype == adam.m[0].dtype == adam.v[0].dtype == np.float32
    assert np.allclose(p, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.wheel
def test_the_first_step_has_the_length_of_the_rate():
    p = np.zeros(3)
    Adam([p], lr=0.01).step([np.array([1e-3, -5.0, 1e4])])
    assert p == pytest.approx([-0.01, 0.01, -0.01], rel=1e-4)


def test_zero_gradients_leave_the_parameter_as_it_is(rng):
    p = rng.normal(size=5)
    before = p.copy()
    adam = Adam([p], lr=0.1)
    for _ in range(3):
        adam.step([np.zeros(5)])
    assert np.array_equal(p, before)


def test_parameters_are_updated_in_place_also_through_a_view(rng):
    store = rng.normal(size=(4, 6))
    before = store.copy()
    expected = textbook(store[:, ::2], [np.ones((4, 3))], 0.1, 0.9, 0.999, 1e-8)
    Adam([store[:, ::2]], lr=0.1).step([np.ones((4, 3))])
    assert np.allclose(store[:, ::2], expected, rtol=1e-12)
    assert np.array_equal(store[:, 1::2], before[:, 1::2])


def test_gradients_are_not_changed_and_may_be_transposed(rng):
    p, g = np.zeros((3, 2)), rng.normal(size=(2, 3))
    before = g.copy()
    Adam([p], lr=0.1).step([g.T])
    assert np.array_equal(g, before)
    assert np.allclose(p, -0.1 * np.sign(g.T), rtol=1e-6)


def test_a_missing_gradient_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        Adam([np.zeros(2), np.zeros(3)], lr=0.1).step([np.zeros(2)])


def test_a_quadratic_is_minimised():
    p = np.array([5.0, -3.0])
    adam = Adam([p], lr=0.1)
    for _ in range(500):
        adam.step([2 * (p - [1.0, 2.0])])
    assert p == pytest.approx([1, 2], abs=1e-3)
