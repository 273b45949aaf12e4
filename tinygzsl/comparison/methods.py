"""What can be a row: a baseline, a model with a gate of its own, a class of a user.

A model with a gate of its own takes one entry of GATED. It is measured as it is: without an offset,
and not behind another router.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..baselines.methods import DETERMINISTIC, method, n_parameters
from ..datasets import Dataset
from ..estimator import EntropySeparationGZSL
from ..evaluation import evaluate
from ..settings import BEST
from ..stacking.stack import StackedGZSL
from .chosen import OURS


class Evaluated(NamedTuple):
    """The figures of a fitted model on test samples, by name, and their labels (t,)."""

    figures: dict[str, Any]
    label: np.ndarray


def evaluated(model: Any, data: Dataset) -> Evaluated:
    """Return the figures and labels of a fitted model of this library."""
    label = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    return Evaluated(evaluate(model, data), label)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of the comparison.

    Parameters
    ----------
    name, title : str
        Its name in row files and in tables.
    section : str
        Its name in settings files.
    kind : callable
        kind(**params, seed=..., callback=...) is an unfitted model. What --tune can search has
        `title` and `grid` too.
    strict : bool
        Whether its training uses nothing of unseen classes.
    has_seed : bool
        Whether it draws random numbers; if not, one seed is enough.
    has_gate : bool
        Whether it decides between seen and unseen itself.
    has_scores : bool
        Whether it scores classes, as an offset and the router in front need.
    facts : dict
        Further columns of its rows, by which rows of another version are told.
    evaluate : callable
        evaluate(model, data) returns Evaluated.
    n_parameters : callable
        n_parameters(model) is the number of trained parameters, None if it is unknown.
    """

    name: str
    title: str
    section: str
    kind: Callable[..., Any]
    strict: bool = True
    has_seed: bool = True
    has_gate: bool = False
    has_scores: bool = True
    facts: dict[str, Any] = field(default_factory=dict)
    evaluate: Callable[[Any, Dataset], Evaluated] = evaluated
    n_parameters: Callable[[Any], int | None]

    @property
    def takes_offset(self) -> bool:
        """Whether there are a calibrated result and a row behind the router."""
        return self.has_scores and not self.has_gate


def router_parameters(model: EntropySeparationGZSL) -> int:
    """Return how many trained numbers predict uses.

    They are those of the VSMM without its decoder g. CWGAN and PTC are used in training only.
    """
    networks = model.vsmm_.networks.items()
    return sum(p.size for name, network in networks if name != "g" for p in network.params)


def stack_parameters(model: StackedGZSL) -> int:
    """Return how many trained numbers predict uses: those of the experts and of the decision."""
    sizes = [
        router_parameters(expert)
        if isinstance(expert, EntropySeparationGZSL)
        else n_parameters(expert)
        for expert in model.experts_.values()
    ]
    decision = model.decision_
    gate = 3 + 3 * len(decision.gate.features)  # with the means and deviations of the features
    return sum(sizes) + len(decision.seen_weights) + len(decision.unseen_weights) + gate


GATED = {
    OURS: Method(
        name=OURS,
        title="EntropySeparationGZSL",
        section=OURS,
        kind=EntropySeparationGZSL,
        has_gate=True,
        n_parameters=router_parameters,
    ),
    BEST: Method(
        name=BEST,
        title="StackedGZSL",
        section=BEST,
        kind=StackedGZSL,
        has_gate=True,
        n_parameters=stack_parameters,
    ),
}


def find(name: str, own: Mapping[str, Method] | None = None) -> Method:
    """Return the method of that name in rows: one of `own`, of GATED, or a baseline's class."""
    if own and name in own:
        return own[name]
    return GATED[name] if name in GATED else _baseline(name)


def _baseline(name: str) -> Method:
    kind = method(name)
    return Method(
        name=name,
        title=kind.title,
        section=name,
        kind=kind,
        strict=kind.strict,
        has_seed=name not in DETERMINISTIC,
        n_parameters=n_parameters,
    )
