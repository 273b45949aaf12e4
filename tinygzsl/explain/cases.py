"""The gradient checks of the library's own: ops and losses, the MLP, the CWGAN's losses, the PTC's
and the VSMM's objectives.

Each case builds small float64 arrays, computes the gradients as training does and gives them to the
checker with the function they belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .. import kernels
from ..cwgan import critic_loss, generator_forward, generator_loss
from ..nn import losses, ops, random
from ..nn.random import Purpose
from ..ptc import ptc_loss
from ..settings import Settings
from ..vsmm import VSMM, vsmm_loss
from .draw import CLASSES, D, Draw, K, N
from .gradcheck import Check

HINGE_SIDES = ((1.5, "hinge active"), (-9.0, "hinge satisfied"), (None, "no proxies"))


def own_cases() -> list[Callable[[Draw], Check]]:
    """Every case of this file."""
    cases = [linear_case, *_activation_cases(), entropy_case, softmax_loss_case, hinge_case]
    cases += [squared_error_case, penalty_case]
    cases += [mlp_case(name) for name in ops.ACTIVATIONS if name != "linear"]
    for hidden in ("leaky_relu", "tanh", "softplus"):
        for depth in (1, 2, 3):
            cases += [double_backprop_case(hidden, depth), critic_case(hidden, depth)]
    cases += [generator_case(output) for output in ("relu", "sigmoid", "linear")]
    cases += [ptc_case]
    for reduction in ("sum", "mean"):
        cases += [vsmm_case(reduction, gamma, side) for gamma, side in HINGE_SIDES]
    return cases + [input_gradient_case(hidden) for hidden in ("leaky_relu", "tanh")]


def linear_case(draw: Draw) -> Check:
    """dx, dw and db of y = x w^T + b."""
    x, w, b, dy = draw.normal(N, D), draw.normal(K, D), draw.normal(K), draw.normal(N, K)
    _, cache = ops.linear_forward(x, w, b)
    gradients = list(ops.linear_backward(dy, cache))
    return Check(
        "linear layer", [x, w, b], gradients, lambda: (dy * ops.linear_forward(x, w, b)[0]).sum()
    )


def _activation_cases() -> Iterator:
    for name, phi in ops.ACTIVATIONS.items():
        yield activation_case(name)
        if phi.second:
            yield second_case(name)


def activation_case(name: str):
    """An activation's first derivative."""

    def case(draw: Draw) -> Check:
        phi, s, dy = ops.ACTIVATIONS[name], draw.normal(N, D), draw.normal(N, D)
        _, cache = phi.forward(s)
        gradient = phi.backward(dy, cache)
        return Check(name, [s], [gradient], lambda: (dy * phi.forward(s)[0]).sum())

    return case


def second_case(name: str):
    """An activation's second derivative: that of <t, e * phi'(s)> with respect to s."""

    def case(draw: Draw) -> Check:
        phi = ops.ACTIVATIONS[name]
        s, e, t = draw.normal(N, D), draw.normal(N, D), draw.normal(N, D)
        gradient = phi.second(e, t, phi.forward(s)[1])
        return Check(
            f"{name}, second derivative",
            [s],
            [gradient],
            lambda: (t * phi.backward(e, phi.forward(s)[1])).sum(),
        )

    return case


def entropy_case(draw: Draw) -> Check:
    """Entropy of a softmax."""
    logits, dentropy = draw.normal(N, CLASSES), draw.normal(N)
    _, cache = losses.softmax_entropy_forward(logits)
    gradient = losses.softmax_entropy_backward(dentropy, cache)
    return Check(
        "softmax entropy",
        [logits],
        [gradient],
        lambda: dentropy @ losses.softmax_entropy_forward(logits)[0],
    )


def softmax_loss_case(draw: Draw) -> Check:
    """Cross-entropy of labelled rows and entropy of all rows in one pass."""
    logits, y = draw.normal(N, CLASSES), draw.labels(N - 3)
    dce, dentropy = draw.normal(N - 3), draw.normal(N)
    _, cache = losses.softmax_loss_forward(logits, y)
    gradient = losses.softmax_loss_backward(dce, dentropy, cache)

    def loss() -> float:
        cross_entropy, entropy = losses.softmax_loss_forward(logits, y)[0]
        return dce @ cross_entropy + dentropy @ entropy

    return Check("softmax cross-entropy and entropy", [logits], [gradient], loss)


def hinge_case(draw: Draw) -> Check:
    """Entropy hinge of eq. 8 where the margin is violated."""
    entropy = abs(draw.normal(2 * N + 2))
    _, gradient = kernels.entropy_hinge(entropy, N, 2.0, 1.7)
    return Check(
        "entropy hinge (eq. 8)",
        [entropy],
        [gradient],
        lambda: 1.7 * kernels.entropy_hinge(entropy, N, 2.0, 1.7)[0],
    )


def squared_error_case(draw: Draw) -> Check:
    """Squared distance; the gradient with respect to the target is minus that to x."""
    x, target = draw.normal(N, D), draw.normal(N, D)
    _, dx = kernels.squared_error(x, target, 0.3, 1.3)
    return Check(
        "squared error (eqs. 3, 4)",
        [x, target],
        [dx, -dx],
        lambda: 1.3 * kernels.squared_error(x, target, 0.3, 1.3)[0],
    )


