"""Explanations of scoring and prediction: score, compatibility, router, gates, metrics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import metrics
from ..confidence import confidence_score
from ..gates.learned import LearnedGate, as_settings, gate_loss, route, sample_weights
from ..gates.mixing import balanced_shares, mixed, mixing_loss
from ..kernels import reference
from ..kernels.reference.router import learned_factors, soft_factors
from ..ptc import block_loss, ptc_loss
from ..router import compatibility
from ..settings import Settings
from . import cases, cases_gates
from .draw import Draw
from .explanation import Explanation


def compatibility_example(draw: Draw) -> dict[str, Any]:
    """Two samples and three classes: pair by pair, and all at once."""
    v, e = draw.normal(2, 4), draw.normal(3, 4)
    one_by_one = [[-math.dist(row, other) for other in e] for row in v]
    f = compatibility(v, e, metric="euclidean")
    return {
        "f_v(x)": v,
        "f_s(a)": e,
        "F, pair by pair": np.array(one_by_one),
        "F as computed": f,
        "class with the largest F": f.argmax(axis=1),
    }


def confidence_example(draw: Draw) -> dict[str, Any]:
    """The score of four samples by its definition, by entropies, and as computed."""
    log_p, entropy = reference.log_softmax_entropy(2 * draw.normal(4, 3))
    p = np.exp(log_p)
    mean = p.mean(axis=0)
    divergence = (p * (log_p - np.log(mean))).sum(axis=1)
    entropy_of_mean = -(mean * np.log(mean)).sum()
    return {
        "p(y|x)": p,
        "p(y)": mean,
        "KL(p(y|x) || p(y))": divergence,
        "exp of their mean": math.exp(divergence.mean()),
        "exp(H(p(y)) - mean H)": math.exp(entropy_of_mean - entropy.mean()),
        "CS as computed": float(confidence_score(log_p)),
        "S, its bound": p.shape[1],
    }


def router_example(draw: Draw) -> dict[str, Any]:
    """Three samples, from certain to uncertain, three seen and two unseen classes."""
    logits = np.array([[8.0], [1.5], [0.2]]) * draw.normal(3, 3)
    f, low, high = -np.abs(draw.normal(3, 5)), 0.5, 1.05
    label, code, entropy, score = reference.route_rows(logits, f, low, high, 1.0)
    return {
        "logits": logits,
        "F, seen then unseen": f,
        "delta_low, delta_high": [low, high],
        "H in nats": entropy,
        "route": [metrics.ROUTES[int(c)] for c in code],
        "label": label,
        "score": score,
    }


def soft_gate_example(draw: Draw) -> dict[str, Any]:
    """The scores of all classes by the formula, and the kernel's result."""
    logits = np.array([[4.0], [0.5]]) * draw.normal(2, 3)
    f, bias, width, tau = -np.abs(draw.normal(2, 5)), 0.5, 0.2, 1.0
    log_p, entropy = reference.log_softmax_entropy(logits)
    q = np.exp(reference.log_softmax_entropy(f[:, 3:] / tau)[0])
    gate = 1 / (1 + np.exp(-(bias - entropy / math.log(3)) / width))[:, None]
    scores = np.concatenate([gate * np.exp(log_p), (1 - gate) * q], axis=1)
    label, _, _, score, computed = reference.soft_route_rows(logits, f, bias, width, tau)
    return {
        "H / ln S": entropy / math.log(3),
        "gate by the formula": gate[:, 0],
        "gate as computed": computed,
        "scores, seen then unseen": scores,
        "their sums": scores.sum(axis=1),
        "label": label,
        "its score": score,
    }


def learned_gate_example(draw: Draw) -> dict[str, Any]:
    """Evidence, theta and the scores of all classes by the formulas, and as computed."""
    logits = np.array([[4.0], [0.5]]) * draw.normal(2, 3)
    f, unit = -np.abs(draw.normal(2, 5)), 0.5
    gate = LearnedGate(
        features=("entropy", "gap"),
        means=(0.4, 1.0),
        deviations=(0.3, 2.0),
        weights=(-1.2, 0.9),
        intercept=0.1,
        kappa=0.7,
        offset=0.2,
    )
    log_p, entropy = reference.log_softmax_entropy(logits)
    gap = (f[:, :3].max(axis=1) - f[:, 3:].max(axis=1)) / unit
    phi = np.stack([entropy / math.log(3), gap], axis=1)
    theta = gate.kappa * (((phi - gate.means) / gate.deviations) @ gate.weights + 0.1) - 0.2
    rho = 1 / (1 + np.exp(-theta))[:, None]
    q = np.exp(reference.log_softmax_entropy(f[:, 3:] / (0.3 * unit))[0])
    scores = np.concatenate([rho * np.exp(log_p), (1 - rho) * q], axis=1)
    settings = Settings(**as_settings(gate, tau=0.3, fold_unseen=(2,)))
    label, _, _, score, computed = route(logits, f, settings, unit=unit, similarity=None)
    return {
        "phi: H / ln S, gap": phi,
        "theta": theta,
        "gate by the formula": rho[:, 0],
        "gate as computed": computed,
        "scores, seen then unseen": scores,
        "their sums": scores.sum(axis=1),
        "label": label,
        "its score": score,
    }


