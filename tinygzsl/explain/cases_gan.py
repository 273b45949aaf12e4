"""Gradient checks of the CWGAN: the critic's loss, also in fused steps, the parts of its penalty,
and the generator's loss.
"""

from __future__ import annotations

from ..critic import OneLayerCritic, WholeRowCritic
from ..cwgan import critic_loss, generator_forward, generator_loss
from ..nn.mlp import InputGradientCache
from ..runtime.array import Array
from ..settings.table import SETTINGS
from .cases import Case
from .draw import Draw
from .gradcheck import Check

FUSED = OneLayerCritic, WholeRowCritic


def gan_cases() -> list[Case]:
    """Every case of this file."""
    cases: list[Case] = []
    for hidden in SETTINGS["gan_activation"].choices:
        for depth in (1, 2, 3):
            cases += [double_backprop_case(hidden, depth), critic_case(hidden, depth)]
    for fused in FUSED:
        cases += [fused_critic_case(fused, hidden) for hidden in ("leaky_relu", "relu")]
        cases.append(fused_critic_case(fused, "leaky_relu", more_classes=True))
    cases += [generator_case(output) for output in SETTINGS["gan_output"].choices]
    return cases + [input_gradient_case(hidden) for hidden in ("leaky_relu", "tanh")]


def input_gradient_case(hidden: str) -> Case:
    """The input gradient itself, d(sum of y)/dx."""

    def case(draw: Draw) -> Check:
        units = draw.sizes.units
        net = draw.mlp([draw.sizes.d, units, units - 1, 1], hidden)
        x = draw.normal(draw.sizes.n, draw.sizes.d)
        g, _ = net.input_gradient(net.forward(x)[1])
        return Check(f"input gradient, {hidden}", [x], [g], lambda: net.forward(x)[0].sum())

    return case


def double_backprop_case(hidden: str, depth: int) -> Case:
    """The backward pass of the input gradient, with the Hessian-vector product at x."""

    def case(draw: Draw) -> Check:
        n, d = draw.sizes.n, draw.sizes.d
        net = draw.mlp([d, *[draw.sizes.units] * depth, 1], hidden)
        x, u = draw.normal(n, d), draw.normal(n, d - 2)

        def run() -> tuple[Array, InputGradientCache]:
            return net.input_gradient(net.forward(x)[1], columns=d - 2)

        _, cache = run()
        dx, grads = net.input_gradient_backward(u, cache, need_dx=True)
        return Check(
            f"double backprop, {depth} hidden, {hidden}",
            [x, *net.params],
            [dx, *grads],
            lambda: (u * run()[0]).sum(),
        )

    return case


def critic_case(hidden: str, depth: int) -> Case:
    """The critic's loss of eq. 6."""

    def case(draw: Draw) -> Check:
        n, d, k = draw.sizes.n, draw.sizes.d, draw.sizes.k
        critic = draw.mlp([d + k, *[draw.sizes.units] * depth, 1], hidden)
        x, fake, a = draw.normal(n, d), draw.normal(n, d), draw.normal(n, k)
        alpha = draw.uniform(n, 1)
        _, grads = critic_loss(critic, x, fake, a, alpha, penalty=10.0)
        return Check(
            f"critic loss with penalty (eq. 6), {depth} hidden, {hidden}",
            critic.params,
            grads,
            lambda: critic_loss(critic, x, fake, a, alpha, penalty=10.0)[0]["loss"],
        )

    return case


def fused_critic_case(
    fused: type[OneLayerCritic], hidden: str, *, more_classes: bool = False
) -> Case:
    """The same loss by a fused step, with fewer prototypes than samples or with more."""
    classes = ", many classes" if more_classes else ""

    def case(draw: Draw) -> Check:
        n = draw.sizes.pairs if more_classes else draw.sizes.n
        d, k = draw.sizes.d, draw.sizes.k
        critic = draw.mlp([d + k, draw.sizes.critic_units, 1], hidden)
        step = fused(critic, batch=n, d=d)
        step.real[...], step.fake[...] = draw.normal(n, d), draw.normal(n, d)
        a = draw.normal(n + 1 if more_classes else draw.sizes.classes, k)
        y, alpha = draw.labels(n, len(a)), draw.uniform(n)
        _, grads = step.loss(a, y, alpha, penalty=10.0)
        return Check(
            f"critic loss (eq. 6), {fused.__name__}, {hidden}{classes}",
            critic.params,
            [grad.copy() for grad in grads],  # the next call overwrites them
            lambda: step.loss(a, y, alpha, penalty=10.0)[0]["loss"],
        )

    return case


def generator_case(output: str) -> Case:
    """The generator's loss."""

    def case(draw: Draw) -> Check:
        n, d, k, units = draw.sizes.n, draw.sizes.d, draw.sizes.k, draw.sizes.units
        generator = draw.mlp([2 + k, units, d], "leaky_relu", output=output)
        critic = draw.mlp([d + k, units, 1], "leaky_relu")
        z, a = draw.normal(n, 2), draw.normal(n, k)
        _, grads = generator_loss(generator, critic, z, a)

        def loss() -> Array:
            fake = generator_forward(generator, z, a)[0]
            return -critic.forward(draw.xp.concatenate([fake, a], axis=1))[0].mean()

        return Check(f"generator loss, output {output}", generator.params, grads, loss)

    return case
