"""Views in files of one's own: `prototypes` is the view att, `prototypes_NAME` the view NAME.

These are arrays of an .npz file, and files of a CSV folder, where .csv follows.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..text import quoted
from .dataset import Dataset
from .named_columns import Columns, ViewColumns, by_view
from .views import DEFAULT, ONE, as_views, is_view_name, view_names

STEM = "prototypes"


def stored_name(view: str) -> str:
    """Return the name under which a view is stored."""
    return STEM if view == DEFAULT else f"{STEM}_{view}"


def stored_views(names: Iterable[str], *, where: Path) -> list[str]:
    """Return the views among the names of arrays or files in `where`: att first, others sorted.

    Raises ValueError if both prototypes and prototypes_att are there.
    """
    names = set(names)
    views = sorted(name.removeprefix(f"{STEM}_") for name in names if name.startswith(f"{STEM}_"))
    views = [view for view in views if is_view_name(view)]
    if STEM in names:
        if DEFAULT in views:
            raise InputError(
                f"{where} has both {STEM} and {STEM}_{DEFAULT}, which are the same view; drop one"
            )
        views.insert(0, DEFAULT)
    return views


def chosen_views(
    there: list[str], asked: str | Sequence[str], *, where: Path
) -> tuple[dict[str, str], list[str]]:
    """Return {view: stored name} of the views asked for, and a note about others, if any.

    Raises ValueError if one of them is not there. If none is there, att is: its array or file is
    missed when it is read.
    """
    views = view_names(asked)
    for view in views:
        if view in (there or [DEFAULT]):
            continue
        text = ",".join(views)
        if there in ([], [DEFAULT]):
            raise InputError(
                f"prototypes is {quoted(text)} but {where} has only one kind of prototypes; leave "
                "it out"
            )
        raise InputError(
            f"prototypes is {quoted(text)} but {where} has the views {', '.join(there)}; pass "
            f"prototypes='{there[0]}', or several with commas (on the command line --prototypes)"
        )
    others = [view for view in there if view not in views]
    note = f"further prototypes in the file, not loaded: {', '.join(others)}"
    return {view: stored_name(view) for view in views}, [note] if others else []


def stored_tables(dataset: Dataset) -> dict[str, np.ndarray]:
    """Return the prototypes (S + U, k) of all classes, seen ones first, by stored name."""
    seen, unseen = as_views(dataset.seen_prototypes), as_views(dataset.unseen_prototypes)
    several = isinstance(dataset.seen_prototypes, Mapping)
    return {
        stored_name(view) if several else STEM: np.concatenate([seen[view], unseen[view]])
        for view in seen
    }


def stored_columns(dataset: Dataset) -> dict[str, Columns]:
    """Return the names of the attributes of all views, None without names, by stored name."""
    names = by_view(dataset.attribute_names)
    if not isinstance(dataset.seen_prototypes, Mapping):
        return {STEM: names.get(ONE)}
    return {stored_name(view): names.get(view) for view in dataset.seen_prototypes}


def as_names(columns: dict[str, Columns]) -> ViewColumns:
    """Return the names of the only view, or those of several by view, as as_prototypes does."""
    return columns if len(columns) > 1 else next(iter(columns.values()))