def accuracies_example(draw: Draw) -> dict[str, Any]:
    """Partly correct labels of a frequent seen class, a rare one and an unseen one."""
    truth = np.repeat(["cat", "dog", "okapi"], [8, 2, 4])
    guess = np.where(draw.normal(14) > -0.5, truth, "cat")
    classes, shares = metrics.per_class_accuracy(truth, guess)
    s, u = float(shares[:2].mean()), float(shares[2])
    return {
        "right of all samples": float((truth == guess).mean()),
        "classes": classes.tolist(),
        "accuracy of each": shares,
        "S (cat, dog)": s,
        "U (okapi)": u,
        "arithmetic mean": (s + u) / 2,
        "H": metrics.harmonic_mean(s, u),
    }


def calibration_example(draw: Draw) -> dict[str, Any]:
    """Brier score and ECE of eight scores, two of each value, by the formula and as computed."""
    p = np.repeat([0.5, 0.7, 0.8, 0.95], 2)
    right = draw.normal(8) > np.repeat([1.0, 0.5, 0.0, -1.0], 2)
    gaps = np.abs((p - right).reshape(4, 2).sum(axis=1)) / 8
    curve = metrics.reliability_curve(p, right)
    found = metrics.calibration(p, right)
    return {
        "scores": p,
        "right": right.astype(int),
        "mean of (p - t)^2": float(((p - right) ** 2).mean()),
        "Brier score": found["brier"],
        "share right, of each score": curve.rate,
        "|sum of w (p - t)|, of each": gaps,
        "their sum": float(gaps.sum()),
        "ECE": found["ece"],
        "a calibrated score has less than": found["ece_limit"],
    }


