"""How a stack is trained: every expert on every fold, what decides from that, and on everything."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..datasets import Dataset, TrainingSet
from ..datasets.views import as_views
from ..gates.panel import Fold, Panel, fit_decision, held_out_h
from ..router import SAMPLE_ROWS
from ..runtime.checks import check_array, check_positive
from ..storage.arrays_file import State
from ..storage.checksums import fingerprint
from ..tuning.folds import disjoint_folds
from ..tuning.gate_choice import FEATURES, MARGIN
from ..version import __version__
from .checkpoints import StackCheckpoint
from .experts import Expert, RawScores, Views
from .files import model_from_state, model_state
from .fold_results import FoldResults
from .pieces import Callback, Piece, Pieces
from .scoring import Scorer, scores_by_name
from .similarity import fit_similarity

EVERYTHING = "all samples"
QUEUED = 3  # copies of the folds' scores that fitting the decision needs


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a fit goes by: features None has the folds choose among FEATURES.

    unseen are the unseen prototypes by view for experts that aren't strict, else None. With
    fold_results there are no folds.
    """

    experts: list[Expert]
    features: tuple[str, ...] | None
    seed: int
    dtype: str
    unseen: Views | None = None
    fold_results: FoldResults | None = None
    callback: Callback | None = None
    checkpoint: StackCheckpoint | None = None
    scalings: list[str] = field(default_factory=list)  # for the similarity to training samples


class Trained(NamedTuple):
    """The result: the scorer, and what the folds have found."""

    scorer: Scorer
    fold_results: FoldResults


class _Part(NamedTuple):
    """Samples that experts are trained on: a fold's, or all of them."""

    X: np.ndarray
    y: np.ndarray
    classes: np.ndarray
    seen: Views

    @property
    def class_index(self) -> np.ndarray:
        """The class indices (n,)."""
        return np.searchsorted(self.classes, self.y)


def fit(training: TrainingSet, plan: Plan) -> Trained:
    """Return what StackedGZSL is made of, trained on samples of seen classes."""
    known = plan.fold_results
    folds = disjoint_folds(training, seed=plan.seed) if known is None else []
    pieces, work = _planned(training, folds, plan)
    found = known or _on_folds(folds, plan, pieces, work)
    folds.clear()
    return Trained(_scorer(training, plan, pieces, work[-1], near=found.near), found)


def fold_panels(training: TrainingSet, plan: Plan) -> list[Fold]:
    """Return what the experts say of each fold's samples, trained without its classes."""
    folds = disjoint_folds(training, seed=plan.seed)
    pieces, work = _planned(training, folds, plan)
    return _panels(folds, plan, pieces, work)


def _on_folds(
    folds: list[Dataset], plan: Plan, pieces: Pieces, work: list[dict[str, Piece]]
) -> FoldResults:
    panels = _panels(folds, plan, pieces, work)
    features, held_out = _features(panels, plan.features)
    return FoldResults(
        experts=tuple(expert.name for expert in plan.experts),
        decision=fit_decision(panels, features),
        held_out=held_out,
        fold_unseen=tuple(len(fold.unseen_classes) for fold in folds),
    )


def _panels(
    folds: list[Dataset], plan: Plan, pieces: Pieces, work: list[dict[str, Piece]]
) -> list[Fold]:
    panels = []
    for i, fold in enumerate(folds):
        with warnings.catch_warnings():  # they come again where the experts see all samples
            warnings.simplefilter("ignore", UserWarning)
            panels.append(_fold(fold, plan, pieces, work[i]))
    return panels


def _scorer(
    training: TrainingSet,
    plan: Plan,
    pieces: Pieces,
    work: dict[str, Piece],
    *,
    near: bool,
) -> Scorer:
    """Return the experts trained on everything."""
    part = _Part(training.X, training.y, training.classes, as_views(training.prototypes))
    models, units = {}, {}
    for expert in plan.experts:
        models[expert.name] = _final(expert, part, plan, pieces, work[expert.name])
        with expert.named_in_errors(EVERYTHING):
            units[expert.name] = expert.unit(models[expert.name], part.X, part.seen)
    similarities = {
        scaling: fit_similarity(part.X, part.class_index, scaling=scaling, dtype=plan.dtype)
        for scaling in plan.scalings
        if near
    }
    return Scorer(
        experts=plan.experts,
        models=models,
        units=units,
        seen=dict(part.seen),
        similarities=similarities,
    )


