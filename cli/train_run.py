"""Training in a run folder: what every kind of model has in common, for `tinygzsl train`."""

import time
import tomllib
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .common import note
from .progress import Progress
from .signals import Stopped, Stopping


@dataclass(kw_only=True)
class Training(ABC):
    """A training and its run folder; the classes derived from it train one kind of model.

    data is a TrainingSet, read from `files` by load_dataset(**source), params are the model's
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
        """The arrays for fit: X (n, d), y (n,) and prototypes (S, k), or a dict of them."""
        return self.data.X, self.data.y, self.data.prototypes

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """The names of the files whose checksums are in the manifest."""

    @abstractmethod
    def config(self) -> str:
        """Return the text of config.toml: all that the run can be repeated from."""

    @abstractmethod
    def fit(self, stopping: Stopping) -> Any:
        """Return the fitted model, from checkpoints where there are some.

        What the fit has chosen is in params afterwards, so that config() has it.
        """

    @abstractmethod
    def write_curves(self, model: Any) -> None:
        """Write curves.csv, if there are curves."""

    @abstractmethod
    def described(self, model: Any) -> dict[str, Any]:
        """Return the parts of the manifest about the model: "config" and "thresholds"."""

    @abstractmethod
    def facts(self, model: Any) -> dict[str, Any]:
        """Return what the command prints about the model."""

    @abstractmethod
    def kept(self) -> str:
        """Return what of the work is in checkpoints, as text; empty if nothing is."""

    def stopped(self) -> str:
        """Return what to say before `again` if the user has stopped the training."""
        if self.kept():
            return "stopped; continue with"
        return "stopped before the first checkpoint; start again with"

    def advice(self, error: Exception) -> str | None:
        """Return how the run can be continued after that error, None if the error says it."""
        if isinstance(error, OSError | MemoryError):
            return f"{self.resume} continues"
        return None

    @property
    def resume(self) -> str:
        """The command that resumes without other settings."""
        return f"tinygzsl train --resume {self.folder}"


def run(training: Training, held) -> dict[str, Any]:
    """Start or resume training in a folder that this process has locked; return the facts to print.

    After a failure a folder without a checkpoint is removed.
    """
    with Progress() as progress, Stopping(progress) as stopping:
        try:
            return _finished(training) or _train(training, stopping)
        except KeyboardInterrupt as error:
            progress.close()
            note(f"{training.stopped()}: {training.again}")
            raise Stopped(stopping.number) if stopping.asked() else error from None
        except Exception as error:
            progress.close()
            _leave(training, held, error)
            raise


def _finished(training: Training) -> dict[str, Any] | None:
    """Return the facts of a run that is finished with these settings and data, else None."""
    from .. import load_model
    from ..runs.folder import CONFIG, MANIFEST, MODEL
    from ..runs.manifest import read_manifest
    from ..storage.checksums import file_sha256, fingerprint

    folder = training.folder
    if not (training.resumed and (folder / MANIFEST).is_file()):
        return None
    try:
        manifest = read_manifest(folder)
        for name in training.outputs:
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
    return _facts(training, manifest, load_model(folder / MODEL, "cpu"))


def _train(training: Training, stopping: Stopping) -> dict[str, Any]:
    started, clock = datetime.now(UTC), time.monotonic()
    model = training.fit(stopping)
    return _write_results(training, model, started=started, seconds=time.monotonic() - clock)


def _write_results(training, model, *, started, seconds):
    """Write all results, and the manifest last: a run with a manifest is finished."""
    from ..runs.folder import CONFIG, MANIFEST, MODEL
    from ..runs.manifest import environment
    from ..storage.checksums import file_sha256, fingerprint, write_json, write_text

    folder = training.folder
    (folder / MANIFEST).unlink(missing_ok=True)  # of other settings, if the run was finished
    write_text(folder / CONFIG, training.config())
    training.write_curves(model)
    if (folder / MODEL).is_symlink():  # `save` follows links, which here may lead out of the run
        (folder / MODEL).unlink()
    model.save(folder / MODEL)
    manifest = {
        **environment(model.device),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "seed": model.seed,
        "device": model.device,
        "dtype": model.dtype,
        "preset": training.params["preset"],
        **training.described(model),
        "inputs": {str(path): file_sha256(path) for path in training.files},
        "training_sha256": fingerprint(*training.arrays),
        "outputs": {name: file_sha256(folder / name) for name in training.outputs},
    }
    write_json(folder / MANIFEST, manifest)
    return _facts(training, manifest, model)


def _facts(training, manifest, model):
    return {
        "run": str(training.folder),
        "seconds": manifest["seconds"],
        "model_sha256": manifest["outputs"]["model.npz"],
        "thresholds": manifest["thresholds"],
        **training.facts(model),
    }


def _leave(training, held, error):
    """After a failure, print advice, or remove the folder if the run has no checkpoint yet."""
    from ..runs.folder import CHECKPOINT, CONFIG, TRIALS

    folder, kept = training.folder, training.kept()
    advice = kept and training.advice(error)
    if advice:
        note(f"kept {kept}: {advice}")
    if not kept and not training.resumed:
        held.release()
        with suppress(OSError):
            for name in (CONFIG, TRIALS):
                (folder / name).unlink(missing_ok=True)
            (folder / CHECKPOINT).parent.rmdir()
            folder.rmdir()
