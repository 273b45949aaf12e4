"""Training in a run folder, with checkpoints, for `tinygzsl train`."""

import time
import tomllib
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .common import note
from .progress import Progress
from .signals import Stopped, Stopping


@dataclass(kw_only=True)
class Training:
    """A training and its run folder.

    data is a TrainingSet, read from `files` by load_dataset(**source), params are the estimator's
    parameters, seconds is the time between checkpoints, and `again` the command that resumes.
    """

    data: Any
    files: list[Any]
    params: dict[str, Any]
    source: dict[str, Any]
    folder: Path
    seconds: float
    resumed: bool
    again: str

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arrays for fit: X (n, d), y (n,) and prototypes (S, k)."""
        return self.data.X, self.data.y, self.data.prototypes

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

    def begin_vsmm(self, anew: bool) -> None:
        """Write the settings, which --set may have changed, now that the CWGAN is complete."""
        from ..runs.folder import CONFIG, MANIFEST
        from ..storage.checksums import write_text

        if anew:
            note("note: the VSMM's checkpoint has other settings, so the VSMM is trained again")
        if self.resumed:
            (self.folder / MANIFEST).unlink(missing_ok=True)  # it belongs to the previous settings
            write_text(self.folder / CONFIG, self.config())

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


def run(training: Training, held) -> dict[str, Any]:
    """Start or resume training in a folder that this process has locked; return the facts to print.

    After a failure a folder without a checkpoint is removed.
    """
    with Progress() as progress, Stopping(progress) as stopping:
        try:
            return _finished(training) or _train(training, stopping)
        except KeyboardInterrupt as error:
            progress.close()
            note(f"{_stopped(training)}: {training.again}")
            raise Stopped(stopping.number) if stopping.asked() else error from None
        except Exception as error:
            progress.close()
            _leave(training, held, error)
            raise


def _finished(training: Training) -> dict[str, Any] | None:
    """Return the facts of a run that is finished with these settings and data, else None."""
    from .. import load_model
    from ..runs.folder import CONFIG, CURVES, MANIFEST, MODEL
    from ..runs.manifest import read_manifest
    from ..storage.checksums import file_sha256, fingerprint

    folder = training.folder
    if not (training.resumed and (folder / MANIFEST).is_file()):
        return None
    try:
        manifest = read_manifest(folder)
        for name in (MODEL, CONFIG, CURVES):
            if file_sha256(folder / name) != manifest["outputs"][name]:
                return None
        if manifest["training_sha256"] != fingerprint(*training.arrays):
            return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # missing or damaged: train again
        return None
    kept, mine = (folder / CONFIG).read_text(encoding="utf-8"), training.config()
    if tomllib.loads(kept) != tomllib.loads(mine):  # 0.1.0 wrote it without comments
        return None
    note(f"{folder} is finished; nothing is left to train")
    return _facts(folder, manifest, load_model(folder / MODEL, "cpu"))


def _train(training: Training, stopping: Stopping) -> dict[str, Any]:
    from ..checkpoints import (
        Checkpoints,
        GanCheckpoint,
        VsmmCheckpoint,
        gan_settings,
        vsmm_settings,
    )
    from ..runs.folder import CHECKPOINT, VSMM_CHECKPOINT
    from ..storage.checksums import fingerprint

    started, clock = datetime.now(UTC), time.monotonic()
    if training.params["preset"] == "auto":
        _search(training, stopping)
    model, settings = training.model()
    arrays, folder = training.arrays, training.folder
    data = fingerprint(*arrays)
    of_gan = fingerprint(*arrays, gan_settings(settings), model.seed, model.dtype)
    of_vsmm = fingerprint(data, vsmm_settings(settings), model.seed, model.dtype)
    (folder / CHECKPOINT).parent.mkdir(exist_ok=True)
    seconds, asked = training.seconds, stopping.asked
    gan = GanCheckpoint(folder / CHECKPOINT, of_gan, seconds, asked)
    vsmm = VsmmCheckpoint(folder / VSMM_CHECKPOINT, of_vsmm, seconds, asked)
    vsmm.began = training.begin_vsmm
    checkpoints = Checkpoints(gan, vsmm)
    model.callback = stopping
    seen = training.data
    model.fit(seen.X, seen.y, seen.prototypes, checkpoint=checkpoints)
    model.callback = None
    return _write_results(
        training, model, training_sha256=data, started=started, seconds=time.monotonic() - clock
    )


def _search(training: Training, stopping: Stopping) -> None:
    """Replace preset "auto" by the settings that validation finds, also in the run folder.

    A resumed run then needs no search.
    """
    from .. import EntropySeparationGZSL
    from ..runs.folder import CONFIG, TRIALS
    from ..storage.checksums import write_text
    from ..tuning.auto import tuned
    from ..tuning.tune import trials_csv

    if training.resumed:
        note("note: the search for settings was not finished, so it starts again")
    model = EntropySeparationGZSL(**training.params, callback=stopping)
    found = tuned(training.data, model.get_params())
    training.params = {**training.params, **found.settings, "preset": found.preset}
    write_text(training.folder / TRIALS, trials_csv(found.search.trials))
    write_text(training.folder / CONFIG, training.config())


def _write_results(training, model, *, training_sha256, started, seconds):
    """Write all results, and the manifest last: a run with a manifest is finished."""
    from ..gates.units import thresholds
    from ..runs.folder import CONFIG, CURVES, MANIFEST, MODEL, write_curves
    from ..runs.manifest import environment
    from ..storage.checksums import file_sha256, write_json, write_text

    folder = training.folder
    (folder / MANIFEST).unlink(missing_ok=True)  # of other settings, if the run was finished
    write_text(folder / CONFIG, training.config())
    write_curves(folder / CURVES, model)
    model.save(folder / MODEL)
    manifest = {
        **environment(model.device),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "seed": model.seed,
        "device": model.device,
        "dtype": model.dtype,
        "preset": model.preset,
        "config": {"data": training.source, **model.settings_.sections()},
        "thresholds": thresholds(model.routing_, model.entropy_scale_),
        "inputs": {str(path): file_sha256(path) for path in training.files},
        "training_sha256": training_sha256,
        "outputs": {name: file_sha256(folder / name) for name in (MODEL, CONFIG, CURVES)},
    }
    write_json(folder / MANIFEST, manifest)
    return _facts(folder, manifest, model)


def _facts(folder, manifest, model):
    chosen = model.proxy_source_
    return {
        "run": str(folder),
        "seconds": manifest["seconds"],
        "model_sha256": manifest["outputs"]["model.npz"],
        "thresholds": manifest["thresholds"],
        "cs_reference": chosen and chosen.reference,
        "snapshots": [s.look._asdict() for s in chosen.snapshots] if chosen else [],
        "last_epoch": model.history_[-1],
    }


def _checkpoints(folder):
    from ..runs.folder import CHECKPOINT, VSMM_CHECKPOINT

    return [name for name in (CHECKPOINT, VSMM_CHECKPOINT) if (folder / name).exists()]


def _stopped(training):
    if _checkpoints(training.folder):
        return "stopped; continue with"
    if training.params["preset"] == "auto":
        return "stopped in the search for settings, which has no checkpoints; start it again with"
    return "stopped before the first checkpoint; start again with"


def _leave(training, held, error):
    """After a failure, print advice, or remove the folder if the run has no checkpoint yet."""
    from ..runs.folder import CHECKPOINT, CONFIG, TRIALS

    folder, kept = training.folder, _checkpoints(training.folder)
    advice = kept and _advice(training, error)
    if advice:
        what = "CWGAN" if CHECKPOINT in kept else "VSMM"
        note(f"kept the {what}: {advice}")
    if not kept and not training.resumed:
        held.release()
        with suppress(OSError):
            for name in (CONFIG, TRIALS):
                (folder / name).unlink(missing_ok=True)
            (folder / CHECKPOINT).parent.rmdir()
            folder.rmdir()


def _advice(training, error):
    """Return how the run can be continued after that error, or None."""
    resume = f"tinygzsl train --resume {training.folder}"
    if training.params.get("device") == "cuda" and isinstance(error, MemoryError | RuntimeError):
        return f"{resume} --device cpu continues"
    if isinstance(error, FloatingPointError):
        if str(error).startswith("the VSMM"):
            return f"{resume} --set vsmm.lr=RATE trains the VSMM with a lower rate"
        config = f"tinygzsl train --config {training.folder / 'config.toml'}"
        return f"{config} --set gan.lr=RATE --out NEW trains again with a lower rate"
    if isinstance(error, OSError | MemoryError):
        return f"{resume} continues"
    if "no snapshot has" in str(error):
        return f"{resume} --set gan.max_epochs=N continues"
    return None  # the error says what to do
