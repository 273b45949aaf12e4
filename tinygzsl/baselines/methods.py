"""The baselines by their names on the command line and in the tables."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..storage.arrays_file import State
from ..text import nearest, quoted
from . import METHODS
from .common.base import Baseline

# Methods without random numbers: every seed gives the same model.
DETERMINISTIC = ("ESZSL", "SAE", "SYNC", "PrototypeRidge")
ALIASES = {"dzsl": "DEM", "cewgan": "CEWGANOD", "fvaegand2": "FVAEGAN"}  # names of the tables

# Trained attributes and networks that predict doesn't need.
TRAINING_ONLY = (
    *("_generator", "_decoder", "unseen_means_", "unseen_variances_"),
    *("seen", "decoder"),  # of DSEN
    *("g_v", "g_s", "c"),  # of SADLE
)


def method(name: str) -> type[Baseline]:
    """Return the class of a baseline by its name, or its name in the tables.

    Upper and lower case and hyphens don't matter (FCLSWGAN, f-CLSWGAN). Raises ValueError for an
    unknown name.
    """
    plain = "".join(c for c in str(name).casefold() if c.isalnum())
    known = {known.casefold(): known for known in METHODS} | ALIASES
    if plain not in known:
        raise ValueError(f"there is no method {quoted(name)}; {nearest(plain, METHODS)}")
    return getattr(import_module(__package__), known[plain])


def from_state(state: State) -> Baseline:
    """Return the baseline that `state` described: the one of METHODS that its header names.

    Another class reads its states by its own from_state. Raises one of storage.arrays_file.DAMAGED
    if a part is missing or doesn't fit.
    """
    name = state.header["method"]
    if name not in METHODS:
        raise ValueError(f"{quoted(name, 40)} is not one of tinygzsl's methods")
    return method(name).from_state(state)


def n_parameters(model: Baseline) -> int:
    """Return the number of trained parameters that predict needs.

    Scalers, prototypes, and parameters used in training only (generators, decoders) don't count.
    """
    given = {*model.get_params(), *TRAINING_ONLY, "_feature_scaler", "_prototype_scaler"}
    given |= {"_seen_prototypes", "_unseen_prototypes", "classes_"}
    kept = {k: v for k, v in vars(model).items() if k not in given}
    return sum(_numbers(v) for v in kept.values() if v is not model._seen_prototypes)


def _numbers(value: Any) -> int:
    """Return how many floating-point values an array, or a list, dict or network of arrays, has."""
    if hasattr(value, "dtype"):
        return value.size if value.dtype.kind == "f" and value.ndim else 0
    if hasattr(value, "params"):  # an MLP
        return _numbers(value.params)
    if isinstance(value, dict):
        return sum(_numbers(v) for k, v in value.items() if k not in TRAINING_ONLY)
    if isinstance(value, list | tuple):
        return sum(_numbers(v) for v in value)
    return sum(_numbers(v) for v in vars(value).values()) if hasattr(value, "__dict__") else 0
