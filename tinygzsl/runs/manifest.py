"""manifest.json of a run folder: the run's environment, and checksums of inputs and outputs."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..runtime.backend import cuda_facts
from ..runtime.threads import current
from ..storage.checksums import file_sha256, read_json
from ..version import __version__
from .folder import MANIFEST, MODEL


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a run's manifest; FileNotFoundError if it is missing, ValueError if it is damaged."""
    return read_json(folder / MANIFEST, "train again")


def check_model_file(folder: Path) -> None:
    """Raise ValueError unless a run folder's model is the one that its manifest lists.

    Without a manifest, which `train` writes last, the run is not finished; this is an error too.
    """
    if folder.is_dir() and not (folder / MANIFEST).exists():
        raise InputError(
            f"{folder} has no {MANIFEST}, so its run is not finished; continue it with `tinygzsl "
            f"train --resume {folder}`"
        )
    outputs = read_manifest(folder).get("outputs")
    if not isinstance(outputs, dict) or outputs.get(MODEL) != file_sha256(folder / MODEL):
        raise InputError(
            f"{folder / MODEL} is not the model that {MANIFEST} lists, so it belongs to another "
            "run or the run was stopped; restore the right model, or continue the run with "
            f"`tinygzsl train --resume {folder}`"
        )


def environment(device: str = "cpu") -> dict[str, Any]:
    """Return what a result may depend on: versions, platform, cores, threads, the GPU if used."""
    versions: dict[str, str | None] = {"tinygzsl": __version__, "python": platform.python_version()}
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
    """Return the commit of the checkout that the package runs from, or None if installed."""
    try:
        git = _git_folder(Path(__file__).parents[2] / ".git")
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        pointer = git / "commondir"  # a linked worktree shares its branches with the main one
        shared = git / pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else git
        return _branch_commit(shared, head.removeprefix("ref: "))
    except (OSError, ValueError):
        return None


def _git_folder(path: Path) -> Path:
    """Return Git's folder of a checkout: .git, or the folder that a worktree's file .git names."""
    if not path.is_file():
        return path
    return path.parent / path.read_text(encoding="utf-8").strip().removeprefix("gitdir: ")


def _branch_commit(git: Path, name: str) -> str | None:
    """Return the commit of a branch like refs/heads/main, from its file or from packed-refs."""
    if (git / name).is_file():
        return (git / name).read_text(encoding="utf-8").strip()
    for line in (git / "packed-refs").read_text(encoding="utf-8").splitlines():
        commit, _, packed = line.partition(" ")  # a header and peeled tags have other forms
        if packed == name:
            return commit
    return None
