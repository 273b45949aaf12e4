"""Protections undone on purpose, one at a time: some case must notice each."""

import importlib
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

from . import case

LIMIT = 400  # cases that are tried for a fault


class Fault(NamedTuple):
    """The family that must notice, what goes wrong, and what takes the place of which function."""

    family: str
    what: str
    undone: dict[str, Callable[..., Any]]


def _nothing(*args, **kwargs):
    return None


def _wrapped(name, y, **_):
    """The labels as NumPy converts them: masks are ignored, 2**63 + 5 becomes negative."""
    y = np.asarray(y)
    with np.errstate(all="ignore"):
        return y if y.dtype.kind == "U" else y.astype(np.int64)


@contextmanager
def _in_place(path):
    """The file itself, in the place of a temporary one beside it."""
    from pathlib import Path

    yield Path(path)


class _Any(str):
    """A checksum that equals every other."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


def _unpickled(path, *_, **__):
    from tinygzsl.storage.arrays_file import State

    with np.load(path, allow_pickle=True) as file:
        arrays = {name: file[name] for name in file.files}
    return State(json.loads(str(arrays.pop("header"))), arrays)


def _last_of_a_name(archive, size):
    return {info.filename.removesuffix(".npy"): info for info in archive.infolist()}


def _all_hidden(path):
    return [other for other in path.parent.iterdir() if other.name.endswith((".tmp", ".old"))]


FAULTS = (
    Fault(
        "layouts",
        "NaN, inf and huge values are not looked for",
        {
            "tinygzsl.datasets.array_checks:check_finite": _nothing,
            "tinygzsl.datasets.array_checks:check_size": _nothing,
        },
    ),
    Fault("layouts", "masks are ignored", {"tinygzsl.runtime.backend:as_array": np.asarray}),
    Fault(
        "labels",
        "labels are wrapped to int64",
        {"tinygzsl.datasets.array_checks:check_labels": _wrapped},
    ),
    Fault(
        "names",
        "names of columns are ignored",
        {"tinygzsl.datasets.named_columns:column_names": _nothing},
    ),
    Fault(
        "forged",
        "checksums are not compared",
        {"tinygzsl.storage.arrays_file:checksum": lambda header, arrays: _Any("0")},
    ),
    Fault("forged", "pickles are loaded", {"tinygzsl.storage.arrays_file:read_npz": _unpickled}),
    Fault(
        "forged", "the last of two arrays wins", {"tinygzsl.storage.npy:_by_name": _last_of_a_name}
    ),
    Fault(
        "outputs",
        "files are written in place",
        {"tinygzsl.storage.atomic_write:written_aside": _in_place},
    ),
    Fault("resume", "locks are ignored", {"fcntl:flock": _nothing}),
    Fault(
        "resume",
        "files of others count as our leftovers",
        {"tinygzsl.storage.atomic_write:leftovers": _all_hidden},
    ),
)


@contextmanager
def planted(fault):
    """Replace functions wherever a module of the package has them, as long as the block runs."""
    with ExitStack() as stack:
        for place, function in fault.undone.items():
            module, name = place.split(":")
            original = getattr(importlib.import_module(module), name)
            for holder in [sys.modules[module], *_package()]:
                for key in [k for k, value in vars(holder).items() if value is original]:
                    setattr(holder, key, function)
                    stack.callback(setattr, holder, key, original)
        yield


def _package():
    return [m for name, m in list(sys.modules.items()) if name.split(".")[0] == "tinygzsl"]


def caught_by(fault, *, seed):
    """The number of the first case that notices the fault and finds nothing without; else None."""
    for index in range(LIMIT):
        if case.run(fault.family, seed, index).kind != "finding":  # makes what is cached, too
            with planted(fault):
                if case.run(fault.family, seed, index).kind == "finding":
                    return index
    return None
