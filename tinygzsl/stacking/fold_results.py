"""What the folds of a stack's fit find. With it, another fit needs no folds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..gates.panel import Decision, feature_name
from ..runtime.checks import check_number
from ..text import quoted
from .experts import Expert
from .files import decision_from_header

WITHOUT = (
    "fit without fold_results, or leave the sections decision, gate and held_out_h out of the "
    "config file"
)


@dataclass(frozen=True, kw_only=True)
class FoldResults:
    """What the folds have found.

    experts are their names, in the order of the decision's weights. held_out has, for features that
    were tried, H of each fold by the decision of the others, and fold_unseen the number of
    pseudo-unseen classes of each fold.
    """

    experts: tuple[str, ...]
    decision: Decision
    held_out: dict[tuple[str, ...], list[float]]
    fold_unseen: tuple[int, ...]

    def header(self) -> dict[str, Any]:
        """Return it ready for JSON, without the names of the experts."""
        return {
            "decision": asdict(self.decision),
            "held_out_h": [[kinds, h] for kinds, h in self.held_out.items()],
            "fold_unseen": self.fold_unseen,
        }

    @classmethod
    def from_header(cls, header: dict[str, Any], experts: Iterable[str]) -> FoldResults:
        """Return what `header` described, of the experts of these names.

        Raises one of storage.arrays_file.DAMAGED if a part is missing or doesn't fit.
        """
        names, fold_unseen = tuple(experts), tuple(header["fold_unseen"])
        held_out = {tuple(kinds): list(h) for kinds, h in header["held_out_h"]}
        for number in chain(fold_unseen, *held_out.values()):
            check_number("a number of the folds", number)
        if not all(isinstance(name, str) for name in names):
            raise InputError("a name of an expert is no text")
        decision = decision_from_header(header["decision"], n_experts=len(names))
        if not all(deviation > 0 for deviation in decision.gate.deviations):
            raise InputError("a deviation of the gate's features is not above 0")
        if decision.gate.kappa <= 0:
            raise InputError(f"kappa of the gate is {decision.gate.kappa}, not above 0")
        return cls(
            experts=names,
            decision=decision,
            held_out=held_out,
            fold_unseen=fold_unseen,
        )

    def check(self, experts: list[Expert]) -> None:
        """ValueError unless it is of these experts, and its gate looks at what they have."""
        names = tuple(expert.name for expert in experts)
        if self.experts != names:
            raise InputError(
                f"fold_results are of the experts {', '.join(self.experts)}, but these are "
                f"{', '.join(names)}; {WITHOUT}"
            )
        scalings = [expert.scaling for expert in experts if expert.scaling is not None]
        unknown = self.unknown_feature(experts, scalings)
        if unknown is not None:
            raise InputError(
                f"the gate of fold_results looks at {quoted(unknown)}, which these experts don't "
                f"have; {WITHOUT}"
            )

    def unknown_feature(self, experts: list[Expert], scalings: Iterable[str]) -> str | None:
        """Return the first feature of the gate that there isn't with these experts, or None.

        scalings are those for which there are similarities to training samples.
        """
        known = {feature_name("neighbours", scaling) for scaling in scalings}
        for expert in experts:
            known.add(feature_name("gap", expert.name))
            if isinstance(expert.method, EntropySeparationGZSL):
                known.add(feature_name("entropy", expert.name))
        return next((name for name in self.decision.gate.features if name not in known), None)

    @property
    def near(self) -> bool:
        """Whether the gate looks at similarities to training samples."""
        return any(name.startswith("neighbours") for name in self.decision.gate.features)
