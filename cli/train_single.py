"""Training an EntropySeparationGZSL in a run folder, for `tinygzsl train`."""

from dataclasses import asdict, dataclass
from typing import Any

from .common import note
from .signals import Stopping
from .train_run import Training


@dataclass(kw_only=True)
class SingleTraining(Training):
    """Training of an EntropySeparationGZSL, with checkpoints of its CWGAN and its VSMM."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the files whose checksums are in the manifest."""
        from ..runs.folder import CONFIG, CURVES, MODEL

        return MODEL, CONFIG, CURVES

    def config(self) -> str:
        """Return the text of config.toml: all settings.

        With preset "auto" it has only the given settings, as the search chooses the others.
        """
        from ..runs.config import config_text
        from ..settings import given_settings

        model, settings = self.model()
        top = {name: getattr(model, name) for name in ("preset", "seed", "device", "dtype")}
        given = set(given_settings(model.get_params()))
        return config_text(
            top, self.source, settings, only=given if model.preset == "auto" else None
        )

    def model(self) -> tuple[Any, ...]:
        """Return the unfitted estimator and its settings.

        All settings are passed to it, so that a run that is resumed from its config.toml ends with
        the same model file.
        """
        from .. import EntropySeparationGZSL
        from ..settings import given_settings, settings_for

        model = EntropySeparationGZSL(**self.params)
        settings = settings_for(model.preset, given_settings(model.get_params()))
        if model.preset != "auto":
            model.set_params(**asdict(settings))
        return model, settings

    def fit(self, stopping: Stopping) -> Any:
        """Return the fitted model, from checkpoints where there are some."""
        from ..checkpoints import (
            Checkpoints,
            GanCheckpoint,
            VsmmCheckpoint,
            gan_settings,
            vsmm_settings,
        )
        from ..runs.folder import CHECKPOINT, VSMM_CHECKPOINT
        from ..storage.checksums import fingerprint

        self._choose(stopping)
        model, settings = self.model()
        arrays, folder = self.arrays, self.folder
        of_gan = fingerprint(*arrays, gan_settings(settings), model.seed, model.dtype)
        of_vsmm = fingerprint(
            fingerprint(*arrays), vsmm_settings(settings), model.seed, model.dtype
        )
        (folder / CHECKPOINT).parent.mkdir(exist_ok=True)
        gan = GanCheckpoint(folder / CHECKPOINT, of_gan, self.seconds, stopping.asked)
        vsmm = VsmmCheckpoint(folder / VSMM_CHECKPOINT, of_vsmm, self.seconds, stopping.asked)
        vsmm.began = self._begin_vsmm
        model.callback = stopping
        seen = self.data
        X, prototypes = seen.tables()
        model.fit(X, seen.y, prototypes, checkpoint=Checkpoints(gan, vsmm))
        model.callback = None
        return model

    def _choose(self, stopping: Stopping) -> None:
        """Have validation choose what is open: the settings, or the numbers of the learned gate.

        They are written to the run folder, so that a resumed run has them.
        """
        from ..runs.folder import CONFIG
        from ..storage.checksums import write_text

        before = self.params
        if before["preset"] == "auto":
            self._search(stopping)
        else:
            self._fit_gate(stopping)
        if self.params != before:
            write_text(self.folder / CONFIG, self.config())

    def _search(self, stopping: Stopping) -> None:
        """Replace preset "auto" by the settings that validation finds."""
        from .. import EntropySeparationGZSL
        from ..runs.folder import TRIALS
        from ..storage.checksums import write_text
        from ..tuning.auto import tuned
        from ..tuning.tune import trials_csv

        if self.resumed:
            note("note: the search for settings was not finished, so it starts again")
        model = EntropySeparationGZSL(**self.params, callback=stopping)
        found = tuned(self.data, model.get_params())
        self.params = {**self.params, **found.settings, "preset": found.preset}
        write_text(self.folder / TRIALS, trials_csv(found.search.trials))

    def _fit_gate(self, stopping: Stopping) -> None:
        """Add the numbers of the learned gate to the settings, unless they are there."""
        from ..tuning.learned_gate import fitted_numbers, is_to_be_fitted

        model, settings = self.model()
        if self.resumed and is_to_be_fitted(settings):
            note("note: the gate was not fitted to the end, so its folds start again")
        model.callback = stopping
        self.params = {**self.params, **fitted_numbers(self.data, model.get_params())}

    def _begin_vsmm(self, anew: bool) -> None:
        """Write the settings, which --set may have changed, now that the CWGAN is complete."""
        from ..runs.folder import CONFIG, MANIFEST
        from ..storage.checksums import write_text

        if anew:
            note("note: the VSMM's checkpoint has other settings, so the VSMM is trained again")
        if self.resumed:
            (self.folder / MANIFEST).unlink(missing_ok=True)  # of the previous settings
            write_text(self.folder / CONFIG, self.config())

    def write_curves(self, model: Any) -> None:
        """Write curves.csv."""
        from ..runs.folder import CURVES, write_curves

        write_curves(self.folder / CURVES, model)

    def described(self, model: Any) -> dict[str, Any]:
        """Return the settings and the thresholds, for the manifest."""
        from ..gates.units import thresholds

        return {
            "config": {"data": self.source, **model.settings_.sections()},
            "thresholds": thresholds(model.routing_, model.entropy_scale_),
        }

    def facts(self, model: Any) -> dict[str, Any]:
        """Return what the command prints: the chosen looks, a learned gate and the last losses."""
        chosen, learned = model.proxy_source_, model.settings_.router_gate == "learned"
        return {
            "cs_reference": chosen and chosen.reference,
            "snapshots": [s.look._asdict() for s in chosen.snapshots] if chosen else [],
            "gate": asdict(model.decision_.gate) if learned else None,
            "last_epoch": model.history_[-1],
        }

    def kept(self) -> str:
        """Return the network that has a checkpoint, as text; empty if none has."""
        from ..runs.folder import CHECKPOINT, VSMM_CHECKPOINT

        names = {CHECKPOINT: "the CWGAN", VSMM_CHECKPOINT: "the VSMM"}
        return next((text for name, text in names.items() if (self.folder / name).exists()), "")

    def stopped(self) -> str:
        """Return what to say before `again` if the user has stopped the training."""
        from ..tuning.learned_gate import is_to_be_fitted

        if self.kept():
            return super().stopped()
        if self.params["preset"] == "auto":
            where = "in the search for settings, which"
        elif is_to_be_fitted(self.model()[1]):
            where = "in the fit of the gate, which"
        else:
            return super().stopped()
        return f"stopped {where} has no checkpoints; start it again with"

    def advice(self, error: Exception) -> str | None:
        """Return how the run can be continued after that error, or None."""
        from ..snapshots import NoSnapshotError
        from ..vsmm import VSMMDivergedError

        if self.params.get("device") == "cuda" and isinstance(error, MemoryError | RuntimeError):
            return f"{self.resume} --device cpu continues"
        if isinstance(error, FloatingPointError):
            if isinstance(error, VSMMDivergedError):
                return f"{self.resume} --set vsmm.lr=RATE trains the VSMM with a lower rate"
            config = f"tinygzsl train --config {self.folder / 'config.toml'}"
            return f"{config} --set gan.lr=RATE --out NEW trains again with a lower rate"
        if isinstance(error, NoSnapshotError):
            return f"{self.resume} --set gan.max_epochs=N continues"
        return super().advice(error)
