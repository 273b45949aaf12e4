"""Gradient checks of ops and losses, the MLP, and the objectives of the PTC and the VSMM.

Each case draws arrays, computes the gradients as training does, and passes them to the checker
together with their function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .. import kernels
from ..errors import InputError
from ..nn import losses, ops
from ..ptc import ptc_loss
from ..runtime.array import Array
from ..settings import Settings
from ..vsmm import VSMM, vsmm_loss
from .draw import Draw
from .gradcheck import Check

Case = Callable[[Draw], Check]

HINGE_SIDES = ((1.5, "hinge active"), (-9.0, "hinge satisfied"), (None, "no proxies"))


def layer_cases() -> list[Case]:
    """Ops, losses and networks."""
    return [
        linear_case,
        *_activation_cases(),
        entropy_case,
        softmax_loss_case,
        one_pass_softmax_case,
        hinge_case,
        squared_error_case,
        penalty_case,
        penalty_in_place_case,
        *(mlp_case(name) for name in ops.ACTIVATIONS if name != "linear"),
    ]


def objective_cases() -> list[Case]:
    """The PTC's objective and the VSMM's."""
    cases: list[Case] = [ptc_case]
    for reduction in ("sum", "mean"):
        cases += [vsmm_case(reduction, gamma=gamma, side=side) for gamma, side in HINGE_SIDES]
    return [*cases, vsmm_case("mean", gamma=1.5, side="many classes", more_classes=True)]


def linear_case(draw: Draw) -> Check:
    """dx, dw and db of y = x w^T + b."""
    n, d, k = draw.sizes.n, draw.sizes.d, draw.sizes.k
    x, w, b, dy = draw.normal(n, d), draw.normal(k, d), draw.normal(k), draw.normal(n, k)
    _, cache = ops.linear_forward(x, w, b)
    dx, dw, db = ops.linear_backward(dy, cache)
    return Check(
        "linear layer", [x, w, b], [dx, dw, db], lambda: (dy * ops.linear_forward(x, w, b)[0]).sum()
    )


def _activation_cases() -> Iterator[Case]:
    for name, phi in ops.ACTIVATIONS.items():
        yield activation_case(name)
        if phi.second is not None:
            yield second_case(name)


def activation_case(name: str) -> Case:
    """An activation's first derivative."""

    def case(draw: Draw) -> Check:
        n, d = draw.sizes.n, draw.sizes.d
        phi, s, dy = ops.ACTIVATIONS[name], draw.normal(n, d), draw.normal(n, d)
        _, cache = phi.forward(s)
        gradient = phi.backward(dy, cache)
        return Check(name, [s], [gradient], lambda: (dy * phi.forward(s)[0]).sum())

    return case


def second_case(name: str) -> Case:
    """An activation's second derivative: that of <t, e * phi'(s)> with respect to s."""

    def case(draw: Draw) -> Check:
        phi, n, d = ops.ACTIVATIONS[name], draw.sizes.n, draw.sizes.d
        s, e, t = draw.normal(n, d), draw.normal(n, d), draw.normal(n, d)
        if phi.second is None:
            raise InputError(f"{name} has no second derivative; pass a smooth activation")
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
    logits, dentropy = draw.normal(draw.sizes.n, draw.sizes.classes), draw.normal(draw.sizes.n)
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
    n, labelled = draw.sizes.n, draw.sizes.n - 3
    logits, y = draw.normal(n, draw.sizes.classes), draw.labels(labelled)
    dce, dentropy = draw.normal(labelled), draw.normal(n)
    _, cache = losses.softmax_loss_forward(logits, y)
    gradient = losses.softmax_loss_backward(dce, dentropy, cache)

    def loss() -> Array:
        cross_entropy, entropy = losses.softmax_loss_forward(logits, y)[0]
        return dce @ cross_entropy + dentropy @ entropy

    return Check("softmax cross-entropy and entropy", [logits], [gradient], loss)


def one_pass_softmax_case(draw: Draw) -> Check:
    """The same, with value and gradient from one pass."""
    n, labelled = draw.sizes.n, draw.sizes.n - 3
    logits, y = draw.normal(n, draw.sizes.classes), draw.labels(labelled)
    dce, dentropy = draw.normal(labelled), draw.normal(n)
    _, _, gradient = kernels.softmax_loss(logits, y, dce, dentropy)

    def loss() -> Array:
        cross_entropy, entropy, _ = kernels.softmax_loss(logits, y, dce, dentropy)
        return dce @ cross_entropy + dentropy @ entropy

    return Check("softmax cross-entropy and entropy, one pass", [logits], [gradient], loss)


