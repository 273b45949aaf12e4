"""Hyper-parameters of a method on a dataset, from settings.toml and files that a user passes."""

from __future__ import annotations

from dataclasses import MISSING, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple

from ..baselines.methods import method
from ..errors import InputError
from ..runs.config import read_toml, toml_value
from ..settings import is_finite, settings_for
from ..storage.checksums import write_text
from ..text import nearest, quoted, shown

STORED = Path(__file__).with_name("settings.toml")
OURS = "ours"  # EntropySeparationGZSL has settings in these files too
DEFAULT = "default"  # the origin of a class's own values
NOT_IN_FILES = ("seed", "dtype", "threads", "callback")
OWN_NOT_IN_FILES = ("seed", "callback")  # the comparison sets them, of a user's class too
HEAD = "# Hyper-parameters per method and dataset; origin says where they come from.\n"


class Chosen(NamedTuple):
    """Hyper-parameters of a method on a dataset, and their origin: "published: ...",
    "validated: ...", "decided: ..." or "default".
    """

    params: dict[str, Any]
    origin: str = DEFAULT


def chosen_for(name: str, dataset: str, *, path: Path | None = None) -> Chosen:
    """Return the settings of a method on a dataset.

    name is a baseline's class, "ours", or a user's class as "package.module:Class".

    The file at path is asked first, then settings.toml; a method that neither has keeps its
    defaults. dataset is the name of a known dataset or of a folder, in any case. Raises what
    read_settings raises.
    """
    for source in (path, STORED):
        found = read_settings(source) if source else {}
        if (name, dataset.casefold()) in found:
            return found[name, dataset.casefold()]
    return Chosen({})


def read_settings(path: Path) -> dict[tuple[str, str], Chosen]:
    """Return {(method, dataset): Chosen} of a file with sections like [ESZSL.awa1].

    The section of a user's class is like ["my_methods:MyMethod".awa1]. Its settings are checked for
    being finite only, as the class is known to its user alone.

    Raises FileNotFoundError for a missing file and ValueError for invalid TOML, an unknown method
    or setting, a value that the method refuses, and a repeated section.
    """
    nested = read_toml(path, "--settings")
    found = {}
    for name, by_dataset in nested.items():
        if not isinstance(by_dataset, dict):
            raise InputError(
                f"{path} has {shown(name)} outside of a section; write [METHOD.DATASET]"
            )
        for dataset, values in by_dataset.items():
            if not isinstance(values, dict):
                raise InputError(
                    f"{path} has {shown(dataset)} outside of a section; write "
                    f"[{shown(name)}.DATASET]"
                )
            where = f"{path}, [{shown(name)}.{shown(dataset)}]"
            try:
                kind = name if name == OURS or is_own(name) else method(name).__name__
                chosen = _chosen(kind, values)
            except ValueError as error:
                raise InputError(f"{where}: {error}") from None
            key = kind, dataset.casefold()
            if key in found:
                raise InputError(
                    f"{where} repeats the section [{kind}.{shown(key[1])}], as names and datasets "
                    "may be in any case; delete one of them"
                )
            found[key] = chosen
    return found


def is_own(name: str) -> bool:
    """Return whether the name of a section is that of a user's class."""
    return ":" in name


def _chosen(name: str, values: dict[str, Any]) -> Chosen:
    """Return the settings of a section of that method. Raises ValueError."""
    params: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    origin = params.pop("origin", "from a file")
    if not isinstance(origin, str):
        raise InputError(f"origin is {quoted(origin)}; write a text in quotes")
    if name == OURS:
        others = {k: v for k, v in params.items() if k != "preset"}
        settings_for(params.get("preset", "paper"), others)
        return Chosen(params, origin)
    if is_own(name):
        _check_own(params)
        return Chosen(params, origin)
    defaults = {f.name: f.default for f in fields(method(name)) if f.name not in NOT_IN_FILES}
    for key, value in params.items():
        if key not in defaults:
            raise InputError(f"{name} has no setting {quoted(key)}; {nearest(key, defaults)}")
        if not _fits(value, defaults[key]):
            raise InputError(f"{key} = {quoted(value)}; write something like {defaults[key]!r}")
    method(name)(**params).check()
    return Chosen(params, origin)


def _check_own(params: dict[str, Any]) -> None:
    """ValueError unless a user's class may be given these arguments."""
    for key, value in params.items():
        if key in OWN_NOT_IN_FILES:
            raise InputError(f"{key} = {quoted(value)}, which is not a setting; delete it")
        each = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(v, bool | int | float | str) for v in each) or not _fits(value, None):
            raise InputError(
                f"{key} = {quoted(value)}; write a finite number, a text, true or false, or a list "
                "of these"
            )
    if not _fits(params.get("offset", 0.0), 0.0):
        raise InputError(f"offset = {quoted(params['offset'])}; write a number")


def _fits(value: Any, default: Any) -> bool:
    """Return whether value is finite and of the default's kind; a whole number is a float too."""
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(is_finite(number) for number in numbers if isinstance(number, int | float)):
        return False
    if default is None or default is MISSING:
        return True
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    for kind in (Integral, Real, str, tuple):
        if isinstance(default, kind):
            return isinstance(value, kind)
    return True


def write_settings(path: Path, found: dict[tuple[str, str], Chosen]) -> None:
    """Write settings to a file that read_settings reads."""
    text = HEAD
    for (name, dataset), chosen in found.items():
        section = toml_value(name) if is_own(name) else name
        text += f"\n[{section}.{toml_value(dataset)}]\n"
        values = {"origin": chosen.origin, **chosen.params}
        text += "".join(f"{key} = {toml_value(value)}\n" for key, value in values.items())
    write_text(path, text)
