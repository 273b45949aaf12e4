from itertools import pairwise

import numpy as np
import pytest

from tinygzsl.nn import ops
from tinygzsl.nn.mlp import MLP
from tinygzsl.nn.random import Purpose, normal


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def make(rng):
    """make(sizes, hidden, output) -> an MLP with random weights and biases, float64."""

    def make(sizes, hidden="tanh", output="linear"):
        params = []
        for n_in, n_out in pairwise(sizes):
            params += [rng.normal(size=(n_out, n_in)), rng.normal(size=n_out)]
        return MLP(params, hidden=hidden, output=output)

    return make


def create(sizes, **changes):
    common = {"seed": 0, "purpose": Purpose.CHECK, "dtype": "float64"}
    return MLP.create(np, sizes, **{**common, **changes})


# Construction


@pytest.mark.wheel
def test_create_stores_weights_out_in_and_zero_biases():
    net = create([7, 5, 3], hidden="relu", output="sigmoid")
    assert [p.shape for p in net.params] == [(5, 7), (5,), (3, 5), (3,)]
    assert net.sizes == [7, 5, 3]
    assert (net.hidden, net.output) == ("relu", "sigmoid")
    assert not net.params[1].any()
    assert not net.params[3].any()


def test_create_draws_n_0_std_and_none_scales_by_the_inputs():
    fixed, scaled = create([400, 100, 50]), create([400, 100, 50], std=None)
    assert fixed.params[0].std() == pytest.approx(0.02, rel=0.02)
    assert fixed.params[2].std() == pytest.approx(0.02, rel=0.05)
    assert scaled.params[0].std() == pytest.approx(400**-0.5, rel=0.02)
    assert scaled.params[2].std() == pytest.approx(100**-0.5, rel=0.05)


def test_layer_l_is_drawn_at_step_64_step_plus_l():
    net = create([4, 3, 2], seed=5, step=2, std=0.1)
    for layer, w in enumerate(net.params[::2]):
        expected = 0.1 * normal(np, w.shape, seed=5, step=128 + layer, purpose=Purpose.CHECK)
        assert np.allclose(w, expected, rtol=1e-15)


def test_layers_steps_seeds_and_purposes_draw_different_weights():
    nets = [create([4, 4, 4]), create([4, 4, 4], step=1), create([4, 4, 4], seed=1)]
    nets.append(create([4, 4, 4], purpose=Purpose.VSMM_WEIGHTS))
    weights = [w for net in nets for w in net.params[::2]]
    for i, w in enumerate(weights):
        assert not any(np.isclose(w, other).any() for other in weights[:i])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_create_and_forward_keep_the_dtype(dtype):
    net = create([3, 4, 1], dtype=dtype)
    y, cache = net.forward(np.ones((2, 3), dtype))
    g, g_cache = net.input_gradient(cache)
    arrays = [*net.params, y, g, *net.backward(y, cache)[1]]
    arrays += net.input_gradient_backward(g, g_cache)[1]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_a_copy_has_its_own_parameters(make):
    net = make([3, 4, 2], "relu", "sigmoid")
    twin = net.copy()
    x = np.ones((2, 3))
    assert np.array_equal(twin.forward(x)[0], net.forward(x)[0])
    before = net.forward(x)[0].copy()
    for p in twin.params:
        p += 1
    assert np.array_equal(net.forward(x)[0], before)


# Forward and backward


@pytest.mark.wheel
def test_forward_by_explicit_formulas(make, rng):
    net, x = make([3, 5, 4, 2], "tanh", "sigmoid"), rng.normal(size=(6, 3))
    w1, b1, w2, b2, w3, b3 = net.params
    hidden = np.tanh(np.tanh(x @ w1.T + b1) @ w2.T + b2)
    assert np.allclose(net.forward(x)[0], 1 / (1 + np.exp(-(hidden @ w3.T + b3))), rtol=1e-12)


