"""Explanations of the objective of the visual-semantic mapping and its terms."""

from __future__ import annotations

from ..kernels import reference
from ..vsmm import vsmm_loss
from . import cases
from .explanation import Explanation


def _parameters(network: str, layers: int) -> list[str]:
    return [f"{network} {kind}_{i + 1}" for i in range(layers) for kind in "Wb"]


VSMM_TERMS = (
    Explanation(
        name="autoencoder_loss",
        title="autoencoder loss (eq. 3)",
        section="Eq. 3: autoencoder loss",
        formula="""
L_AE = c sum (x' - x)^2     with x' = g(f_v(x)); c = 1 / n, or 1 / (n d) for the mean
dx' = 2 c (x' - x)     the target x is data; the check below takes its gradient, -dx', too""",
        shapes="x, x', dx' (n, d)   L_AE a number",
        forward=(reference.squared_error,),
        checks=(cases.squared_error_case,),
        arrays=("x'", "x"),
    ),
    Explanation(
        name="embedding_loss",
        title="embedding loss (eq. 4)",
        section="Eq. 4: embedding loss",
        formula="""
L_LE = c sum (v - e)^2     with v = f_v(x), e = f_s(a_y); c = 1 / n, or 1 / (n m) for the mean
dv = 2 c (v - e)     de = -dv""",
        shapes="v, e, dv, de (n, m)   L_LE a number",
        forward=(reference.squared_error,),
        checks=(cases.squared_error_case,),
        arrays=("v", "e"),
    ),
    Explanation(
        name="entropy_hinge",
        title="entropy separation (eq. 8)",
        section="Eq. 8: entropy separation",
        formula="""
L_ES = max(0, H_S - H_P + gamma)     H_S, H_P: means over n seen samples and n_P proxies
dH_i = 1 / n (seen) or -1 / n_P (proxy) where H_S - H_P + gamma > 0, else 0""",
        shapes="H, dH (n + n_P,), seen samples first   L_ES a number",
        forward=(reference.entropy_hinge,),
        checks=(cases.hinge_case,),
        arrays=("H",),
    ),
    Explanation(
        name="vsmm_objective",
        title="the objective of the visual-semantic mapping (eqs. 5 and 9)",
        section="Eq. 9: the whole objective",
        formula="""
L_S = w_AE L_AE + w_LE L_LE + w_CLF L_CLFR     L = L_S + w_ES L_ES
L_CLFR = mean cross-entropy of C(f_v(x))     L_ES from the entropies of softmax(C(f_v(.)))
proxies enter L_ES only, whose gradient goes through C and f_v""",
        shapes="x (n + n_P, d)   f_v(x) (n + n_P, m)   f_s(a) (n, m)   C(f_v(x)) (n + n_P, S)",
        forward=(vsmm_loss,),
        checks=tuple(
            cases.vsmm_case("mean", gamma=gamma, side=side) for gamma, side in cases.HINGE_SIDES[:2]
        ),
        arrays=(
            *_parameters("f_v", 2),
            *_parameters("g", 2),
            *_parameters("f_s", 2),
            *_parameters("C", 1),
        ),
    ),
)