ROUTING = (
    Explanation(
        name="ptc_objective",
        title="what the classifier behind the confidence score minimises",
        section="Eq. 7: confidence score",
        formula="""
L = mean cross-entropy of x W^T + b, plus l2 / 2 |W|^2
ds = (p - onehot(y)) / n     dW = ds^T x + l2 W     db = sum_i ds_i""",
        shapes="x (n, d)   W, dW (S, d)   b, db (S,)   ds, p (n, S)   L a number",
        forward=(ptc_loss, block_loss),
        checks=(cases.ptc_case,),
        arrays=("W", "b"),
    ),
    Explanation(
        name="confidence_score",
        title="confidence score (eq. 7)",
        section="Eq. 7: confidence score",
        formula="""
CS = exp(mean_i KL(p(y|x_i) || p(y)))     p(y) = mean_i p(y|x_i)     1 <= CS <= S
ln CS = H(p(y)) - mean_i H(p(y|x_i))""",
        shapes="p(y|x) (n, S)   p(y) (S,)   CS a number",
        forward=(confidence_score, reference.confidence_score),
        example=confidence_example,
    ),
    Explanation(
        name="compatibility",
        title="compatibility of samples and classes (eqs. 1 and 2)",
        section="Eqs. 1 and 2: compatibility and labels",
        formula="""
F(x, a) = -|f_v(x) - f_s(a)|     eq. 1: argmax over unseen classes, eq. 2: over all
computed from |u|^2 + |v|^2 - 2 <u, v>, with the mean of the prototypes subtracted from both""",
        shapes="f_v(x) (n, m)   f_s(a) (c, m)   F (n, c)",
        forward=(compatibility, reference.centered_rows, reference.negative_distances),
        example=compatibility_example,
    ),
    Explanation(
        name="router",
        title="the router (eq. 10)",
        section="Eq. 10: the router",
        formula="""
H < delta_low: SL, argmax of C over seen classes
H > delta_high: ZSL, argmax of F over unseen classes (eq. 1)
else, ties included: GZSL, argmax of F over all classes (eq. 2)""",
        shapes="logits (n, S)   F (n, S + U)   H, route, label, score (n,)",
        forward=(reference.route_codes, reference.route_rows),
        example=router_example,
    ),
    Explanation(
        name="soft_gate",
        title="the soft gate, which is not in the paper",
        section="The soft gate",
        formula="""
eta = H / ln S     theta = (bias - eta) / width     gate = 1 / (1 + exp(-theta))
seen class: gate p, p = softmax(logits)     unseen class: (1 - gate) q, q = softmax(F / tau)
tau = router_tau times the standard deviation of F on training samples
the label is the class with the largest of these S + U numbers, which sum to 1""",
        shapes="logits, p (n, S)   F of unseen classes, q (n, U)   H, gate, label, score (n,)",
        forward=(reference.soft_route_rows, soft_factors),
        example=soft_gate_example,
    ),
    Explanation(
        name="learned_gate",
        title="the learned gate, which is not in the paper",
        section="The learned gate",
        formula="""
phi = H / ln S, (max over seen of F - max over unseen of F) / sigma, minus similarity of neighbours
g = w (phi - mean) / deviation + b     theta = kappa g - o     gate = 1 / (1 + exp(-theta))
seen class: gate p, p = softmax(logits)     unseen class: (1 - gate) q, q = softmax(F / tau)
seen where theta + ln max p >= ln max q; all numbers are fitted on pseudo-unseen classes""",
        shapes="logits, p (n, S)   F (n, S + U)   q (n, U)   phi (n, 2 or 3)   g, theta, gate (n,)",
        forward=(LearnedGate.evidence, route, reference.learned_route_rows, learned_factors),
        example=learned_gate_example,
    ),
    Explanation(
        name="gate_objective",
        title="what the learned gate minimises on folds",
        section="The learned gate",
        formula="""
g = phi w + b     t = 1 for pseudo-seen samples, -1 for pseudo-unseen ones
L = |w|^2 / 2 + sum_i omega_i ln(1 + exp(-t_i g_i))
dg_i = -omega_i t_i / (1 + exp(t_i g_i))     dw = w + sum_i dg_i phi_i     db = sum_i dg_i""",
        shapes="phi (n, q), standardised   w, dw (q,)   b, db, L numbers   omega, t, g, dg (n,)",
        forward=(gate_loss, sample_weights),
        checks=(cases_gates.gate_case,),
        arrays=("w", "b"),
    ),
    Explanation(
        name="expert_weights",
        title="what the weights of experts, and the gate's tau, minimise",
        section="Weights of experts",
        formula="""
q = softmax(sum_e w_e s_e), w_e >= 0     L = -sum_i a_i ln q(y_i) + 1e-3 |w|^2
dz = a (q - onehot(y))     dw_e = sum dz s_e + 2e-3 w_e     tau = 1 / w for one expert""",
        shapes="s (experts, n, classes)   w, dw (experts,)   a, y (n,)   q, dz (n, classes)",
        forward=(mixing_loss, mixed, balanced_shares),
        checks=(cases_gates.mixing_case,),
        arrays=("w",),
    ),
    Explanation(
        name="accuracies",
        title="per-class accuracies and their harmonic mean",
        section="Accuracies and their harmonic mean",
        formula="""
A_c = share of class c's samples that get its label     S, U = mean of A_c over seen, unseen classes
H = 2 S U / (S + U), and 0 where S + U = 0""",
        shapes="labels (n,)   A_c one per class   S, U, H numbers in [0, 1]",
        forward=(metrics.per_class_accuracy, metrics.mean_class_accuracy, metrics.harmonic_mean),
        example=accuracies_example,
    ),
    Explanation(
        name="calibration",
        title="whether the score is a probability: Brier score and ECE",
        section="Is the score a probability?",
        formula="""
t = 1 where the label is right (of the gate: the class is seen), else 0
w = 1 / (2 n_c seen classes) for a seen class of n_c samples, 1 / (2 n_c unseen classes) else
Brier = sum_i w_i (p_i - t_i)^2     ECE = sum_b |sum_(i in b) w_i (p_i - t_i)|
b: bins of equal counts, equal scores in one""",
        shapes="p, t, w (n,)   Brier, ECE numbers in [0, 1]",
        forward=(
            metrics.brier_score,
            metrics.calibration_error,
            metrics.reliability_curve,
            metrics.balanced_weights,
            metrics.calibration,
        ),
        example=calibration_example,
    ),
)
