"""Which runs a target means, on the datasets that are there, and what is missing for the others."""

from __future__ import annotations

from pathlib import Path

from ..datasets.action import split_numbers
from ..datasets.find import FOLDERS, find_known
from .targets import TARGETS


def splits_of(name: str, root: str | None) -> list[int | None]:
    """The numbers of the splits there are, [None] for a dataset without numbered splits.

    Raises FileNotFoundError, saying where it looked, if nothing is there.
    """
    base = Path(root or ".")
    if name.casefold() == "letters":
        return [None]
    known = name.casefold() in FOLDERS
    folder = find_known(name.casefold(), base) if known else base / name
    if not folder.exists():
        raise FileNotFoundError(
            f"{folder} does not exist and is no known name; known are letters, "
            f"{', '.join(FOLDERS)}, otherwise pass an .npz file or a folder"
        )
    return list(split_numbers(folder)) or [None]


def wanted_splits(
    target: str, name: str, there: list[int | None], asked: list[int] | None
) -> list[int | None]:
    """The splits to run: those asked for, else as many as the target takes.

    Raises ValueError for a split that doesn't exist.
    """
    if there == [None]:
        return there
    absent = [split for split in asked or [] if split not in there]
    if absent:
        raise ValueError(f"{name} has no split {absent[0]}; leave it out of --splits")
    return asked or there[: TARGETS[target].splits]
