"""Start `tinygzsl` under the driver, and check the folder of a run that was killed."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinygzsl.storage import arrays_file

DRIVER = Path(__file__).with_name("driver.py")
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}


def start(act, *arguments):
    """The process of `tinygzsl arguments...` that the driver ends as `act` says."""
    command = [sys.executable, str(DRIVER), act, *map(str, arguments)]
    return subprocess.Popen(
        command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process, *codes, seconds=120):
    """Its stdout and stderr; AssertionError unless it ends with one of these exit codes."""
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    assert process.returncode in codes, (process.returncode, stdout, stderr)
    return stdout, stderr


KILLED = -signal.SIGKILL


class Result(NamedTuple):
    """What a finished run must be equal in."""

    header: dict
    arrays: dict
    texts: dict
    metrics: dict


def result(folder, evaluate):
    """The Result of a finished run; evaluate(folder) -> metrics."""
    header, arrays = arrays_file.read_npz(folder / "model.npz", "model")
    texts = {name: (folder / name).read_text() for name in ("config.toml", "curves.csv")}
    metrics = evaluate(folder)
    unlike = ("model_sha256", "inputs")
    metrics = {k: v for k, v in metrics.items() if k not in unlike}
    return Result(header, arrays, texts, metrics)


def differences(one, other):
    """Names of the parts in which two Results differ, bit for bit."""
    names = [f"array {name}" for name in one.arrays.keys() ^ other.arrays.keys()]
    for kind in ("header", "texts", "metrics"):
        a, b = getattr(one, kind), getattr(other, kind)
        names += [f"{kind} {name}" for name in a.keys() | b.keys() if a.get(name) != b.get(name)]
    for name in one.arrays.keys() & other.arrays.keys():
        a, b = one.arrays[name], other.arrays[name]
        if a.dtype != b.dtype or a.shape != b.shape or a.tobytes() != b.tobytes():
            names.append(f"array {name}")
    return names


def check_whole(folder):
    """Every file in a killed run's folder that has its final name is whole. Returns their names."""
    tomllib.loads((folder / "config.toml").read_text())
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    whole = {name for name in names if not Path(name).name.startswith(".")}
    for name, kind in (
        ("model.npz", "model"),
        ("checkpoints/gan.npz", "checkpoint"),
        ("checkpoints/vsmm.npz", "VSMM checkpoint"),
    ):
        if name in whole:
            _, arrays = arrays_file.read_npz(folder / name, kind)
            assert all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f"), name
    if "manifest.json" in whole:
        json.loads((folder / "manifest.json").read_text())
    return whole


def check_tidy(folder):
    """Nothing half-written and no lock is left, in the folder or beside it."""
    left = [p.name for p in (*folder.rglob("*"), *folder.parent.iterdir()) if p.suffix == ".tmp"]
    assert not left, left
    assert not (folder / ".lock").exists()
