"""The fitted experts of a stack as arrays and a header, for its file and for checkpoints."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from ..baselines.methods import from_state
from ..datasets.array_checks import check_finite
from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..gates.learned import LearnedGate
from ..gates.panel import Decision
from ..runtime.backend import on_host
from ..runtime.checks import check_number, check_positive
from ..storage.arrays_file import State, part_of, put_together
from .experts import Expert, clone
from .loadable import check_loadable
from .scoring import Scorer
from .similarity import Similarity


def model_state(name: str, model: Any) -> State:
    """Return the state of a fitted expert, with arrays on the host.

    Raises ValueError for a method that load_model doesn't know.
    """
    check_loadable(f"the expert {name}", model)
    state = model.state()
    return State({"model": state.header}, on_host(state.arrays))


def model_from_state(state: State, *, like: Any = None, device: str | None = None) -> Any:
    """Return the fitted expert of a state; its class is that of `like`, or one of this package.

    Raises one of storage.arrays_file.DAMAGED if a part is missing or doesn't fit.
    """
    inner = State(state.header["model"], state.arrays)
    if like is not None:
        model = type(like).from_state(inner)
        return model.set_params(threads=like.threads)
    if inner.header["kind"] == "baseline":
        return from_state(inner)
    return EntropySeparationGZSL.from_state(inner, device)


def scorer_state(scorer: Scorer) -> State:
    """Return all that the scorer is made of; ValueError if an expert can't be saved."""
    header = {
        "experts": [[expert.name, expert.view] for expert in scorer.experts],
        "views": list(scorer.seen),
        "units": scorer.units,
        "scalings": list(scorer.similarities),
    }
    views = {f"view{i}": State({}, {"a": a}) for i, a in enumerate(scorer.seen.values())}
    models = {
        f"expert{i}": model_state(name, model)
        for i, (name, model) in enumerate(scorer.models.items())
    }
    near = {f"near{i}": s.state() for i, s in enumerate(scorer.similarities.values())}
    return put_together(header, **views, **models, **near)


def scorer_from_state(state: State, *, device: str, dtype: str) -> Scorer:
    """Return the scorer that scorer_state described, its parts checked to fit together.

    Raises one of storage.arrays_file.DAMAGED if a part is missing or doesn't fit.
    """
    header, models, experts = state.header, {}, []
    views = {view: part_of(state, f"view{i}").arrays["a"] for i, view in enumerate(header["views"])}
    for i, (name, view) in enumerate(header["experts"]):
        models[name] = model_from_state(part_of(state, f"expert{i}"), device=device)
        experts.append(Expert(name=name, view=view, method=clone(models[name])))
    d = models[experts[0].name].n_features_in_
    near = {
        scaling: Similarity.from_state(part_of(state, f"near{i}"), d=d, dtype=np.dtype(dtype))
        for i, scaling in enumerate(header["scalings"])
    }
    scorer = Scorer(
        experts=experts, models=models, units=header["units"], seen=views, similarities=near
    )
    _check_parts(scorer)
    return scorer


def decision_from_header(values: dict[str, Any], *, n_experts: int) -> Decision:
    """Return the decision of a header; ValueError unless it is finite and for that many experts."""
    gate: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in values["gate"].items()
    }
    found = Decision(
        seen_weights=tuple(values["seen_weights"]),
        unseen_weights=tuple(values["unseen_weights"]),
        gate=LearnedGate(**gate),
    )
    weights, g = (found.seen_weights, found.unseen_weights), found.gate
    of_features = g.means, g.deviations, g.weights
    for number in chain(*weights, *of_features, (g.intercept, g.kappa, g.offset)):
        check_number("a number of the decision", number)
    if {len(w) for w in weights} != {n_experts}:
        raise InputError(f"the decision is not for {n_experts} experts")
    if {len(numbers) for numbers in of_features} != {len(g.features)}:
        raise InputError(f"the gate is not for {len(g.features)} features")
    return found


def _check_parts(scorer: Scorer) -> None:
    first = scorer.models[scorer.experts[0].name]
    for expert in scorer.experts:
        name, model, a = expert.name, scorer.models[expert.name], scorer.seen[expert.view]
        if not np.array_equal(model.classes_, first.classes_) or len(a) != len(first.classes_):
            raise InputError(f"the expert {name} is of other classes")
        if model.n_features_in_ != first.n_features_in_:
            raise InputError(f"the expert {name} is of other features")
        check_finite("seen_prototypes", a)
        check_positive(f"the unit of {name}", scorer.units[name], dtype=np.dtype(float))
