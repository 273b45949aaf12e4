"""Errors for unknown keywords of a constructor, with the nearest known names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar, cast

from ..text import nearest, quoted

T = TypeVar("T")


def names_checked(lists_all: str = "") -> Callable[[type[T]], type[T]]:
    """Return a decorator for dataclasses whose TypeError suggests the parameter that was meant.

    lists_all names the command or function that lists all parameters; without it the error does.
    The signature stays the same.
    """

    def decorate(cls: type[T]) -> type[T]:
        init, known = vars(cls)["__init__"], [field.name for field in fields(cast(Any, cls))]

        @wraps(init)
        def checked(self: Any, *args: Any, **params: Any) -> None:
            for name in params:
                if name not in known:
                    raise TypeError(
                        f"{cls.__name__} has no parameter {quoted(name)}; "
                        f"{nearest(name, known, lists_all=lists_all)}"
                    )
            init(self, *args, **params)

        cls.__init__ = checked  # type: ignore[method-assign]  # as dataclass does
        return cls

    return decorate
