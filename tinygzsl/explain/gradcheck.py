"""Finite-difference checks of every hand-written gradient, in float64.

For one array at a time and a random direction v, (f(x + h v) - f(x - h v)) / 2h must equal
<gradient, v>. Checking array by array means that an error in one of them can't hide behind
the size of the others. A slope that cancels to zero (the critic's last bias) is compared
absolutely, against a thousandth of the function's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..kernels import reference_only
from ..nn import random
from ..nn.random import Purpose
from ..runtime.array import Array
from ..runtime.backend import array_module

TOLERANCE = 1e-6
# The others only if the first disagrees: rounding asks for a longer one, a kink for a shorter one.
STEPS = 1e-6, 1e-5, 1e-7, 1e-8
DIRECTIONS = 3


class Check(NamedTuple):
    """A scalar function of arrays, and its gradients to be checked.

    function() reads the arrays, which the checker changes in place and restores. compiled names
    compiled code other than the dispatched kernels.
    """

    name: str
    arrays: list[Array]
    gradients: list[Array]
    function: Callable[[], float | Array]  # a 0-d array is a scalar too
    compiled: str | None = None


class Slope(NamedTuple):
    """The slope of the function along a direction v in one of its arrays.

    It has <gradient, v>, the central difference, and their relative error.
    """

    array: int
    exact: float
    difference: float
    error: float


class Result(NamedTuple):
    """The largest relative error over arrays and directions, and the number of directions."""

    name: str
    error: float
    directions: int

    @property
    def passed(self) -> bool:
        """Whether the error is below TOLERANCE (NaN is not)."""
        return self.error < TOLERANCE


def run_check(check: Check, seed: int = 0, *, directions: int = DIRECTIONS) -> Result:
    """Compare gradients with central differences along `directions` random directions per array.

    Parameters
    ----------
    check : Check
        The function, its arrays and gradients.
    seed : int
        The seed of the directions.
    directions : int
        Directions per array.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If a gradient is missing or has another shape than its array.
    """
    errors = [slope.error for slope in slopes(check, seed, directions=directions)]
    return Result(check.name, float(np.max(errors)), len(errors))


def slopes(check: Check, seed: int = 0, *, directions: int = DIRECTIONS) -> Iterator[Slope]:
    """Yield the slopes of check.function, `directions` times for each array; see run_check."""
    if len(check.arrays) != len(check.gradients):
        raise InputError(
            f"{check.name} has {len(check.gradients)} gradients for {len(check.arrays)} arrays; "
            "give one per array"
        )
    for i, (array, gradient) in enumerate(zip(check.arrays, check.gradients, strict=True)):
        if gradient.shape != array.shape:
            raise InputError(
                f"{check.name}: gradient {i} has shape {gradient.shape} but its array "
                f"{array.shape}; dx has x's shape"
            )
        for k in range(directions):
            with reference_only():  # the same directions on every version of the kernels
                v = random.normal(
                    np, array.shape, seed=seed, step=i * DIRECTIONS + k, purpose=Purpose.CHECK
                )
            yield _slope_along(array_module(array).asarray(v), check, i)


def relative_error(a: float, b: float, *, floor: float = 0.0) -> float:
    """Return |a - b| / max(|a|, |b|, floor), or 0 if a and b are equal."""
    return abs(a - b) / max(abs(a), abs(b), floor) if a != b else 0.0


def _slope_along(v: Array, check: Check, i: int) -> Slope:
    """Return the slope of array i along v, with the step of least error."""
    array, gradient = check.arrays[i], check.gradients[i]
    saved, exact, found = array.copy(), float((gradient * v).sum()), []
    for step in STEPS:
        array += step * v
        above = float(check.function())
        array[...] = saved - step * v
        below = float(check.function())
        array[...] = saved
        difference = (above - below) / (2 * step)
        floor = 1e-3 * max(1.0, abs(above))  # f is rounded to 1e-16 |f|, its slope to 1e-10 |f|
        found.append(Slope(i, exact, difference, relative_error(difference, exact, floor=floor)))
        if found[-1].error < TOLERANCE / 10:  # beyond what another machine's rounding can change
            break
    return min(found, key=lambda slope: slope.error)
