"""What a field of Settings tells beside its name, its type and its default, and the check of a
value against it.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field
from math import isfinite
from numbers import Integral, Real
from sys import float_info
from typing import Any, get_args, get_origin

from ..text import quoted

KEY = "setting"  # of a field's metadata


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One hyper-parameter.

    text is one or two sentences for a user, source where the default comes from and unit what a
    number counts, if it counts something. A number is more than `above` or at least `least`, and
    less than `below`; a word is one of the choices. A list holds such numbers, and may be empty
    unless it is `filled`.
    """

    text: str
    source: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    above: float | None = None
    least: float | None = None
    below: float | None = None
    filled: bool = False

    def allows(self, number: Real) -> bool:
        """Whether a finite number is in the range."""
        return (
            (self.above is None or number > self.above)
            and (self.least is None or number >= self.least)
            and (self.below is None or number < self.below)
        )

    @property
    def range(self) -> str:
        """The range of numbers in words: "more than 0 and below 1"; empty where there is none."""
        parts = []
        if self.above is not None:
            parts.append(f"more than {self.above:g}")
        if self.least is not None:
            parts.append(f"{self.least:g} or more")
        if self.below is not None:
            parts.append(f"below {self.below:g}")
        return " and ".join(parts)


def setting(default: Any, **about: Any) -> Any:
    """A field of Settings with that default; `about` are the fields of Setting."""
    return field(default=default, metadata={KEY: Setting(**about)})


def about(field: Field) -> Setting:
    """What a field of Settings tells. Raises TypeError where it was not written as setting(...)."""
    if KEY not in field.metadata:
        raise TypeError(
            f"{field.name} is a plain field; write it as setting({field.default!r}, text=..., "
            "source=...), with a range or choices"
        )
    return field.metadata[KEY]


def number_type(field: Field) -> type | None:
    """int or float, of the numbers of a list too; None for words and for true or false."""
    kind = get_args(field.type)[0] if is_list(field) else field.type
    return kind if kind in (int, float) else None


def is_list(field: Field) -> bool:
    """Whether the value is a tuple of numbers, which files write as a list."""
    return get_origin(field.type) is tuple


def is_a(value: Any, kind: type) -> bool:
    """Whether a value has that type; numbers of NumPy do as well, and true is no number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, {int: Integral, float: Real}.get(kind, kind))


def is_finite(number: Real) -> bool:
    """Whether a number is finite as a float too: whole numbers of a file may have any length."""
    return abs(number) <= float_info.max if isinstance(number, int) else isfinite(number)


def check_value(field: Field, value: Any) -> None:
    """ValueError, one sentence, for a value of the wrong type or out of the setting's range."""
    has, found = f"{field.name} is {quoted(value)}", about(field)
    if not _has_type(field, value):
        raise ValueError(f"{has}; pass {_wanted(field)}")
    if found.choices and value not in found.choices:
        raise ValueError(f"{has}; pass one of {', '.join(found.choices)}")
    if number_type(field):
        for number in value if is_list(field) else (value,):
            if not (is_finite(number) and found.allows(number)):
                raise ValueError(f"{has}; pass a finite number of {found.range}")


def _has_type(field: Field, value: Any) -> bool:
    if not is_list(field):
        return is_a(value, field.type)
    numbers_only = isinstance(value, tuple) and all(is_a(v, number_type(field)) for v in value)
    return numbers_only and (bool(value) or not about(field).filled)


def _wanted(field: Field) -> str:
    """The end of a sentence: "a number, like 0.0001 (more than 0)"."""
    found, kind = about(field), number_type(field)
    if is_list(field):
        numbers = "whole numbers" if kind is int else "numbers"
        return f"a list of {numbers}, like {list(field.default)} (each {found.range})"
    word = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
    allowed = found.range or ", ".join(found.choices)
    return f"{word[field.type]}, like {field.default!r}" + (f" ({allowed})" if allowed else "")