def _fold(fold: Dataset, plan: Plan, pieces: Pieces, work: dict[str, Piece]) -> Fold:
    part = _Part(fold.X_train, fold.y_train, fold.seen_classes, as_views(fold.seen_prototypes))
    unseen = as_views(fold.unseen_prototypes)
    raw, units, similarities = {}, {}, {}
    for expert in plan.experts:
        piece = work[expert.name]
        raw[expert.name], units[expert.name] = pieces.do(
            piece,
            partial(_scored, expert, part, fold.X_test, unseen, where=piece.where),
            partial(_taken_scores, fold),
        )
    for scaling in plan.scalings:
        similarities[scaling] = pieces.do(
            work[_similarity(scaling)],
            partial(_similarities, part, fold.X_test, scaling=scaling, dtype=plan.dtype),
            partial(_taken_similarity, fold),
        )
    n_seen = len(part.classes)
    scores = scores_by_name(raw, units)
    of_seen = np.isin(fold.y_test, part.classes)
    y = np.where(
        of_seen,
        np.searchsorted(part.classes, fold.y_test),
        n_seen + np.searchsorted(fold.unseen_classes, fold.y_test),
    )
    return Fold(panel=Panel(experts=scores, similarities=similarities), y=y)


def _scored(expert: Expert, part: _Part, X: np.ndarray, unseen: Views, *, where: str) -> State:
    """Return the scores of samples X (n, d) by the expert, trained on the part, and its unit."""
    model = expert.fit(part.X, part.y, part.seen, unseen=unseen, where=where)
    with expert.named_in_errors(where):
        raw = expert.scores(model, X, seen=part.seen, unseen=unseen)
        unit = expert.unit(model, part.X, part.seen)
    arrays = {"f": raw.f, "log_p": raw.log_p, "entropy": raw.entropy}
    return State({"unit": unit}, {k: v for k, v in arrays.items() if v is not None})


def _similarities(part: _Part, X: np.ndarray, *, scaling: str, dtype: str) -> State:
    found = fit_similarity(part.X, part.class_index, scaling=scaling, dtype=dtype)
    return State({}, {"similarity": found.of(X)})


def _taken_scores(fold: Dataset, state: State) -> tuple[RawScores, float]:
    """Return the scores and the unit in a state of _scored; one of DAMAGED if they misfit."""
    n, n_seen = len(fold.X_test), len(fold.seen_classes)
    raw, unit = RawScores(n_seen=n_seen, **state.arrays), state.header["unit"]
    shapes = {"f": (n, n_seen + len(fold.unseen_classes)), "log_p": (n, n_seen), "entropy": (n,)}
    for name, array in state.arrays.items():
        check_array(name, array, shapes[name], dtype=array.dtype)
    check_positive("unit", unit, dtype=np.dtype(float))
    return raw, unit


def _taken_similarity(fold: Dataset, state: State) -> np.ndarray:
    """Return the similarity in a state of _similarities; one of DAMAGED if it misfits."""
    found = state.arrays["similarity"]
    check_array("similarity", found, (len(fold.X_test),), dtype=found.dtype)
    return found


def _final(expert: Expert, part: _Part, plan: Plan, pieces: Pieces, piece: Piece) -> Any:
    """Return the expert trained on everything, or read from its checkpoint."""
    made = []

    def train() -> State:
        model = expert.fit(part.X, part.y, part.seen, unseen=plan.unseen, where=piece.where)
        made.append(model)
        return model_state(expert.name, model) if plan.checkpoint else State({}, {})

    def take(state: State) -> Any:
        return made[0] if made else model_from_state(state, like=expert.method)

    return pieces.do(piece, train, take)


