"""The kernels' gradients against finite differences in float64, of both versions."""

import numpy as np
import pytest

from tinygzsl.explain.gradcheck import TOLERANCE, Check, run_check
from tinygzsl.kernels import reference

N, D, C = 21, 6, 5


@pytest.fixture(params=["reference", "numba"])
def kernel(request, fused):
    """kernel(name) -> one version of a kernel."""
    return fused if request.param == "numba" else lambda name: getattr(reference, name)


def check(arrays, gradients, function):
    result = run_check(Check("kernel", arrays, gradients, function))
    assert result.error < TOLERANCE
    wrong = [1.001 * gradient for gradient in gradients]
    for i, gradient in enumerate(wrong):  # a check that finds nothing would prove nothing
        assert not run_check(Check("kernel", [arrays[i]], [gradient], function)).passed


@pytest.mark.wheel
@pytest.mark.parametrize("labelled", [0, 9, N])
@pytest.mark.parametrize("one_pass", [True, False])
def test_softmax_loss(kernel, rng, labelled, one_pass):
    logits, dentropy = 2 * rng.normal(size=(N, C)), rng.normal(size=N)
    y, dce = rng.integers(0, C, labelled), rng.normal(size=labelled)

    def loss():
        cross, entropy, *_ = kernel("softmax_loss_forward")(logits, y)
        return dce @ cross + dentropy @ entropy

    if one_pass:
        _, _, dlogits = kernel("softmax_loss")(logits, y, dce, dentropy)
    else:
        _, *rows = kernel("softmax_loss_forward")(logits, y)
        dlogits = kernel("softmax_loss_backward")(logits, y, *rows, dce, dentropy)
    check([logits], [dlogits], loss)


def test_entropy_hinge(kernel, rng):
    entropy, hinge = rng.random(N), kernel("entropy_hinge")
    _, dentropy = hinge(entropy, 8, 2.0, 1.7)
    check([entropy], [dentropy], lambda: 1.7 * hinge(entropy, 8, 2.0, 0.0)[0])


def test_squared_error(kernel, rng):
    x, target, error = *rng.normal(size=(2, N, D)), kernel("squared_error")
    _, dx = error(x, target, 0.3, 1.7)
    check([x, target], [dx, -dx], lambda: 1.7 * error(x, target, 0.3, 0.0)[0])


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_activation(kernel, rng, slope):
    s, b, dy = rng.normal(size=(N, D)), rng.normal(size=D), rng.normal(size=(N, D))
    y = kernel("bias_activation")(s.copy(), b, slope)
    ds, db = kernel("activation_gradient")(dy, y, slope)
    check([s, b], [ds, db], lambda: (dy * kernel("bias_activation")(s.copy(), b, slope)).sum())


def test_gradient_penalty(kernel, rng):
    g = rng.normal(size=(N, D))
    u = g.copy()
    kernel("gradient_penalty")(u, 10.0)
    check([g], [u], lambda: 10 * ((np.linalg.norm(g, axis=1) - 1) ** 2).mean())


@pytest.mark.wheel
@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_the_critic_s_loss_with_its_penalty(kernel, rng, slope):
    h, weight = 18, 10.0
    w_x, table, w = rng.normal(size=(h, D)), rng.normal(size=(h, C)), rng.normal(size=h)
    fake, real, alpha = rng.normal(size=(N, D)), rng.normal(size=(N, D)), rng.random(N)
    index, both = rng.integers(0, C, N), np.concatenate([fake, real])

    def phi(s):
        return np.where(s > 0, s, slope * s)

    def loss():
        scores = w @ phi(w_x @ both.T + np.tile(table[:, index], 2))
        mixed = alpha[:, None] * real + (1 - alpha)[:, None] * fake
        s = w_x @ mixed.T + table[:, index]
        g = (w[:, None] * np.where(s > 0, 1, slope)).T @ w_x
        penalty = weight * ((np.linalg.norm(g, axis=1) - 1) ** 2).mean()
        return scores[:N].mean() - scores[N:].mean() + penalty

    s, delta = w_x @ both.T, np.empty((h, 3 * N))
    scores, dw = kernel("critic_epilogue")(s, table, index, alpha, w, slope, delta)
    np.testing.assert_allclose(scores, w @ phi(w_x @ both.T + np.tile(table[:, index], 2)))
    v = delta[:, 2 * N :]
    u = v.T @ w_x
    norm = kernel("gradient_penalty")(u, weight)
    assert scores[:N].mean() - scores[N:].mean() + weight * ((norm - 1) ** 2).mean() == (
        pytest.approx(loss(), rel=1e-12)
    )
    dw += kernel("penalty_epilogue")(np.ascontiguousarray(w_x @ u.T), s, slope)
    of_fake_and_real = np.ascontiguousarray(delta[:, : 2 * N])
    dw_x = of_fake_and_real @ both + v @ u
    dtable = kernel("segment_sum")(of_fake_and_real, np.tile(index, 2), C)
    check([w_x, table, w], [dw_x, dtable, dw], loss)
