import numpy as np
import pytest
from scipy.special import expit

from tinygzsl.nn import ops
from tinygzsl.nn.ops import ACTIVATIONS, class_table

CURVED = ("sigmoid", "tanh", "softplus")
S = np.array([[-2.0, -0.5, 0.0], [0.25, 1.0, 3.0]])

# phi, phi' and phi'' written out; at the kink of ReLU and LeakyReLU the left side counts.
FORMULAS = {
    "linear": (lambda s: s, np.ones_like, np.zeros_like),
    "relu": (lambda s: np.maximum(s, 0), lambda s: 1.0 * (s > 0), np.zeros_like),
    "leaky_relu": (
        lambda s: np.where(s > 0, s, 0.2 * s),
        lambda s: np.where(s > 0, 1, 0.2),
        np.zeros_like,
    ),
    "sigmoid": (
        expit,
        lambda s: expit(s) * expit(-s),
        lambda s: expit(s) * expit(-s) * (1 - 2 * expit(s)),
    ),
    "tanh": (
        np.tanh,
        lambda s: 1 / np.cosh(s) ** 2,
        lambda s: -2 * np.tanh(s) / np.cosh(s) ** 2,
    ),
    "softplus": (lambda s: np.log1p(np.exp(s)), expit, lambda s: expit(s) * expit(-s)),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.wheel
def test_linear_by_hand():
    x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4], [5, 6], [0, -1]]), np.arange(3.0)
    y, cache = ops.linear_forward(x, w, b)
    assert y.tolist() == [[11, 18, 0]]
    dx, dw, db = ops.linear_backward(np.array([[1.0, 10.0, 100.0]]), cache)
    assert dx.tolist() == [[53, -36]]
    assert dw.tolist() == [[1, 2], [10, 20], [100, 200]]
    assert db.tolist() == [1, 10, 100]


def test_linear_adds_up_gradients_over_the_batch(rng):
    x, w, b, dy = (rng.normal(size=shape) for shape in ((5, 3), (2, 3), (2,), (5, 2)))
    dx, dw, db = ops.linear_backward(dy, ops.linear_forward(x, w, b)[1])
    assert np.allclose(dx, np.einsum("no,oi->ni", dy, w))
    assert np.allclose(dw, np.einsum("no,ni->oi", dy, x))
    assert np.allclose(db, np.einsum("no->o", dy))


def test_linear_leaves_out_dx_where_it_is_not_needed(rng):
    x, w, b, dy = (rng.normal(size=shape) for shape in ((5, 3), (2, 3), (2,), (5, 2)))
    _, cache = ops.linear_forward(x, w, b)
    dx, dw, db = ops.linear_backward(dy, cache, need_dx=False)
    _, full_dw, full_db = ops.linear_backward(dy, cache)
    assert dx is None
    assert np.array_equal(dw, full_dw)
    assert np.array_equal(db, full_db)


def test_every_activation_has_a_formula_here():
    assert set(FORMULAS) == set(ACTIVATIONS)


@pytest.mark.wheel
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_first_derivatives(name, rng):
    phi, (value, first, _) = ops.activation(name), FORMULAS[name]
    y, cache = phi.forward(S)
    dy = rng.normal(size=S.shape)
    assert np.allclose(y, value(S), rtol=1e-13)
    assert np.allclose(phi.backward(dy, cache), dy * first(S), rtol=1e-13)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivatives(name, rng):
    phi, second = ops.activation(name), FORMULAS[name][2]
    if name not in CURVED:
        assert phi.second is None
        return
    _, cache = phi.forward(S)
    e, t = rng.normal(size=S.shape), rng.normal(size=S.shape)
    assert np.allclose(phi.second(e, t, cache), e * t * second(S), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept(name, dtype):
    phi, s = ops.activation(name), S.astype(dtype)
    y, cache = phi.forward(s)
    assert y.dtype == dtype
    assert phi.backward(s, cache).dtype == dtype
    if phi.second:
        assert phi.second(s, s, cache).dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_linear_keeps_the_dtype(dtype):
    x, w, b, dy = (np.ones(shape, dtype) for shape in ((2, 3), (4, 3), 4, (2, 4)))
    y, cache = ops.linear_forward(x, w, b)
    assert {a.dtype for a in (y, *ops.linear_backward(dy, cache))} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_non_contiguous_inputs_give_the_same(name, rng):
    phi, wide = ops.activation(name), rng.normal(size=(6, 8))
    for view in (wide[::2, ::2], wide.T):
        packed = np.ascontiguousarray(view)
        y, cache = phi.forward(view)
        expected, packed_cache = phi.forward(packed)
        assert np.allclose(y, expected, rtol=1e-15)
        assert np.allclose(phi.backward(view, cache), phi.backward(packed, packed_cache))


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ten_thousand_is_finite_everywhere(name, dtype):
    phi, s = ops.activation(name), np.array([[-1e4, 1e4]], dtype)
    y, cache = phi.forward(s)
    results = [y, phi.backward(np.ones_like(s), cache)]
    if phi.second:
        results.append(phi.second(np.ones_like(s), np.ones_like(s), cache))
    assert np.isfinite(results).all()


def test_saturated_values_are_exact():
    s = np.array([[-1e4, 1e4]])
    assert ops.sigmoid_forward(s)[0].tolist() == [[0, 1]]
    assert ops.softplus_forward(s)[0].tolist() == [[0, 1e4]]
    assert ops.tanh_forward(s)[0].tolist() == [[-1, 1]]
    assert ops.relu_forward(s)[0].tolist() == [[0, 1e4]]
    assert ops.leaky_relu_forward(s)[0].tolist() == [[-2000, 1e4]]


def test_kinks_take_the_left_slope():
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    assert ops.relu_backward(one, ops.relu_forward(zero)[1]) == 0
    assert ops.leaky_relu_backward(one, ops.leaky_relu_forward(zero)[1]) == 0.2


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_inputs_are_not_changed(name, rng):
    phi = ops.activation(name)
    s, dy = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    before = s.copy(), dy.copy()
    _, cache = phi.forward(s)
    phi.backward(dy, cache)
    if phi.second:
        phi.second(dy, dy, cache)
    assert np.array_equal(s, before[0])
    assert np.array_equal(dy, before[1])


def test_unknown_activation_lists_the_known_ones(sentence):
    with sentence(ValueError, "activation is 'bogus'", *ACTIVATIONS):
        ops.activation("bogus")


@pytest.mark.parametrize("n", [3, 4, 5])
def test_the_table_of_classes_has_a_row_per_class_unless_there_are_more_classes_than_samples(n):
    prototypes, y = np.arange(8.0).reshape(4, 2), np.arange(n) % 4
    table, row = class_table(prototypes, y)
    np.testing.assert_array_equal(table[row], prototypes[y])
    assert (table is prototypes) == (n >= 4)


def test_an_activation_has_a_slope_or_a_second_derivative():
    """Without either, the double backprop would take it for one without curvature."""
    for name, phi in ACTIVATIONS.items():
        assert (phi.slope is None) != (phi.second is None), name
