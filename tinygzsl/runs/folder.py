"""The files of a run folder, making one, and holding it while one trains in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ..estimator import EntropySeparationGZSL
from ..storage.atomic_write import leftovers, sync_folder
from ..storage.checksums import write_text
from ..storage.locks import LOCK, FolderLock

MODEL, CONFIG, CURVES = "model.npz", "config.toml", "curves.csv"
TRIALS = "trials.csv"  # of the search of --preset auto
MANIFEST, METRICS = "manifest.json", "metrics.json"
CHECKPOINT, VSMM_CHECKPOINT = "checkpoints/gan.npz", "checkpoints/vsmm.npz"
WRITTEN = (CONFIG, TRIALS, CHECKPOINT, VSMM_CHECKPOINT, MODEL, CURVES, MANIFEST)  # by `train` alone


def create_run(folder: Any, config: str) -> Path:
    """Make the run folder with that config.toml in it: it is there whole or not at all.

    Raises FileExistsError if it is there already and OSError if it can't be made.
    """
    folder = Path(folder)
    exists = FileExistsError(
        f"the run folder {folder} exists; choose another --out, or continue it with "
        f"--resume {folder}"
    )
    if folder.exists():
        if (folder / LOCK).exists():
            FolderLock(folder).release()  # says which process holds it, if one does
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
        if folder.exists():  # another process was faster
            raise exists from None
        if error.filename is not None:
            error.filename = str(folder)
        raise
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return folder


class RunLock(FolderLock):
    """Holds a run folder, and removes what a killed training left half-written in it."""

    def __init__(self, folder: Path):
        """Raises FileNotFoundError if there is no folder, and what FolderLock does."""
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder; pass a run folder that `train` made")
        super().__init__(folder)
        for name in WRITTEN:  # only who holds the lock writes these
            for path in leftovers(folder / name):
                path.unlink(missing_ok=True)
        for path in leftovers(folder.absolute()):
            shutil.rmtree(path, ignore_errors=True)


def write_curves(path: Path, model: EntropySeparationGZSL) -> None:
    """curves.csv: one row per look of the CWGAN and per epoch of the VSMM."""
    source = model.proxy_source_
    rows = [{"phase": "gan", **look._asdict()} for look in (source.looks if source else [])]
    rows += [{"phase": "vsmm", "epoch": i + 1, **h} for i, h in enumerate(model.history_)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(columns)]
    lines += [",".join(str(row.get(name, "")) for name in columns) for row in rows]
    write_text(path, "\n".join(lines) + "\n")
