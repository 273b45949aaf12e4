"""Explanations of the conditional WGAN, its gradient penalty, and the double backprop."""

from __future__ import annotations

from .. import cwgan
from ..kernels import reference
from ..nn import losses
from ..nn.mlp import MLP
from . import cases, cases_gan
from .explanation import Explanation

GAN = (
    Explanation(
        name="critic_loss",
        title="the critic's loss with its penalty (eq. 6)",
        section="Eq. 6: conditional WGAN with gradient penalty",
        formula="""
L_D = mean D(x~, a) - mean D(x, a) + lambda mean (|g| - 1)^2
g = gradient of D(x^, a) with respect to x^     x^ = alpha x + (1 - alpha) x~""",
        shapes="x, x~, x^, g (n, d)   a (n, k)   alpha (n, 1)   D (n, 1)   L_D a number",
        forward=(cwgan.critic_loss,),
        checks=(cases_gan.critic_case("leaky_relu", 1), cases_gan.critic_case("tanh", 1)),
        fused=tuple(cases_gan.fused_critic_case(fused, "leaky_relu") for fused in cases_gan.FUSED),
        arrays=("W_1", "b_1", "W_2", "b_2"),
    ),
    Explanation(
        name="generator_loss",
        title="the generator's loss (eq. 6)",
        section="Eq. 6: conditional WGAN with gradient penalty",
        formula="""
L_G = -mean D(x~, a)     x~ = G(z, a)
dx~ = -1/n times the gradient of D(x~, a) with respect to x~, then backprop through G""",
        shapes="z (n, q)   a (n, k)   x~, dx~ (n, d)   L_G a number",
        forward=(cwgan.generator_loss, cwgan.generator_forward),
        checks=(cases_gan.generator_case("relu"),),
        arrays=("W_1", "b_1", "W_2", "b_2"),
    ),
    Explanation(
        name="input_gradient",
        title="the gradient of a network's output with respect to its input (eq. 6)",
        section="Step 1: the input gradient",
        formula="""
down, from v_(L+1) = 1:
  e_l = v_(l+1) W_(l+1)     v_l = e_l phi'(s_l)     g = v_1 W_1, the columns of x only""",
        shapes="e_l, v_l (n, units of l)   g (n, d)   y (n, 1)",
        forward=(MLP.forward,),
        backward=(MLP.input_gradient,),
        checks=(
            cases_gan.input_gradient_case("leaky_relu"),
            cases_gan.input_gradient_case("tanh"),
        ),
        arrays=("x",),
    ),
    Explanation(
        name="gradient_penalty",
        title="the penalty as a function of the input gradient (eq. 6)",
        section="Step 2: from the penalty to the input gradient",
        formula="""
P = lambda mean_i (|g_i| - 1)^2
u_i = dP/dg_i = (2 lambda / n) (1 - 1 / |g_i|) g_i, and 0 where |g_i| = 0""",
        shapes="g, u (n, d)   |g| (n,)   P a number",
        forward=(losses.gradient_penalty_forward, losses.penalty_of_norms),
        backward=(losses.gradient_penalty_backward, reference.gradient_penalty),
        checks=(cases.penalty_case, cases.penalty_in_place_case),
        arrays=("g",),
    ),
    Explanation(
        name="double_backprop",
        title="the backward pass of the input gradient, for any depth (eq. 6)",
        section="Step 4: the same for any depth, in matrices",
        formula="""
Q = <u, g> with u held fixed has the gradients of the penalty
up, from q_0 = u:
  t_l = q_(l-1) W_l^T     dW_l += v_l^T q_(l-1)     q_l = t_l phi'(s_l)
down, where phi is curved, from ds_L = r_L:
  r_l = t_l e_l phi''(s_l)     ds_(l-1) = r_(l-1) + (ds_l W_l) phi'(s_(l-1))
  dW_l += ds_l^T h_(l-1)     db_l += sum_i ds_l     dx = ds_1 W_1, a Hessian-vector product""",
        shapes="u, g (n, d)   t_l, q_l, r_l, e_l, v_l, ds_l (n, units of l)",
        forward=(MLP.input_gradient,),
        backward=(MLP.input_gradient_backward, MLP._add_second_order),
        checks=(
            cases_gan.double_backprop_case("leaky_relu", 2),
            cases_gan.double_backprop_case("tanh", 2),
        ),
        arrays=("x", "W_1", "b_1", "W_2", "b_2", "W_3", "b_3"),
    ),
)
