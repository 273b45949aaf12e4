"""The files of a run folder; creating a run folder and locking it during training."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ..estimator import EntropySeparationGZSL
from ..storage.atomic_write import leftovers, sync_folder
from ..storage.checksums import write_text
from ..storage.locks import OF_0_1_0, OURS, FolderLock, refuse_held
from .config import read_source

MODEL, CONFIG, CURVES = "model.npz", "config.toml", "curves.csv"
TRIALS = "trials.csv"  # the trials of --preset auto
MANIFEST, METRICS = "manifest.json", "metrics.json"
CHECKPOINT, VSMM_CHECKPOINT = "checkpoints/gan.npz", "checkpoints/vsmm.npz"
WRITTEN = (CONFIG, TRIALS, CHECKPOINT, VSMM_CHECKPOINT, MODEL, CURVES, MANIFEST)  # by `train` only


def create_run(folder: Any, config: str) -> Path:
    """Create a run folder with a config.toml, complete or not at all, and return its path.

    Raises FileExistsError if it exists and OSError if it can't be created.
    """
    folder = Path(folder)
    exists = FileExistsError(
        f"the run folder {folder} exists; choose another --out, or continue it with "
        f"--resume {folder}"
    )
    if folder.exists():
        refuse_held(folder)
        raise exists
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        (aside / CHECKPOINT).parent.mkdir(parents=True)
        write_text(aside / CONFIG, config)
        for made in (aside / CHECKPOINT).parent, aside:
            sync_folder(made)
        os.rename(aside, folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if folder.exists():  # another process has just created it
            raise exists from None
        if error.filename is not None:
            error.filename = str(folder)
        raise
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return folder


def check_run(folder: Path) -> None:
    """Raise an error unless the folder has the config.toml of a run; nothing in it is changed.

    The error is FileNotFoundError if there is none, and ValueError if it isn't of a run.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; pass a run folder made by `train`")
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(
            f"{folder} is not a run: it has no {CONFIG}; pass a run folder made by `train`"
        )
    read_source(folder / CONFIG)


class RunLock(FolderLock):
    """Locks a run folder, and removes the incomplete files of a killed training."""

    ours = OURS, OF_0_1_0

    def __init__(self, folder: Path):
        """Raises FileNotFoundError for a missing folder, and the errors of FolderLock."""
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a folder; pass a run folder made by `train`")
        super().__init__(folder)
        for name in WRITTEN:  # only the process with the lock writes these
            for path in leftovers(folder / name):
                path.unlink(missing_ok=True)
        for path in leftovers(folder.absolute()):
            shutil.rmtree(path, ignore_errors=True)


def write_curves(path: Path, model: EntropySeparationGZSL) -> None:
    """Write curves.csv, with one row per look of the CWGAN and per epoch of the VSMM."""
    source = model.proxy_source_
    rows = [{"phase": "gan", **look._asdict()} for look in (source.looks if source else [])]
    rows += [{"phase": "vsmm", "epoch": i + 1, **h} for i, h in enumerate(model.history_)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(columns)]
    lines += [",".join(str(row.get(name, "")) for name in columns) for row in rows]
    write_text(path, "\n".join(lines) + "\n")