def test_backward_by_explicit_formulas(make, rng):
    net, x, dy = make([3, 5, 2], "relu"), rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    w1, b1, w2, _ = net.params
    s = x @ w1.T + b1
    ds = (dy @ w2) * (s > 0)
    dx, grads = net.backward(dy, net.forward(x)[1])
    expected = [ds.T @ x, ds.sum(axis=0), dy.T @ np.maximum(s, 0), dy.sum(axis=0)]
    assert np.allclose(dx, ds @ w1)
    for mine, other in zip(grads, expected, strict=True):
        assert np.allclose(mine, other)


def test_backward_leaves_out_dx_where_it_is_not_needed(make, rng):
    net, x, dy = make([3, 5, 2]), rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    _, cache = net.forward(x)
    dx, grads = net.backward(dy, cache, need_dx=False)
    assert dx is None
    for mine, other in zip(grads, net.backward(dy, cache)[1], strict=True):
        assert np.array_equal(mine, other)


def test_a_network_without_hidden_layers_is_linear(make, rng):
    net, x, u = make([3, 1]), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    y, cache = net.forward(x)
    w, b = net.params
    assert np.allclose(y, x @ w.T + b)
    g, g_cache = net.input_gradient(cache, columns=2)
    assert np.allclose(g, np.repeat(w[:, :2], 4, axis=0))
    dx, (dw, db) = net.input_gradient_backward(u, g_cache, need_dx=True)
    assert np.allclose(dw, [[*u.sum(axis=0), 0]])
    assert not dx.any()
    assert not db.any()


# The input gradient and its backward


@pytest.mark.parametrize(
    ("hidden", "slope"),
    [
        ("leaky_relu", lambda s: np.where(s > 0, 1, 0.2)),
        ("tanh", lambda s: 1 - np.tanh(s) ** 2),
    ],
)
def test_input_gradient_of_one_hidden_layer(make, rng, hidden, slope):
    net, x = make([5, 8, 1], hidden), rng.normal(size=(6, 5))
    w1, b1, w2, _ = net.params
    g, _ = net.input_gradient(net.forward(x)[1])
    assert np.allclose(g, (slope(x @ w1.T + b1) * w2) @ w1, rtol=1e-12)


@pytest.mark.parametrize("hidden", ["leaky_relu", "tanh", "softplus", "sigmoid", "relu"])
def test_input_gradient_of_three_hidden_layers_by_differences(make, rng, hidden):
    net, x, h = make([4, 5, 6, 5, 1], hidden), rng.normal(size=(3, 4)), 1e-6
    g, _ = net.input_gradient(net.forward(x)[1])
    for column in range(4):
        step = h * np.eye(4)[column]
        slope = (net.forward(x + step)[0] - net.forward(x - step)[0])[:, 0] / (2 * h)
        assert np.allclose(g[:, column], slope, rtol=1e-5, atol=1e-7)


def test_columns_take_the_first_inputs_only(make, rng):
    net, x = make([6, 5, 4, 1]), rng.normal(size=(3, 6))
    _, cache = net.forward(x)
    full, _ = net.input_gradient(cache)
    part, _ = net.input_gradient(cache, columns=4)
    assert np.allclose(part, full[:, :4], rtol=1e-14)


def test_columns_leave_the_direct_gradient_of_the_other_weights_zero(make, rng):
    net, x, u = make([6, 5, 1], "leaky_relu"), rng.normal(size=(3, 6)), rng.normal(size=(3, 4))
    _, cache = net.input_gradient(net.forward(x)[1], columns=4)
    _, grads = net.input_gradient_backward(u, cache)
    assert grads[0][:, :4].any()
    assert not grads[0][:, 4:].any()


