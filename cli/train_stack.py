"""Training of preset "best", a StackedGZSL, in a run folder, for `tinygzsl train`."""

from dataclasses import dataclass
from typing import Any

from .signals import Stopping
from .train_run import Training


@dataclass(kw_only=True)
class StackTraining(Training):
    """Training of a StackedGZSL with its default experts, in pieces that each have a file."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the files whose checksums are in the manifest."""
        from ..runs.folder import CONFIG, MODEL

        return MODEL, CONFIG

    def config(self) -> str:
        """Return the text of config.toml, with what the folds have found as soon as it is known."""
        from ..runs.stack_config import stack_config_text

        model = self.model()
        top = {name: getattr(model, name) for name in ("seed", "device", "dtype")}
        found = self.params.get("fold_results")
        return stack_config_text({"preset": self.params["preset"], **top}, self.source, found)

    def model(self, **more: Any) -> Any:
        """Return the unfitted stack."""
        from ..stacking import StackedGZSL

        given = {k: v for k, v in self.params.items() if k not in ("preset", "fold_results")}
        return StackedGZSL(**given, **more)

    def fit(self, stopping: Stopping) -> Any:
        """Return the fitted model; finished pieces are read from their files."""
        from ..stacking import StackCheckpoint

        model = self.model(callback=stopping)
        X, prototypes = self.data.tables()
        model.fit(
            X,
            self.data.y,
            prototypes,
            fold_results=self.params.get("fold_results"),
            checkpoint=StackCheckpoint(self._pieces),
        )
        model.callback = None
        self.params = {**self.params, "fold_results": model.fold_results_}
        return model

    def described(self, model: Any) -> dict[str, Any]:
        """Return what the folds have found, for the manifest."""
        from ..runs.stack_config import sections

        return {
            "config": {"data": self.source, **sections(model.fold_results_)},
            "thresholds": None,
        }

    def write_curves(self, model: Any) -> None:
        """Write nothing: a stack has no curves."""

    def facts(self, model: Any) -> dict[str, Any]:
        """Return what the command prints: the experts' weights, and what the gate looks at."""
        found = model.decision_
        return {
            "strict": model.strict,
            "experts": [
                {"name": name, "seen_weight": v, "unseen_weight": w}
                for name, v, w in zip(
                    model.experts_, found.seen_weights, found.unseen_weights, strict=True
                )
            ],
            "features": list(found.gate.features),
            "held_out_h": {", ".join(kinds): h for kinds, h in model.held_out_h_.items()},
        }

    def kept(self) -> str:
        """Return "the finished pieces" if one has a file, else an empty text."""
        return "the finished pieces" if any(self._pieces.glob("[!.]*.npz")) else ""

    @property
    def _pieces(self) -> Any:
        from ..runs.folder import CHECKPOINT

        return (self.folder / CHECKPOINT).parent
