"""The description of one hyper-parameter, and the check of a value against it."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, replace
from math import isfinite
from numbers import Integral, Real
from sys import float_info
from typing import Any, get_args, get_origin

from ..errors import InputError
from ..text import quoted

KEY = "setting"  # in a field's metadata


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The description of a hyper-parameter.

    text is one or two sentences for a user, source is the origin of the default, and unit the unit
    of a number, if any. A number is more than `above` or at least `least`, and less than `below`; a
    word is one of the choices. A list holds such numbers or words, and may be empty unless it is
    `filled`.

    Name, default and type are those of the field. kind is str, bool, int or float; for a list it is
    the type of its values.
    """

    text: str
    source: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    above: float | None = None
    least: float | None = None
    below: float | None = None
    filled: bool = False

    name: str = ""
    default: Any = None
    kind: type = str
    is_list: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is a number, or a list of numbers."""
        return self.kind in (int, float)

    @property
    def range(self) -> str:
        """The range of numbers in words, "more than 0 and below 1", or "" without a range."""
        parts = []
        if self.above is not None:
            parts.append(f"more than {self.above:g}")
        if self.least is not None:
            parts.append(f"{self.least:g} or more")
        if self.below is not None:
            parts.append(f"below {self.below:g}")
        return " and ".join(parts)

    def allows(self, number: float) -> bool:
        """Return whether a finite number is in the range."""
        return (
            (self.above is None or number > self.above)
            and (self.least is None or number >= self.least)
            and (self.below is None or number < self.below)
        )

    def check(self, value: Any) -> None:
        """Raise ValueError for a value of the wrong type or out of range."""
        found = f"{self.name} is {quoted(value)}"
        if not self._has_type(value):
            raise InputError(f"{found}; pass {self._wanted()}")
        values = value if self.is_list else (value,)
        if self.choices and not all(word in self.choices for word in values):
            some = "some" if self.is_list else "one"
            raise InputError(f"{found}; pass {some} of {', '.join(self.choices)}")
        if self.is_number:
            for number in values:
                if not (is_finite(number) and self.allows(number)):
                    raise InputError(f"{found}; pass {self._in_range()}")

    def _has_type(self, value: Any) -> bool:
        if not self.is_list:
            return is_a(value, self.kind)
        of_kind = isinstance(value, tuple) and all(is_a(v, self.kind) for v in value)
        return of_kind and (bool(value) or not self.filled)

    def _in_range(self) -> str:
        """Return the end of the sentence: "a finite number, more than 0"."""
        if not self.range:
            return "finite numbers" if self.is_list else "a finite number"
        return (
            f"a {'list of finite numbers, each' if self.is_list else 'finite number,'} {self.range}"
        )

    def _wanted(self) -> str:
        """Return the end of the sentence: "a number, like 0.0001 (more than 0)"."""
        if self.is_list:
            values = {int: "whole numbers", float: "numbers", str: "words"}[self.kind]
            example = f", like {list(self.default)}" if self.default else ""
            each = f" (each {self.range})" if self.range else ""
            return f"a list of {values}{example}{each}"
        if self.kind is bool:
            return "true or false"
        word = {int: "a whole number", float: "a number", str: "a word"}
        allowed = self.range or ", ".join(self.choices)
        return f"{word[self.kind]}, like {self.default!r}" + (f" ({allowed})" if allowed else "")


def setting(default: Any, **about: Any) -> Any:
    """Return a field of Settings with that default; `about` are further fields of Setting."""
    return field(default=default, metadata={KEY: Setting(**about)})


def setting_of(field: Field[Any]) -> Setting:
    """Return the setting of a field; TypeError if it was not written as setting(...)."""
    if KEY not in field.metadata:
        raise TypeError(
            f"{field.name} is a plain field; write it as setting({field.default!r}, text=..., "
            "source=...), with a range or choices"
        )
    about: Setting = field.metadata[KEY]
    is_list = get_origin(field.type) is tuple
    kind: Any = get_args(field.type)[0] if is_list else field.type
    return replace(about, name=field.name, default=field.default, kind=kind, is_list=is_list)


def is_a(value: Any, kind: type) -> bool:
    """Return whether a value has that type, as a number of Python or NumPy; True is not a
    number.
    """
    if isinstance(value, bool):
        return kind is bool
    if kind is int:
        return isinstance(value, Integral)
    return isinstance(value, Real if kind is float else kind)


def is_finite(number: float) -> bool:
    """Return whether a number is finite as a float; integers in files may have any size."""
    return abs(number) <= float_info.max if isinstance(number, int) else isfinite(number)
