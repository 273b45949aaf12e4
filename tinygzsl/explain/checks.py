"""All gradient checks, with every version of the kernels, and with arrays on both sides of the
size at which compiled kernels start to be used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from ..kernels import dispatch
from ..runtime.array import ArrayModule
from ..runtime.threads import shares_in_turn
from .cases import Case, layer_cases, objective_cases
from .cases_baselines import baseline_cases
from .cases_gan import gan_cases
from .cases_gates import gate_cases
from .draw import LARGE, SMALL, Draw, Sizes
from .gradcheck import DIRECTIONS, TOLERANCE, Check, run_check

SHARES = 2  # of the work on large arrays


@dataclass(frozen=True)
class Place:
    """Where a case runs: on the reference or on compiled kernels, with small arrays or large ones.

    Training sends small arrays to the reference; here compiled kernels take them too. Work on
    large arrays is split into shares, as training splits it among threads.
    """

    version: str  # "reference" or "compiled"
    size: str  # "small" or "large"

    @property
    def sizes(self) -> Sizes:
        """The sizes of a case's arrays."""
        return SMALL if self.size == "small" else LARGE

    @property
    def directions(self) -> int:
        """Random directions per array; fewer for large arrays, which take longer."""
        return DIRECTIONS if self.size == "small" else 1

    @contextmanager
    def entered(self) -> Iterator[set[str]]:
        """Run the block's kernels in this place; yields the names of the compiled ones that ran."""
        with ExitStack() as stack:
            if self.size == "large":
                stack.enter_context(shares_in_turn(SHARES))
            if self.version == "reference":
                stack.enter_context(dispatch.reference_only())
                yield set()
            else:
                smallest = 0 if self.size == "small" else dispatch.SMALL
                yield stack.enter_context(dispatch.compiled_from(smallest))


PLACES = tuple(
    Place(version, size) for version in ("reference", "compiled") for size in ("small", "large")
)
NO_NUMBA, NO_KERNEL = "no Numba", "no kernel"


class Cell(NamedTuple):
    """A case in one place: its largest relative error, or None and why it didn't run.

    kernels are the compiled ones that ran.
    """

    place: Place
    error: float | None
    tolerance: float
    kernels: tuple[str, ...] = ()
    why_not: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it ran and its error is not below the tolerance (NaN fails too)."""
        return self.error is not None and not self.error < self.tolerance


class Row(NamedTuple):
    """A case in every place."""

    name: str
    cells: list[Cell]

    @property
    def failed(self) -> bool:
        """Whether a cell failed."""
        return any(cell.failed for cell in self.cells)


def all_cases(xp: ArrayModule = np) -> dict[str, list[Case]]:
    """Return all cases by topic; those of gates and baselines are for NumPy only."""
    cases = {
        "layers, losses and networks": layer_cases(),
        "the CWGAN (eq. 6)": gan_cases(),
        "PTC and VSMM (eqs. 3-5, 8 and 9)": objective_cases(),
    }
    if xp is not np:
        return cases
    return {**cases, "the learned gate": gate_cases(), "baselines": baseline_cases()}


def all_checks(seed: int = 0) -> Iterator[Check]:
    """Yield every case with small arrays, each with its own Draw so that they are independent."""
    cases = chain.from_iterable(all_cases().values())
    for i, case in enumerate(cases):
        yield case(Draw(seed + i))


def gradient_row(
    case: Case, seed: int, *, places: Sequence[Place] = PLACES, xp: ArrayModule = np
) -> Row:
    """Run the case in those places."""
    cells = [_gradient_cell(case, seed, place, xp) for place in places]
    return Row(name_of(case, seed, xp=xp), cells)


def name_of(case: Case, seed: int, *, xp: ArrayModule = np) -> str:
    """Return the case's name, which does not depend on its numbers."""
    with dispatch.reference_only():
        return case(Draw(seed, SMALL, xp=xp)).name


def _gradient_cell(case: Case, seed: int, place: Place, xp: ArrayModule) -> Cell:
    if no_numba(place, xp):
        return Cell(place, None, TOLERANCE, why_not=NO_NUMBA)
    with place.entered() as ran:
        check = case(Draw(seed, place.sizes, xp=xp))
        if place.version == "compiled":
            check.function()
            ran |= {check.compiled} if check.compiled else set()
            if not ran:  # it would only repeat the reference
                return Cell(place, None, TOLERANCE, why_not=NO_KERNEL)
        error = run_check(check, seed, directions=place.directions).error
    return Cell(place, error, TOLERANCE, tuple(sorted(ran)))


def no_numba(place: Place, xp: ArrayModule) -> bool:
    """Return whether the place needs Numba and Numba can't be used."""
    return place.version == "compiled" and xp is np and dispatch.numba_version() is None
