"""Descriptions of settings for help(), for the command line and for config.toml's comments."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import wrap
from typing import TypeVar

from .setting import Setting
from .table import SETTINGS

T = TypeVar("T")
MARK = "{settings}"  # replaced by the entries in a docstring
WIDTH = 80  # of a docstring's lines, which a terminal shows with some more indentation
COMMENT_WIDTH = 100


def type_name(setting: Setting) -> str:
    """Return the type as in numpydoc: "float", "tuple of int"."""
    return f"tuple of {setting.kind.__name__}" if setting.is_list else setting.kind.__name__


def allowed(setting: Setting) -> str:
    """Return the allowed values: "more than 0", "each more than 0", "hard or soft"; "" if any."""
    if setting.is_number:
        return f"each {setting.range}" if setting.is_list and setting.range else setting.range
    choices = setting.choices or ("true", "false")
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def summary(setting: Setting) -> str:
    """Return the first sentence of the setting's text."""
    return re.split(r"(?<=\.) (?=[A-Z])", setting.text)[0]


def with_settings(indent: str) -> Callable[[type[T]], type[T]]:
    """Return a class decorator that replaces MARK in the docstring by the settings.

    The settings are numpydoc entries with this indentation.
    """

    def decorate(cls: type[T]) -> type[T]:
        if cls.__doc__:  # python -OO drops it
            lines = (line for setting in SETTINGS.values() for line in _entry(setting, indent))
            cls.__doc__ = cls.__doc__.replace(indent + MARK, "\n".join(lines))
        return cls

    return decorate


def _entry(setting: Setting, indent: str) -> list[str]:
    """Return the lines of numpydoc for a parameter."""
    if setting.choices:
        kind = "{" + ", ".join(repr(choice) for choice in setting.choices) + "}"
        kind = f"tuple of {kind}" if setting.is_list else kind
    else:
        kind = type_name(setting)
    limits = f", {allowed(setting)}" if setting.is_number and setting.range else ""
    head = f"{indent}{setting.name} : {kind}, default {setting.default!r}{limits}"
    return [head, *_wrapped(setting.text + _unit(setting), WIDTH, start=indent + "    ")]


def comment(setting: Setting) -> list[str]:
    """Return the comment above the setting in config.toml: meaning, unit and allowed values."""
    text = summary(setting) + _unit(setting)
    if setting.kind is not bool and allowed(setting):
        some = "Some of" if setting.is_list else "One of"
        text += f" {some if setting.choices else 'Range:'} {allowed(setting)}."
    return _wrapped(text, COMMENT_WIDTH, start="# ")


def _unit(setting: Setting) -> str:
    return f" Unit: {setting.unit}." if setting.unit else ""


def _wrapped(text: str, width: int, *, start: str) -> list[str]:
    return wrap(text, width, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)
