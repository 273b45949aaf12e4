"""Explanations of layers, networks and the softmax, the building blocks of the equations."""

from __future__ import annotations

from ..kernels import reference
from ..kernels.reference import softmax as reference_softmax
from ..nn import losses, ops
from ..nn.mlp import MLP
from . import cases
from .explanation import Explanation

TOOLS = (
    Explanation(
        name="linear",
        title="a linear layer",
        section="A linear layer",
        formula="""
s = x W^T + b
dx = ds W     dW = ds^T x     db = sum_i ds_i""",
        shapes="x (n, in)   W (out, in)   b (out,)   s (n, out); a gradient has its array's shape",
        forward=(ops.linear_forward,),
        backward=(ops.linear_backward,),
        checks=(cases.linear_case,),
        arrays=("x", "W", "b"),
    ),
    Explanation(
        name="leaky_relu",
        title="LeakyReLU, which has no curvature",
        section="Activations",
        formula="""
h = s where s > 0, else 0.2 s
ds = dh where s > 0, else 0.2 dh     phi'' = 0""",
        shapes="s, h, ds, dh (n, units)",
        forward=(ops.leaky_relu_forward,),
        backward=(ops.leaky_relu_backward, reference.activation_gradient),
        checks=(cases.activation_case("leaky_relu"),),
        arrays=("s",),
    ),
    Explanation(
        name="tanh",
        title="tanh, which has curvature",
        section="Activations",
        formula="""
h = tanh(s)
ds = dh (1 - h^2)     phi'' = -2 h (1 - h^2)""",
        shapes="s, h, ds, dh (n, units)",
        forward=(ops.tanh_forward,),
        backward=(ops.tanh_backward, ops.tanh_second),
        checks=(cases.activation_case("tanh"), cases.second_case("tanh")),
        arrays=("s",),
    ),
    Explanation(
        name="mlp",
        title="backprop through a network",
        section="A network",
        formula="""
up, from h_0 = x to y = h_L:
  s_l = h_(l-1) W_l^T + b_l     h_l = phi(s_l)
down, from dh_L = dy to dx = dh_0:
  ds_l = dh_l phi'(s_l)     dW_l = ds_l^T h_(l-1)     db_l = sum_i ds_l     dh_(l-1) = ds_l W_l""",
        shapes="s_l, h_l (n, units of l)   W_l (units of l, units of l - 1)   b_l (units of l,)",
        forward=(MLP.forward, ops.dense_forward),
        backward=(MLP.backward, ops.dense_backward),
        checks=(cases.mlp_case("tanh"),),
        arrays=("x", "W_1", "b_1", "W_2", "b_2", "W_3", "b_3"),
    ),
    Explanation(
        name="softmax_entropy",
        title="the entropy of a softmax",
        section="Softmax, cross-entropy and entropy",
        formula="""
p = softmax(s)     H = -sum_j p_j ln p_j     in nats, from 0 to ln c
dH/ds_j = -p_j (ln p_j + H)
computed as H = ln t - u / t with z = s - max s, t = sum e^z, u = sum z e^z""",
        shapes="s, p, ds (n, c)   H, dH (n,)",
        forward=(losses.softmax_entropy_forward, reference.log_softmax_entropy),
        backward=(losses.softmax_entropy_backward, reference_softmax.softmax_gradient),
        checks=(cases.entropy_case,),
        arrays=("s",),
    ),
    Explanation(
        name="softmax_loss",
        title="cross-entropy and entropy in one pass (eqs. 5 and 8)",
        section="Softmax, cross-entropy and entropy",
        formula="""
CE = -ln p_y     dCE/ds_j = p_j - [j = y]
H = -sum_j p_j ln p_j     dH/ds_j = -p_j (ln p_j + H)""",
        shapes="s, ds (n, c)   y, CE, dCE (l,) of the first l rows, which have labels   H, dH (n,)",
        forward=(reference.softmax_loss_forward, reference.log_softmax_entropy),
        backward=(reference.softmax_loss_backward, reference_softmax.softmax_gradient),
        checks=(cases.softmax_loss_case, cases.one_pass_softmax_case),
        arrays=("s",),
    ),
)
