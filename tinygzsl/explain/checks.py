"""Every gradient check of the library."""

from __future__ import annotations

from collections.abc import Iterator

from .cases import own_cases
from .cases_baselines import baseline_cases
from .draw import Draw
from .gradcheck import Check, Result, run_check


def all_checks(seed: int = 0) -> Iterator[Check]:
    """Every case. A draw of its own per case keeps them independent of each other."""
    cases = own_cases() + baseline_cases()  # these last, so that the others keep their seeds
    for i, case in enumerate(cases):
        yield case(Draw(seed + i))


def run_all(seed: int = 0) -> Iterator[Result]:
    """Every check, one after the other."""
    for check in all_checks(seed):
        yield run_check(check, seed)