def penalty_case(draw: Draw) -> Check:
    """The penalty of eq. 6 as a function of the input gradient."""
    g = draw.normal(N, D)
    _, cache = losses.gradient_penalty_forward(g, 10.0)
    gradient = losses.gradient_penalty_backward(1.0, cache)
    return Check(
        "gradient penalty",
        [g],
        [gradient],
        lambda: losses.gradient_penalty_forward(g, 10.0)[0],
    )


def mlp_case(name: str):
    """Backprop through a network."""

    def case(draw: Draw) -> Check:
        net, x, dy = draw.mlp([D, 5, 4, K], name, name), draw.normal(N, D), draw.normal(N, K)
        _, cache = net.forward(x)
        dx, grads = net.backward(dy, cache)
        return Check(
            f"MLP, 2 hidden layers, {name}",
            [x, *net.params],
            [dx, *grads],
            lambda: (dy * net.forward(x)[0]).sum(),
        )

    return case


def input_gradient_case(hidden: str):
    """The input gradient itself, d(sum of y)/dx."""

    def case(draw: Draw) -> Check:
        net, x = draw.mlp([D, 5, 4, 1], hidden), draw.normal(N, D)
        g, _ = net.input_gradient(net.forward(x)[1])
        return Check(f"input gradient, {hidden}", [x], [g], lambda: net.forward(x)[0].sum())

    return case


def double_backprop_case(hidden: str, depth: int):
    """The backward pass of the input gradient, with the Hessian-vector product at x."""

    def case(draw: Draw) -> Check:
        net, x, u = draw.mlp([D, *[5] * depth, 1], hidden), draw.normal(N, D), draw.normal(N, D - 2)

        def run():
            return net.input_gradient(net.forward(x)[1], columns=D - 2)

        _, cache = run()
        dx, grads = net.input_gradient_backward(u, cache, need_dx=True)
        return Check(
            f"double backprop, {depth} hidden, {hidden}",
            [x, *net.params],
            [dx, *grads],
            lambda: (u * run()[0]).sum(),
        )

    return case


def critic_case(hidden: str, depth: int):
    """The critic's loss of eq. 6."""

    def case(draw: Draw) -> Check:
        critic = draw.mlp([D + K, *[8] * depth, 1], hidden)
        x, fake, a = draw.normal(N, D), draw.normal(N, D), draw.normal(N, K)
        alpha = random.uniform(np, draw.seed, 1, Purpose.CHECK, (N, 1))
        _, grads = critic_loss(critic, x, fake, a, alpha, 10.0)
        return Check(
            f"critic loss with penalty (eq. 6), {depth} hidden, {hidden}",
            critic.params,
            grads,
            lambda: critic_loss(critic, x, fake, a, alpha, 10.0)[0]["loss"],
        )

    return case


def generator_case(output: str):
    """The generator's loss."""

    def case(draw: Draw) -> Check:
        generator = draw.mlp([2 + K, 8, D], "leaky_relu", output)
        critic = draw.mlp([D + K, 8, 1], "leaky_relu")
        z, a = draw.normal(N, 2), draw.normal(N, K)
        _, grads = generator_loss(generator, critic, z, a)

        def loss() -> float:
            fake = generator_forward(generator, z, a)[0]
            return -critic.forward(np.concatenate([fake, a], axis=1))[0].mean()

        return Check(f"generator loss, output {output}", generator.params, grads, loss)

    return case


def ptc_case(draw: Draw) -> Check:
    """The PTC's objective with its L2 term."""
    w, b, x, y = draw.normal(CLASSES, D), draw.normal(CLASSES), draw.normal(N, D), draw.labels(N)
    _, dw, db = ptc_loss(w, b, x, y, 0.1)
    return Check("PTC objective", [w, b], [dw, db], lambda: ptc_loss(w, b, x, y, 0.1)[0])


def vsmm_case(reduction: str, gamma: float | None, side: str):
    """The objective of eq. 9; without proxies where gamma is None."""

    def case(draw: Draw) -> Check:
        weights = {"ae": 0.7, "le": 1.9, "clf": 1.3, "es": 0.6}
        named = {f"vsmm_weight_{term}": weight for term, weight in weights.items()}
        settings = Settings(vsmm_reduction=reduction, **named)
        object.__setattr__(settings, "vsmm_gamma", gamma)  # -9 is no setting, but a side to check
        vsmm = VSMM(
            draw.mlp([D, 5, 4], "relu"),
            draw.mlp([4, 5, D], "relu"),
            draw.mlp([K, 5, 4], "relu"),
            draw.mlp([4, CLASSES], "relu"),
        )
        y, a = draw.labels(N), draw.normal(CLASSES, K)
        x = draw.normal(N if gamma is None else 2 * N + 1, D)  # N samples, then proxies
        _, grads = vsmm_loss(vsmm, x, y, a, settings)
        return Check(
            f"VSMM objective (eq. 9), {reduction}, {side}",
            vsmm.params,
            grads,
            lambda: vsmm_loss(vsmm, x, y, a, settings)[0]["loss"],
        )

    return case