def _features(
    folds: list[Fold], given: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[tuple[str, ...], list[float]]]:
    """Return the kinds of features, and H of each fold by the others' decision for each choice."""
    candidates = FEATURES if given is None else (given,)
    held_out = {kinds: held_out_h(folds, kinds) for kinds in candidates}
    mean = {kinds: float(np.mean(h)) for kinds, h in held_out.items()}
    simple = candidates[0]
    better = [kinds for kinds in candidates[1:] if mean[kinds] > mean[simple] + MARGIN]
    return max(better, key=lambda kinds: mean[kinds], default=simple), held_out


def _planned(
    training: TrainingSet, folds: list[Dataset], plan: Plan
) -> tuple[Pieces, list[dict[str, Piece]]]:
    """Return the pieces, and by name those of each fold and, last, those on everything."""
    top = repr((__version__, plan.seed, plan.dtype))
    data = fingerprint(top, training.X, training.y, as_views(training.prototypes))
    work = []
    for i, fold in enumerate(folds):
        rows, where = len(fold.y_train), f"fold {i + 1} of {len(folds)}"
        of_fold: dict[str, Piece] = {}
        for j, expert in enumerate(plan.experts):
            of_fold[expert.name] = Piece(
                file=f"fold{i}-expert{j}.npz",
                what=expert.name,
                where=where,
                rows=rows,
                fingerprint=fingerprint(data, where, _identity(expert)),
            )
        for scaling in plan.scalings:
            of_fold[_similarity(scaling)] = Piece(
                file=f"fold{i}-neighbours-{scaling}.npz",
                what=_similarity(scaling),
                where=where,
                rows=rows,
                fingerprint=fingerprint(data, where, scaling),
            )
        work.append(of_fold)
    final = {}
    for j, expert in enumerate(plan.experts):
        more = [] if expert.strict or plan.unseen is None else [dict(plan.unseen)]
        final[expert.name] = Piece(
            file=f"expert{j}.npz",
            what=expert.name,
            where=EVERYTHING,
            rows=len(training.y),
            fingerprint=fingerprint(data, EVERYTHING, _identity(expert), *more),
        )
    work.append(final)
    pieces = Pieces(
        [piece for part in work for piece in part.values()],
        memory_bytes=memory_bytes(training, folds, plan),
        callback=plan.callback,
        checkpoint=plan.checkpoint,
    )
    return pieces, work


def memory_bytes(training: TrainingSet, folds: list[Dataset], plan: Plan) -> int:
    """Return roughly how many bytes fit needs at most, beside the data that it was given."""
    (n, d), size = training.X.shape, np.dtype(plan.dtype).itemsize
    tests = sum(len(fold.y_test) for fold in folds)
    copies = n * d * (training.X.itemsize + size + 8)  # a fold's, scaled, and in float64
    square = 4 * d * d * 8  # closed forms and whitening
    scores = QUEUED * tests * len(plan.experts) * len(training.classes) * 8
    kept = len(plan.scalings) * (min(n, SAMPLE_ROWS) * d + d * d) * size
    return int(len(folds) * n * d * training.X.itemsize + copies + square + scores + kept)


def _similarity(scaling: str) -> str:
    return f"neighbours, {scaling}"


def _identity(expert: Expert) -> str:
    """Return a fingerprint of the class and of the parameters that change the result."""
    kind, params = type(expert.method), expert.method.get_params()
    kept = {k: v for k, v in params.items() if k not in ("threads", "callback")}
    name = kind.__module__, kind.__qualname__, expert.view
    return fingerprint(repr(name), *_whole(sorted(kept.items())))


def _whole(value: Any) -> Iterator[Any]:
    """Yield a parameter's parts for a fingerprint: repr would leave out values of long arrays."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | list | tuple):
        yield f"{type(value).__name__} of {len(value)}: "
        for part in value.items() if isinstance(value, dict) else value:
            yield from _whole(part)
    else:
        yield f"{value!r}, "
