"""Checks of the baselines' parameters: numbers, exponents and choices."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeGuard

from ...errors import InputError


def check_numbers(
    model: Any,
    *,
    whole: tuple[str, ...] = (),
    positive: tuple[str, ...] = (),
    weights: tuple[str, ...] = (),
    widths: tuple[str, ...] = (),
) -> None:
    """Raise ValueError for a parameter out of its range.

    The arguments list names of parameters: `whole` are whole numbers of at least 1, `positive`
    numbers above 0, `weights` numbers of at least 0, `widths` tuples of whole numbers of at least
    1.
    """
    for name in (*whole, *positive, *weights, *widths):
        value = getattr(model, name)
        if name in widths:
            words = "a tuple of whole numbers from 1, like (512,)"
            good = isinstance(value, tuple | list) and all(is_whole(v) and v > 0 for v in value)
        elif name in whole:
            words = "a whole number from 1"
            good = is_whole(value) and value > 0
        else:
            words = "a number of 0 or more" if name in weights else "a number above 0"
            good = is_number(value) and (value > 0 or (name in weights and value == 0))
        if not good:
            raise InputError(f"{name} is {value!r}; pass {words}")


def check_power(model: Any, name: str, *, base: int, most: int) -> None:
    """Raise ValueError unless the parameter, a logarithm of this base, is from -most to most."""
    value = getattr(model, name)
    if not is_number(value) or abs(value) > most:
        raise InputError(f"{name} is {value!r}; pass a log{base} from {-most} to {most}")


def check_choice(model: Any, name: str, *, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless the parameter is one of the choices."""
    value = getattr(model, name)
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} is {value!r}; pass {' or '.join(choices)}")


def check_finite_number(model: Any, name: str) -> None:
    """Raise ValueError unless the parameter is a finite number."""
    value = getattr(model, name)
    if not is_number(value):
        raise InputError(f"{name} is {value!r}; pass a finite number")


def is_whole(value: Any) -> TypeGuard[int]:
    """Return whether value is a whole number; True and False are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether value is a finite real number; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