@pytest.mark.wheel
@pytest.mark.parametrize("hidden", ["tanh", "softplus", "sigmoid"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_dx_is_a_hessian_vector_product(make, rng, hidden, depth):
    net, h = make([4, *[5] * depth, 1], hidden), 1e-5
    x, u = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    _, cache = net.input_gradient(net.forward(x)[1])
    dx, _ = net.input_gradient_backward(u, cache, need_dx=True)
    above, below = (net.input_gradient(net.forward(x + s * h * u)[1])[0] for s in (1, -1))
    assert np.abs(dx).max() > 1e-3
    assert np.allclose(dx, (above - below) / (2 * h), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("hidden", ["leaky_relu", "relu"])
def test_piecewise_linear_networks_have_no_hessian(make, rng, hidden):
    net, x = make([4, 5, 5, 1], hidden), rng.normal(size=(3, 4))
    g, cache = net.input_gradient(net.forward(x)[1])
    dx, grads = net.input_gradient_backward(g, cache, need_dx=True)
    assert dx.shape == x.shape
    assert not dx.any()
    assert not any(db.any() for db in grads[1::2])


@pytest.mark.parametrize("hidden", ["leaky_relu", "tanh"])
def test_dx_only_where_asked_for(make, rng, hidden):
    net, x = make([4, 5, 1], hidden), rng.normal(size=(3, 4))
    g, cache = net.input_gradient(net.forward(x)[1])
    dx, grads = net.input_gradient_backward(g, cache)
    _, same = net.input_gradient_backward(g, cache, need_dx=True)
    assert dx is None
    for mine, other in zip(grads, same, strict=True):
        assert np.array_equal(mine, other)


@pytest.mark.parametrize(("outputs", "output"), [(2, "linear"), (1, "sigmoid")])
def test_input_gradient_is_for_one_linear_output(make, sentence, outputs, output):
    net = make([3, 4, outputs], "tanh", output)
    _, cache = net.forward(np.ones((2, 3)))
    with sentence(ValueError, "one linear output", f"has {outputs} with {output}"):
        net.input_gradient(cache)


@pytest.mark.parametrize("name", ["hidden", "output"])
def test_unknown_activations_are_refused(make, sentence, name):
    net = make([3, 4, 1], **{name: "swish"})
    with sentence(ValueError, "'swish'", *ops.ACTIVATIONS):
        net.forward(np.ones((2, 3)))


# State


def test_a_network_comes_back_from_its_state(make, rng):
    net = make([4, 3, 2], "tanh", "sigmoid")
    state = net.state("f")
    assert state.header == {"count": 4, "hidden": "tanh", "output": "sigmoid"}
    assert list(state.arrays) == ["f.0", "f.1", "f.2", "f.3"]
    again = MLP.from_state(
        "f", header=state.header, arrays={**make([4, 2]).state("g").arrays, **state.arrays}
    )
    assert all(p is q for p, q in zip(again.params, net.params, strict=True))
    x = rng.normal(size=(5, 4))
    np.testing.assert_array_equal(again.forward(x)[0], net.forward(x)[0])


def _cut(net):
    net.params.pop()


def _flatten(net):
    net.params[2] = net.params[2].ravel()


def _spoil(net):
    net.params[1][0] = np.inf


def _narrow(net):
    net.params[3] = net.params[3][:-1]


def _rename(net):
    net.hidden = "x"


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (_cut, "the decoder has 3 parameters"),
        (_flatten, "the decoder has weights of shape (6,)"),
        (_spoil, "the decoder holds NaN or inf"),
        (_narrow, "the decoder is float64 of shape (1,), not float64 of (2,)"),
        (_rename, "the decoder has the activation 'x'"),
    ],
)
def test_parts_that_do_not_fit_are_named(make, sentence, spoil, part):
    net = make([4, 3, 2])
    net.check("the decoder", n_in=4, n_out=2, dtype=np.dtype("float64"))
    spoil(net)
    with sentence(ValueError, part):
        net.check("the decoder", n_in=4, n_out=2, dtype=np.dtype("float64"))


@pytest.mark.parametrize(
    ("n_in", "n_out", "dtype", "part"),
    [
        (5, 2, "float64", "not float64 of (3, 5)"),
        (4, 3, "float64", "the decoder has 2 outputs, not 3"),
        (4, 2, "float32", "not float32 of (3, 4)"),
    ],
)
def test_a_network_of_other_ends_is_named(make, sentence, n_in, n_out, dtype, part):
    with sentence(ValueError, part):
        make([4, 3, 2]).check("the decoder", n_in=n_in, n_out=n_out, dtype=np.dtype(dtype))
