"""config.toml of a run folder: where the data came from, and every setting."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from ..settings import Settings
from ..settings.describe import comment
from ..settings.table import SETTINGS
from ..text import quoted, shown

HEAD = "# For `tinygzsl train --config`. `tinygzsl settings NAME` says more of a setting."
SOURCE = {"name_or_path": str, "root": str, "split": int, "prototypes": str}  # keys of [data]


def config_text(
    top: dict[str, Any], data: dict[str, Any], settings: Settings, only: set[str] | None = None
) -> str:
    """A config.toml: top-level keys, the [data] source and one section per group of settings, each
    with a comment that says what it is; with only, just the settings of these names, as the others
    wait for a search.
    """
    lines = [HEAD, *(f"{key} = {toml_value(value)}" for key, value in top.items())]
    lines += ["", "[data]", *(f"{k} = {toml_value(v)}" for k, v in data.items() if v is not None)]
    for section, values in settings.sections().items():
        kept = [k for k in values if only is None or f"{section}_{k}" in only]
        lines += ["", f"[{section}]"] if kept else []
        for key in kept:
            lines += [*comment(SETTINGS[f"{section}_{key}"]), f"{key} = {toml_value(values[key])}"]
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
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
        raise ValueError(f"{path} doesn't name a dataset; set name_or_path in its section [data]")
    return data
