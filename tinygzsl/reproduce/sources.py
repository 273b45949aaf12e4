"""The available datasets and splits of a target, and what is missing for the others."""

from __future__ import annotations

from pathlib import Path

from ..datasets.action import split_numbers
from ..datasets.find import FOLDERS, find_known
from ..errors import InputError
from .targets import TARGETS


def splits_of(name: str, root: str | None) -> list[int | None]:
    """Return the numbers of the existing splits, or [None] for a dataset without numbered splits.

    Raises FileNotFoundError, with the folders that were searched, if the dataset is missing.
    """
    base = Path(root or ".")
    if name.casefold() == "letters":
        return [None]
    known = name.casefold() in FOLDERS
    folder = find_known(name.casefold(), base) if known else base / name
    if not folder.exists():
        raise FileNotFoundError(
            f"{folder} does not exist and is not a known name; known are letters, "
            f"{', '.join(FOLDERS)}, otherwise pass an .npz file or a folder"
        )
    return list(split_numbers(folder)) or [None]


def wanted_splits(
    target: str, name: str, *, there: list[int | None], asked: list[int] | None
) -> list[int | None]:
    """Return the splits to run: the requested ones, or the target's default number of splits.

    Raises ValueError for a split that doesn't exist.
    """
    if there == [None]:
        return there
    absent = [split for split in asked or [] if split not in there]
    if absent:
        raise InputError(f"{name} has no split {absent[0]}; leave it out of --splits")
    return list(asked or there[: TARGETS[target].splits])
