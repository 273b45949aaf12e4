"""config.toml of a run folder: where the data came from, and every setting."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..settings import Settings
from ..settings.describe import comment
from ..settings.table import SETTINGS
from ..text import nearest, quoted, shown

HEAD = "# For `tinygzsl train --config`. `tinygzsl settings NAME` explains a setting."
SOURCE = {"name_or_path": str, "root": str, "split": int, "prototypes": str}  # keys of [data]


def config_text(
    top: dict[str, Any], data: dict[str, Any], settings: Settings, *, only: set[str] | None = None
) -> str:
    """Return the text of a config.toml, with a comment for each setting.

    It has the top-level keys, the source in [data] and a section per group of settings. If `only`
    is given, it has only the settings of these names; a search will choose the others.
    """
    lines = [HEAD, *(f"{key} = {toml_value(value)}" for key, value in top.items())]
    lines += source_lines(data)
    for section, values in settings.sections().items():
        kept = [k for k in values if only is None or f"{section}_{k}" in only]
        lines += ["", f"[{section}]"] if kept else []
        for key in kept:
            lines += [*comment(SETTINGS[f"{section}_{key}"]), f"{key} = {toml_value(values[key])}"]
    return "\n".join(lines) + "\n"


def source_lines(data: dict[str, Any]) -> list[str]:
    """Return the lines of the section [data], after an empty one."""
    return ["", "[data]", *(f"{k} = {toml_value(v)}" for k, v in data.items() if v is not None)]


def toml_value(value: Any) -> str:
    """Return a string, number, boolean or list as TOML, which is the same as in JSON."""
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")  # TOML forbids the character itself


def read_toml(path: Path, option: str) -> dict[str, Any]:
    """Return the content of a TOML file; `option` is its option in the errors.

    Raises FileNotFoundError, or ValueError for invalid content.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not a file; pass a TOML file as {option}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check {option}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a BOM
    except (ValueError, RecursionError) as error:  # bad TOML, bad UTF-8, too long a number
        words = shown(" ".join(str(error).split()), 200)
        raise InputError(f"{path} is not valid TOML: {words}") from None


def read_config(path: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the top-level keys, the [data] section and the flat settings of a config.toml.

    Raises FileNotFoundError, or ValueError for invalid TOML and for values in [data] of types that
    load_dataset doesn't accept.
    """
    path = Path(path)
    nested = read_toml(path, "--config")
    data = nested.pop("data", {})
    if not isinstance(data, dict):
        raise InputError(f"{path} has data = {quoted(data)}; write it as a section, [data]")
    for key, kind in SOURCE.items():
        if key in data and type(data[key]) is not kind:
            wanted = "an integer" if kind is int else "a text in quotes"
            raise InputError(f"{path} has {key} = {quoted(data[key])} in [data]; write {wanted}")
    top = {k: v for k, v in nested.items() if not isinstance(v, dict)}
    flat = {
        f"{section}_{key}": value
        for section, values in nested.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }
    return top, data, flat


def read_source(path: Any) -> dict[str, Any]:
    """Return the arguments of load_dataset in a run's config.toml.

    Raises the errors of read_config, and ValueError for an unknown key or a missing dataset.
    """
    data = read_config(path)[1]
    unknown = [key for key in data if key not in SOURCE]
    if unknown:
        raise InputError(
            f"{path} has {quoted(unknown[0])} in [data], which is not a key of it; "
            f"{nearest(unknown[0], SOURCE)}"
        )
    if "name_or_path" not in data:
        raise InputError(f"{path} doesn't name a dataset; set name_or_path in its section [data]")
    return data
