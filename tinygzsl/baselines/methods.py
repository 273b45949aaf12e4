"""The baselines by their names on the command line and in the tables."""

from __future__ import annotations

from importlib import import_module

from ..errors import InputError
from ..storage.arrays_file import State
from ..text import nearest, quoted
from . import METHODS
from .common.base import Baseline

# Methods without random numbers: every seed gives the same model.
DETERMINISTIC = ("ESZSL", "SAE", "SYNC", "PrototypeRidge")
ALIASES = {"dzsl": "DEM", "cewgan": "CEWGANOD", "fvaegand2": "FVAEGAN"}  # names of the tables


def method(name: str) -> type[Baseline]:
    """Return the class of a baseline by its name, or its name in the tables.

    Upper and lower case and hyphens don't matter (FCLSWGAN, f-CLSWGAN). Raises ValueError for an
    unknown name.
    """
    plain = "".join(c for c in str(name).casefold() if c.isalnum())
    known = {known.casefold(): known for known in METHODS} | ALIASES
    if plain not in known:
        raise InputError(f"there is no method {quoted(name)}; {nearest(plain, METHODS)}")
    return getattr(import_module(__package__), known[plain])


def from_state(state: State) -> Baseline:
    """Return the baseline that `state` described: the one of METHODS that its header names.

    Another class reads its states by its own from_state. Raises one of storage.arrays_file.DAMAGED
    if a part is missing or doesn't fit.
    """
    name = state.header["method"]
    if name not in METHODS:
        raise InputError(f"{quoted(name, 40)} is not one of tinygzsl's methods")
    return method(name).from_state(state)


def n_parameters(model: Baseline) -> int:
    """Return the number of trained parameters that predict needs.

    Scalers, prototypes, and parameters used in training only (generators, decoders) don't count.
    """
    facts = [name for name in model.trained if name.endswith("_")]  # kept for who asks
    counted = set(model.trained) - {*facts, "_unseen_prototypes"}
    states = [model.trained[name].state(name, getattr(model, name)) for name in counted]
    return sum(array.size for state in states for array in state.arrays.values())
