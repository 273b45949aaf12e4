"""Settings in words: for help(), for the command line and for the comments of config.toml."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import Field
from textwrap import wrap
from typing import TypeVar

from .setting import about, is_list, number_type
from .table import FIELDS

C = TypeVar("C", bound=type)
MARK = "{settings}"  # where a docstring takes the entries
WIDTH = 80  # of a docstring's lines, which a terminal shows with some more indentation
COMMENT_WIDTH = 100


def type_name(field: Field) -> str:
    """The type as numpydoc writes it: "float", "tuple of int"."""
    return f"tuple of {number_type(field).__name__}" if is_list(field) else field.type.__name__


def allowed(field: Field) -> str:
    """What a value may be: "more than 0", "each more than 0", "hard or soft", "true or false"."""
    found = about(field)
    if found.choices:
        return f"{', '.join(found.choices[:-1])} or {found.choices[-1]}"
    if field.type is bool:
        return "true or false"
    return f"each {found.range}" if is_list(field) else found.range


def with_settings(indent: str) -> Callable[[C], C]:
    """Decorate a class: its docstring gets the settings where it has MARK, as numpydoc's entries
    with that indentation.
    """

    def decorate(cls: C) -> C:
        if cls.__doc__:  # python -OO drops it
            entries = "\n".join(line for field in FIELDS.values() for line in _entry(field, indent))
            cls.__doc__ = cls.__doc__.replace(indent + MARK, entries)
        return cls

    return decorate


def _entry(field: Field, indent: str) -> list[str]:
    """numpydoc's lines for a parameter."""
    found, default = about(field), f"default {field.default!r}"
    if found.choices:
        kind = "{" + ", ".join(repr(choice) for choice in found.choices) + "}"
        head = f"{field.name} : {kind}, {default}"
    else:
        limits = "" if field.type is bool else f", {allowed(field)}"
        head = f"{field.name} : {type_name(field)}, {default}{limits}"
    text = f"{found.text} Unit: {found.unit}." if found.unit else found.text
    inner = indent + "    "
    return [indent + head, *_wrapped(text, WIDTH, inner)]


def summary(field: Field) -> str:
    """The first sentence of its text."""
    return re.split(r"(?<=\.) (?=[A-Z])", about(field).text)[0]


def comment(name: str) -> list[str]:
    """The lines of config.toml above a key: what it is, its unit and what it may be."""
    field = FIELDS[name]
    found, text = about(field), summary(field)
    text += f" Unit: {found.unit}." if found.unit else ""
    if field.type is not bool:
        text += f" {'One of' if found.choices else 'Range:'} {allowed(field)}."
    return _wrapped(text, COMMENT_WIDTH, "# ")


def _wrapped(text: str, width: int, start: str) -> list[str]:
    return wrap(text, width, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)
