"""Several views of the prototypes: attributes, sentence embeddings, ... of the same classes.

Where prototypes are passed, an array (C, k) is the one description of the classes. A dict
{"att": (C, k1), "sent": (C, k2)} holds several, the views: row i of each describes class i.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ..errors import InputError
from ..runtime.array import Array
from ..text import quoted
from .array_checks import check_matrix, views_refused

Prototypes: TypeAlias = np.ndarray | dict[str, np.ndarray]
# The same for attributes: most datasets have one array, which users' code may pass to any model
# without ruling out a dict first.
AnyPrototypes: TypeAlias = np.ndarray | Any
AnyArray = TypeVar("AnyArray", bound=Array)

DEFAULT = "att"  # the view that is loaded unless others are asked for
ONE = "prototypes"  # the name of an array that came without one
_NAME = re.compile(r"[\w-][\w.-]*")  # a part of names of files and of arrays in NPZ files


def view_names(asked: str | Iterable[str]) -> tuple[str, ...]:
    """Return ("att", "sent") for "att,sent" or ["att", "sent"].

    Raises ValueError for an empty name, a name twice, and characters that a name can't have.
    """
    if not isinstance(asked, Iterable):
        raise InputError(f"prototypes is {quoted(asked)}; pass a name, or several: 'att,sent'")
    names = asked.split(",") if isinstance(asked, str) else list(asked)
    names = [name.strip() if isinstance(name, str) else name for name in names]
    if not names or any(name == "" for name in names):
        raise InputError(
            f"prototypes is {quoted(asked)}, in which a name is missing; pass 'att', or several "
            "names like 'att,sent'"
        )
    if not isinstance(asked, str) or len(names) > 1:  # one name alone may be any variable's
        check_view_names(names)
    return tuple(names)


def check_view_names(names: Iterable[str]) -> None:
    """ValueError unless names are of letters, digits, "_", "-" and ".", and none comes twice."""
    met: dict[str, str] = {}
    for name in names:
        if not is_view_name(name):
            raise InputError(
                f"{quoted(name)} can't name a view of the prototypes; use letters, digits, _, - "
                "and ."
            )
        folded = name.casefold()  # on some file systems A.csv is a.csv
        if folded in met:
            raise InputError(
                f"prototypes has the views {quoted(met[folded])} and {quoted(name)}; name each "
                "once, by names that differ in more than upper and lower case"
            )
        met[folded] = name


def is_view_name(name: object) -> bool:
    """Return whether name is text that can name a view."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def as_views(prototypes: AnyArray | Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Return prototypes as a dict of views; an array becomes {"prototypes": array}.

    Raises ValueError for a dict that is empty or has keys that can't name views.
    """
    if not isinstance(prototypes, Mapping):
        return {ONE: prototypes}
    if not prototypes:
        raise InputError("prototypes is an empty dict; pass an array, or an array for each view")
    check_view_names(prototypes)
    return dict(prototypes)


def as_prototypes(views: dict[str, np.ndarray]) -> Prototypes:
    """Return the array of the only view, or the dict of several."""
    return views if len(views) > 1 else next(iter(views.values()))


def single_view(prototypes: AnyArray | Mapping[str, AnyArray]) -> AnyArray:
    """Return prototypes if they are one array; ValueError for a dict of views."""
    if isinstance(prototypes, Mapping):
        raise views_refused("prototypes", prototypes)
    return prototypes


def each_view(function: Callable[[np.ndarray], np.ndarray], prototypes: Prototypes) -> Prototypes:
    """Return function(array); if there are several views, that of each."""
    if isinstance(prototypes, Mapping):
        return {name: function(array) for name, array in prototypes.items()}
    return function(prototypes)


def rows_of(prototypes: Prototypes, rows: np.ndarray) -> Prototypes:
    """Return the rows of a mask (C,) or of indices, of each view."""
    return each_view(lambda array: array[rows], prototypes)


def named_tables(name: str, prototypes: AnyArray | Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Return the arrays by what a sentence calls them: name, or name['att'] and name['sent']."""
    if not isinstance(prototypes, Mapping):
        return {name: prototypes}
    return {f"{name}[{view!r}]": array for view, array in as_views(prototypes).items()}


def widths(prototypes: Prototypes) -> str:
    """Return the numbers of attributes as text: "312", or "312 (att) + 1024 (sent)"."""
    if isinstance(prototypes, Mapping):
        return " + ".join(f"{array.shape[1]} ({name})" for name, array in prototypes.items())
    return str(prototypes.shape[1])


def check_views(
    seen: Mapping[str, Array], unseen: AnyArray | Mapping[str, AnyArray]
) -> dict[str, AnyArray]:
    """Return the views of the unseen classes, in the order of the seen ones.

    Parameters
    ----------
    seen : dict of str to array of shape (S, k)
        The model's, from as_views; each view has a k of its own.
    unseen : array of shape (U, k), or dict of str to array of shape (U, k)

    Raises
    ------
    ValueError
        If a view is missing or unknown, is no matrix of numbers, or has other columns than the
        seen one or other rows than the first.
    """
    found = as_views(unseen)
    _check_known(seen, found)
    views = {name: found[name] for name in seen}
    called = named_tables("unseen_prototypes", views if isinstance(unseen, Mapping) else unseen)
    for table, (name, array) in zip(called, views.items(), strict=True):
        why = "the model's seen prototypes" if name == ONE else f"the model's view {name!r}"
        check_matrix(table, array, columns=seen[name].shape[1], why=why)
    _check_same_rows("unseen_prototypes", views)
    return views


def _check_known(seen: Mapping[str, Array], unseen: Mapping[str, Array]) -> None:
    """ValueError unless both have the same names, in any order."""
    needed = ", ".join(f"{name!r}: (U, {array.shape[1]})" for name, array in seen.items())
    fix = f"pass {{{needed}}}"
    if list(seen) == [ONE]:
        fix = f"pass an array of shape (U, {seen[ONE].shape[1]})"
    for name in seen:
        if name not in unseen:
            which = f"has no view {name!r}, which"
            if name == ONE:
                which = "is a dict of views, but one array is what"
            elif list(unseen) == [ONE]:
                which = "is one array, but a dict of views is what"
            raise InputError(f"unseen_prototypes {which} the model was fitted with; {fix}")
    for name in unseen:
        if name not in seen:
            raise InputError(
                f"unseen_prototypes has the view {name!r}, which the model was not fitted with; "
                f"{fix}"
            )


def _check_same_rows(name: str, views: Mapping[str, Array]) -> None:
    """ValueError unless all views have as many rows as the first."""
    (first, one), *others = views.items()
    for view, array in others:
        if array.shape[0] != one.shape[0]:
            raise InputError(
                f"{name}[{view!r}] has {array.shape[0]} rows but {name}[{first!r}] has "
                f"{one.shape[0]}; give every view one row per class"
            )