def hinge_case(draw: Draw) -> Check:
    """Entropy hinge of eq. 8 with a violated margin."""
    n = draw.sizes.n
    entropy = draw.xp.abs(draw.normal(2 * n + 2))
    _, gradient = kernels.entropy_hinge(entropy, n, 2.0, 1.7)
    return Check(
        "entropy hinge (eq. 8)",
        [entropy],
        [gradient],
        lambda: 1.7 * kernels.entropy_hinge(entropy, n, 2.0, 1.7)[0],
    )


def squared_error_case(draw: Draw) -> Check:
    """Squared distance; the target's gradient is minus that of x."""
    n, d = draw.sizes.n, draw.sizes.d
    x, target = draw.normal(n, d), draw.normal(n, d)
    _, dx = kernels.squared_error(x, target, 0.3, 1.3)
    return Check(
        "squared error (eqs. 3, 4)",
        [x, target],
        [dx, -dx],
        lambda: 1.3 * kernels.squared_error(x, target, 0.3, 1.3)[0],
    )


def penalty_case(draw: Draw) -> Check:
    """The penalty of eq. 6 as a function of the input gradient."""
    g = draw.normal(draw.sizes.n, draw.sizes.d)
    _, cache = losses.gradient_penalty_forward(g, 10.0)
    gradient = losses.gradient_penalty_backward(1.0, cache)
    return Check(
        "gradient penalty",
        [g],
        [gradient],
        lambda: losses.gradient_penalty_forward(g, 10.0)[0],
    )


def penalty_in_place_case(draw: Draw) -> Check:
    """The same with the kernel of the fused critics, which replaces its input by the gradient."""
    g = draw.normal(draw.sizes.n, draw.sizes.d)
    gradient = g.copy()
    kernels.gradient_penalty(gradient, 10.0)

    def loss() -> Array:
        return losses.penalty_of_norms(kernels.gradient_penalty(g.copy(), 10.0), 10.0)

    return Check("gradient penalty, in place", [g], [gradient], loss)


def mlp_case(name: str) -> Case:
    """Backprop through a network."""

    def case(draw: Draw) -> Check:
        n, d, k, units = draw.sizes.n, draw.sizes.d, draw.sizes.k, draw.sizes.units
        net = draw.mlp([d, units, units - 1, k], name, output=name)
        x, dy = draw.normal(n, d), draw.normal(n, k)
        _, cache = net.forward(x)
        dx, grads = net.backward(dy, cache)
        return Check(
            f"MLP, 2 hidden layers, {name}",
            [x, *net.params],
            [dx, *grads],
            lambda: (dy * net.forward(x)[0]).sum(),
        )

    return case


def ptc_case(draw: Draw) -> Check:
    """The PTC's objective with its L2 term."""
    n, d, classes = draw.sizes.n, draw.sizes.d, draw.sizes.classes
    w, b, x, y = draw.normal(classes, d), draw.normal(classes), draw.normal(n, d), draw.labels(n)
    _, dw, db = ptc_loss(w, b, x, y, l2=0.1)
    return Check("PTC objective", [w, b], [dw, db], lambda: ptc_loss(w, b, x, y, l2=0.1)[0])


def vsmm_case(
    reduction: str, *, gamma: float | None, side: str, more_classes: bool = False
) -> Case:
    """The objective of eq. 9.

    There are no proxies if gamma is None, and more prototypes than samples if more_classes.
    """

    def case(draw: Draw) -> Check:
        n = draw.sizes.pairs if more_classes else draw.sizes.n
        d, k, m = draw.sizes.d, draw.sizes.k, draw.sizes.latent
        weights = {"ae": 0.7, "le": 1.9, "clf": 1.3, "es": 0.6}
        named: dict[str, Any] = {f"vsmm_weight_{term}": weight for term, weight in weights.items()}
        settings = Settings(vsmm_reduction=reduction, **named)
        object.__setattr__(settings, "vsmm_gamma", gamma)  # unchecked, as -9 is out of range
        vsmm = VSMM(
            draw.mlp([d, draw.sizes.units, m], "relu"),
            draw.mlp([m, draw.sizes.units, d], "relu"),
            draw.mlp([k, draw.sizes.units, m], "relu"),
            draw.mlp([m, draw.sizes.classes], "relu"),
        )
        y, a = draw.labels(n), draw.normal(n + 1 if more_classes else draw.sizes.classes, k)
        x = draw.normal(n if gamma is None else 2 * n + 1, d)  # n samples, then proxies
        _, grads = vsmm_loss(vsmm, x, y, a, settings)
        return Check(
            f"VSMM objective (eq. 9), {reduction}, {side}",
            vsmm.params,
            grads,
            lambda: vsmm_loss(vsmm, x, y, a, settings)[0]["loss"],
        )

    return case
