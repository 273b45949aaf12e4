"""manifest.json of a run folder: what a result may depend on, and checksums of what went in and
came out.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from ..runtime.backend import cuda_facts
from ..runtime.threads import current
from ..storage.checksums import file_sha256, read_json
from ..version import __version__
from .folder import MANIFEST, MODEL


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `train` says of its run. Raises FileNotFoundError, or ValueError if it is damaged."""
    return read_json(folder / MANIFEST, "train again")


def check_model_file(folder: Path) -> None:
    """ValueError if a run folder's model is not the one that its manifest was written for, or if
    there is no manifest: it is the last that `train` writes.
    """
    if folder.is_dir() and not (folder / MANIFEST).exists():
        raise ValueError(
            f"{folder} has no {MANIFEST}, so its run is not finished; `tinygzsl train --resume "
            f"{folder}` goes on with it"
        )
    outputs = read_manifest(folder).get("outputs")
    if not isinstance(outputs, dict) or outputs.get(MODEL) != file_sha256(folder / MODEL):
        raise ValueError(
            f"{folder / MODEL} is not the model that {MANIFEST} lists, so it is of another run or "
            f"the run was stopped: put the right one back, or `tinygzsl train --resume {folder}`"
        )


def environment(device: str = "cpu") -> dict[str, Any]:
    """Versions, platform, cores and threads, and the GPU if that is the device: what a result may
    depend on.
    """
    versions = {"tinygzsl": __version__, "python": platform.python_version()}
    for name in ("numpy", "scipy", "numba"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    gpu = {}
    if device == "cuda":
        _, facts = cuda_facts()
        versions["cupy"] = facts.get("cupy")
        gpu = {"gpu": {k: v for k, v in facts.items() if k not in ("cupy", "memory_free")}}
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        "versions": versions,
        "commit": _commit(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": current().count,
        "thread_variables": {name: os.environ[name] for name in variables if name in os.environ},
        **gpu,
    }


def _commit() -> str | None:
    """The commit of the checkout the package runs from; None for an installed copy."""
    git = Path(__file__).parents[2] / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        loose, packed = git / head[5:], git / "packed-refs"
        if loose.is_file():
            return loose.read_text().strip()
        refs = dict(reversed(line.split(" ", 1)) for line in packed.read_text().splitlines()[1:])
        return refs.get(head[5:])
    except (OSError, ValueError):
        return None
