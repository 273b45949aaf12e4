"""Settings in words: for help(), for the command line and for the comments of config.toml."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import wrap
from typing import TypeVar

from .setting import Setting
from .table import SETTINGS

T = TypeVar("T")
MARK = "{settings}"  # where a docstring takes the entries
WIDTH = 80  # of a docstring's lines, which a terminal shows with some more indentation
COMMENT_WIDTH = 100


def type_name(setting: Setting) -> str:
    """The type as numpydoc writes it: "float", "tuple of int"."""
    return f"tuple of {setting.kind.__name__}" if setting.is_list else setting.kind.__name__


def allowed(setting: Setting) -> str:
    """What a value may be: "more than 0", "each more than 0", "hard or soft", "true or false"."""
    if setting.is_number:
        return f"each {setting.range}" if setting.is_list else setting.range
    choices = setting.choices or ("true", "false")
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def summary(setting: Setting) -> str:
    """The first sentence of its text."""
    return re.split(r"(?<=\.) (?=[A-Z])", setting.text)[0]


def with_settings(indent: str) -> Callable[[type[T]], type[T]]:
    """Decorate a class: its docstring gets the settings where it has MARK, as numpydoc's entries
    with that indentation.
    """

    def decorate(cls: type[T]) -> type[T]:
        if cls.__doc__:  # python -OO drops it
            lines = (line for setting in SETTINGS.values() for line in _entry(setting, indent))
            cls.__doc__ = cls.__doc__.replace(indent + MARK, "\n".join(lines))
        return cls

    return decorate


def _entry(setting: Setting, indent: str) -> list[str]:
    """numpydoc's lines for a parameter."""
    if setting.choices:
        kind = "{" + ", ".join(repr(choice) for choice in setting.choices) + "}"
    else:
        kind = type_name(setting)
    limits = f", {allowed(setting)}" if setting.is_number else ""
    head = f"{indent}{setting.name} : {kind}, default {setting.default!r}{limits}"
    return [head, *_wrapped(setting.text + _unit(setting), WIDTH, indent + "    ")]


def comment(setting: Setting) -> list[str]:
    """The lines of config.toml above its key: what it is, its unit and what it may be."""
    text = summary(setting) + _unit(setting)
    if setting.kind is not bool:
        text += f" {'One of' if setting.choices else 'Range:'} {allowed(setting)}."
    return _wrapped(text, COMMENT_WIDTH, "# ")


def _unit(setting: Setting) -> str:
    return f" Unit: {setting.unit}." if setting.unit else ""


def _wrapped(text: str, width: int, start: str) -> list[str]:
    return wrap(text, width, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)
