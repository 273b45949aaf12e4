"""Run folders: model.npz, config.toml, curves.csv, manifest.json, metrics.json, checkpoints/."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tomllib
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .backend import cuda_facts
from .estimator import EntropySeparationGZSL
from .presets import Settings
from .sealed import read_json, write_text
from .text import quoted, shown
from .threads import current

MODEL, CONFIG, CURVES = "model.npz", "config.toml", "curves.csv"
TRIALS = "trials.csv"  # of the search of --preset auto
MANIFEST, METRICS = "manifest.json", "metrics.json"
CHECKPOINT, VSMM_CHECKPOINT = "checkpoints/gan.npz", "checkpoints/vsmm.npz"
SOURCE = {"name_or_path": str, "root": str, "split": int, "prototypes": str}  # keys of [data]


def config_text(
    top: dict[str, Any], data: dict[str, Any], settings: Settings, only: set[str] | None = None
) -> str:
    """A config.toml: top-level keys, the [data] source and one section per group of settings; with
    only, just the settings of these names, as the others wait for a search.
    """
    sections = {"data": {k: v for k, v in data.items() if v is not None}}
    for section, values in settings.sections().items():
        kept = {k: v for k, v in values.items() if only is None or f"{section}_{k}" in only}
        sections |= {section: kept} if kept else {}
    lines = [f"{key} = {_toml(value)}" for key, value in top.items()]
    for section, values in sections.items():
        lines += ["", f"[{section}]", *(f"{k} = {_toml(v)}" for k, v in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A string, number, boolean or list as TOML; JSON writes these the same way."""
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")  # which TOML forbids as it is


def read_toml(path: Path, option: str) -> dict[str, Any]:
    """The content of a TOML file that `option` names. Raises FileNotFoundError or ValueError."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file; pass a TOML file as {option}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check {option}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors add a mark
    except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, of too long a number
        words = shown(" ".join(str(error).split()), 200)
        raise ValueError(f"{path} is not valid TOML: {words}") from None


def read_config(path: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Top-level keys, the [data] section and the flat settings of a config.toml.

    Raises FileNotFoundError, or ValueError for text that is no TOML and for values of [data] of
    another type than load_dataset takes.
    """
    path = Path(path)
    nested = read_toml(path, "--config")
    data = nested.pop("data", {})
    if not isinstance(data, dict):
        raise ValueError(f"{path} has data = {quoted(data)}; write it as a section, [data]")
    for key, kind in SOURCE.items():
        if key in data and type(data[key]) is not kind:
            wanted = "an integer" if kind is int else "a text in quotes"
            raise ValueError(f"{path} has {key} = {quoted(data[key])} in [data]; write {wanted}")
    top = {k: v for k, v in nested.items() if not isinstance(v, dict)}
    flat = {
        f"{section}_{key}": value
        for section, values in nested.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
    return top, data, flat


def read_source(path: Any) -> dict[str, Any]:
    """The arguments of load_dataset that a run's config.toml holds.

    Raises what read_config does, and ValueError for an unknown key or without a dataset.
    """
    data = read_config(path)[1]
    unknown = [key for key in data if key not in SOURCE]
    if unknown:
        raise ValueError(
            f"{path} has {quoted(unknown[0])} in [data], which is no key of it; known are "
            f"{', '.join(SOURCE)}"
        )
    if "name_or_path" not in data:
        raise ValueError(f"{path} names no dataset; set name_or_path in its section [data]")
    return data


def check_model_file(folder: Path) -> None:
    """ValueError if a run folder's model is not the one that its manifest was written for, or if
    there is no manifest: it is the last that `train` writes.
    """
    if folder.is_dir() and not (folder / MANIFEST).exists():
        raise ValueError(
            f"{folder} has no {MANIFEST}, so its run is not finished; `tinygzsl train --resume "
            f"{folder}` goes on with it"
        )
    outputs = read_json(folder / MANIFEST).get("outputs")
    if not isinstance(outputs, dict) or outputs.get(MODEL) != file_sha256(folder / MODEL):
        raise ValueError(
            f"{folder / MODEL} is not the model that {MANIFEST} lists, so it is of another run or "
            f"the run was stopped: put the right one back, or `tinygzsl train --resume {folder}`"
        )


def gan_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a CWGAN's checkpoint depends on; --resume may change the others."""
    sections = ("scale_", "gan_", "ptc_", "cs_", "proxy_from")
    later = ("gan_max_epochs", "gan_train_on")
    values = asdict(settings).items()
    found = {k: v for k, v in values if k.startswith(sections) and k not in later}
    if settings.router_unit == "measured":  # the CWGAN then has fewer samples
        found["router_held_out"] = settings.router_held_out
    return found


def vsmm_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a VSMM's checkpoint depends on: all but the router's, as the proxies come
    from the CWGAN.
    """
    found = {k: v for k, v in asdict(settings).items() if not k.startswith("router_")}
    return found | gan_settings(settings)


def fingerprint(*parts: Any) -> str:
    """SHA-256 over arrays and texts, in order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            part = np.ascontiguousarray(part)
            digest.update(part.tobytes() if part.dtype.kind == "U" else part.data)
        else:
            digest.update(str(part).encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    git = Path(__file__).parents[1] / ".git"
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


def write_curves(path: Path, model: EntropySeparationGZSL) -> None:
    """curves.csv: one row per look of the CWGAN and per epoch of the VSMM."""
    source = model.proxy_source_
    rows = [{"phase": "gan", **look._asdict()} for look in (source.looks if source else [])]
    rows += [{"phase": "vsmm", "epoch": i + 1, **h} for i, h in enumerate(model.history_)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(columns)]
    lines += [",".join(str(row.get(name, "")) for name in columns) for row in rows]
    write_text(path, "\n".join(lines) + "\n")
