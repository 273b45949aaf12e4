"""Evaluation of all gates of a grid on the saved scores of folds, and the choice of the best.

Both gates need few numbers per test sample: its entropy, whether the label of each route is right
and, for the soft gate, two probabilities. So a trained model is evaluated at hundreds of thresholds
in milliseconds. Thresholds are in one of two units, nats or fractions of ln S; leaving out each
fold in turn measures which of them transfers better between folds. Those of eq. 10 may also be
positions on a measured scale: see gates/units.py.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..datasets import Dataset
from ..errors import InputError
from ..gates.panel import ExpertScores, expert_scores
from ..gates.units import nats_of
from ..metrics import harmonic_mean
from ..settings import Settings

UNITS = ("fraction", "nats")
THRESHOLDS = (  # fractions of ln S; the values in nats are these times ln S of a median fold
    *(0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.125, 0.15, 0.175, 0.2),
    *(0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
)
BIASES = (0.0, *THRESHOLDS)
WIDTHS = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
TAUS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0)  # standard deviations of the training scores
FIELDS = {
    "hard": ("router_delta_low", "router_delta_high"),
    "soft": ("router_width", "router_tau", "router_bias"),
}


class Scores(NamedTuple):
    """A model's results for the test samples (n,) of a fold.

    weight_seen and weight_unseen, each with sum 1, are the weights with which correct labels sum to
    S and U. right_seen, right_unseen and right_all say whether the label by C, by F among unseen
    classes and by F among all classes is right. entropy is in nats, and p_seen is the largest
    p(y|x) of C. gaps (n, U) is F among unseen classes minus its maximum, in standard deviations of
    the training scores. scale has positions 0 and 1 in nats if they were measured. expert and y are
    for the learned gate, see gates/panel.py.
    """

    weight_seen: np.ndarray
    weight_unseen: np.ndarray
    right_seen: np.ndarray
    right_unseen: np.ndarray
    right_all: np.ndarray
    entropy: np.ndarray
    p_seen: np.ndarray
    gaps: np.ndarray
    n_seen: int
    expert: ExpertScores
    y: np.ndarray
    scale: tuple[float, float] | None = None


def make_scores(
    data: Dataset,
    log_p: np.ndarray,
    entropy: np.ndarray,
    f: np.ndarray,
    *,
    scale: float,
    unit: float = 1.0,
) -> Scores:
    """Return the Scores of data's test samples.

    log_p (n, S) is log p(y|x), entropy (n,) its entropy, f (n, S + U) is F with the seen classes
    first, scale the standard deviation of F on training samples, and unit their score_unit.
    """
    seen, unseen, y = data.seen_classes, data.unseen_classes, data.y_test
    log_p, f, n_seen = log_p.astype(float), f.astype(float), len(data.seen_classes)
    of_unseen = f[:, n_seen:]
    _, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    is_seen = np.isin(y, seen)
    return Scores(
        weight_seen=is_seen / counts[index] / len(np.unique(y[is_seen])),
        weight_unseen=~is_seen / counts[index] / len(np.unique(y[~is_seen])),
        right_seen=seen[log_p.argmax(axis=1)] == y,
        right_unseen=unseen[of_unseen.argmax(axis=1)] == y,
        right_all=np.concatenate([seen, unseen])[f.argmax(axis=1)] == y,
        entropy=entropy.astype(float),
        p_seen=np.exp(log_p.max(axis=1)),
        gaps=(of_unseen - of_unseen.max(axis=1, keepdims=True)) / scale,
        n_seen=n_seen,
        expert=expert_scores(f, n_seen=n_seen, unit=unit, log_p=log_p, entropy=entropy),
        y=np.argmax(np.concatenate([seen, unseen]) == y[:, None], axis=1),
    )


class Grids(NamedTuple):
    """The values to try by field, the fixed fields, the kinds and units to try, and ln S of a
    median fold. There are no kinds if the user has set the learned gate.
    """

    values: dict[str, np.ndarray]
    fixed: frozenset[str]
    kinds: tuple[str, ...]
    units: tuple[str, ...]
    reference: float

    def nats(self, name: str, *, unit: str, log_s: float) -> np.ndarray:
        """Return a field's values in nats for ln S = log_s.

        Values fixed by the user don't depend on `unit`: they are nats for eq. 10's thresholds and
        fractions of ln S for the soft gate.
        """
        values = self.values[name]
        if name in self.fixed:
            return values if name in FIELDS["hard"] else values * log_s
        return values * (log_s if unit == "fraction" else self.reference)


class Gate(NamedTuple):
    """A chosen gate: its kind, unit and place in the grid, H of every fold and the mean H.

    left_out is the mean H of each fold with the gate that the other folds choose (NaN for a single
    fold).
    """

    kind: str
    unit: str
    place: tuple[int, ...]
    by_fold: tuple[float, ...]
    h: float
    left_out: float


def make_grids(settings: Settings, given: frozenset[str], *, log_s: list[float]) -> Grids:
    """Return the grids for these settings; fields in `given` keep their value."""
    grids: dict[str, tuple[float, ...]] = dict.fromkeys(FIELDS["hard"], THRESHOLDS)
    grids |= dict(zip(FIELDS["soft"], (WIDTHS, TAUS, BIASES), strict=True))
    fixed = given & grids.keys()
    values = {
        name: np.array([getattr(settings, name)] if name in fixed else grid)
        for name, grid in grids.items()
    }
    kinds = tuple(FIELDS)
    if "router_gate" in given:
        kinds = tuple(kind for kind in kinds if kind == settings.router_gate)
    units: tuple[str, ...] = UNITS
    if settings.router_unit == "measured":
        kinds, units = ("hard",), ("measured",)
    return Grids(
        values=values,
        fixed=frozenset(fixed),
        kinds=kinds,
        units=units,
        reference=float(np.median(log_s)),
    )


def cut_grids(grids: Grids, n_seen: list[int]) -> Grids:
    """Return the grids without values that conflict with a fixed threshold of eq. 10.

    A value is removed if delta_low <= delta_high would fail for a number of classes in n_seen.
    Raises ValueError if no value is left.
    """
    low, high = FIELDS["hard"]
    if "hard" not in grids.kinds or len(grids.fixed & {low, high}) != 1:
        return grids
    fixed, free = (low, high) if low in grids.fixed else (high, low)
    limit, grid = float(grids.values[fixed][0]), grids.values[free]
    s = min(n_seen) if free == high else max(n_seen)
    measured = "measured" in grids.units
    values = grid if measured else grid * math.log(s)
    left = grid[values >= limit] if free == high else grid[values <= limit]
    if not len(left):
        extent, end = ("greatest", values[-1]) if free == high else ("least", values[0])
        unit, other = f" nats (for {s} classes)", ", or router_gate='soft'"
        if measured:
            unit = other = ""
        raise InputError(
            f"{fixed} is fixed at {limit:g}, but the {extent} {free} to try is {end:.3g}{unit}; "
            f"set both{other}"
        )
    return grids._replace(values={**grids.values, free: left})


def gate_table(scores: Scores, grids: Grids, *, kind: str, unit: str) -> np.ndarray:
    """Return H of one fold at every gate of the grid.

    The axes are (low, high) for the hard gate and (width, tau, bias) for the soft one. H is -1
    where low > high.
    """
    table = _hard_table if kind == "hard" else _soft_table
    return table(scores, grids, unit=unit)


def _hard_table(scores: Scores, grids: Grids, *, unit: str) -> np.ndarray:
    if unit == "measured":
        if scores.scale is None:
            raise InputError("the unit is 'measured' but the scores have no scale; measure it")
        low, high = (nats_of(grids.values[name], scores.scale) for name in FIELDS["hard"])
    else:
        low, high = (
            grids.nats(name, unit=unit, log_s=math.log(scores.n_seen)) for name in FIELDS["hard"]
        )
    is_below = scores.entropy[:, None] < low
    is_above = scores.entropy[:, None] > high
    parts = []
    for weight in (scores.weight_seen, scores.weight_unseen):
        sl, zsl, gzsl = (
            weight * right for right in (scores.right_seen, scores.right_unseen, scores.right_all)
        )
        between = gzsl.sum() - (gzsl @ is_below)[:, None] - (gzsl @ is_above)
        parts.append((sl @ is_below)[:, None] + (zsl @ is_above) + between)  # eq. 10
    h = harmonic_mean(np.clip(parts[0], 0, 1), np.clip(parts[1], 0, 1))
    return np.where(low[:, None] <= high, h, -1.0)


def _soft_table(scores: Scores, grids: Grids, *, unit: str) -> np.ndarray:
    """As gate_table, for the soft gate.

    A seen label wins if g p >= (1 - g) q with g = sigmoid((b - H) / w), that is if the bias b, in
    nats, is at least H + w ln(q / p); q is the largest probability among unseen classes.
    """
    log_s = math.log(scores.n_seen)
    widths, _, biases = (grids.nats(name, unit=unit, log_s=log_s) for name in FIELDS["soft"])
    taus = grids.values["router_tau"]
    log_q = [-np.log(np.exp(scores.gaps / tau).sum(axis=1)) for tau in taus]
    table = np.empty((len(widths), len(taus), len(biases)))
    for i, width in enumerate(widths):
        for j in range(len(taus)):
            least = scores.entropy + width * (log_q[j] - np.log(scores.p_seen))
            is_seen = least[:, None] <= biases
            s = (scores.weight_seen * scores.right_seen) @ is_seen
            u = (scores.weight_unseen * scores.right_unseen) @ ~is_seen
            table[i, j] = harmonic_mean(np.clip(s, 0, 1), np.clip(u, 0, 1))
    return table


def best_gate(scores: list[Scores], grids: Grids, *, kind: str, unit: str) -> Gate:
    """Return the gate with the highest mean H over the folds; of equal ones, the middle one."""
    tables = np.stack([gate_table(fold, grids, kind=kind, unit=unit) for fold in scores])
    place = _best_place(tables.mean(axis=0))
    by_fold = np.array([table[place] for table in tables])
    left_out = math.nan
    if len(scores) > 1:
        total = tables.sum(axis=0)
        left_out = float(np.mean([t[_best_place((total - t) / (len(scores) - 1))] for t in tables]))
    return Gate(
        kind,
        unit,
        place=place,
        by_fold=tuple(by_fold.tolist()),
        h=float(by_fold.mean()),
        left_out=left_out,
    )


def _best_place(table: np.ndarray) -> tuple[int, ...]:
    equal = np.argwhere(table >= table.max() - 1e-12)
    return tuple(int(i) for i in equal[len(equal) // 2])


def gate_settings(gate: Gate, grids: Grids, *, n_seen: int) -> dict[str, Any]:
    """Return the gate as settings of a model with n_seen classes; fixed fields keep their value."""
    log_s = math.log(n_seen)
    chosen: dict[str, Any] = {"router_gate": gate.kind}
    if gate.unit == "measured":
        chosen["router_unit"] = "measured"
    for name, at in zip(FIELDS[gate.kind], gate.place, strict=True):
        if name in grids.fixed or name == "router_tau" or gate.unit == "measured":
            chosen[name] = float(grids.values[name][at])
        else:
            nats = float(grids.nats(name, unit=gate.unit, log_s=log_s)[at])
            chosen[name] = round(nats if gate.kind == "hard" else nats / log_s, 6)
    return chosen


def at_edge(gate: Gate, grids: Grids) -> list[str]:
    """Return the searched fields whose chosen value is the first or last of its grid."""
    return [
        name
        for name, at in zip(FIELDS[gate.kind], gate.place, strict=True)
        if name not in grids.fixed and at in (0, len(grids.values[name]) - 1)
    ]
