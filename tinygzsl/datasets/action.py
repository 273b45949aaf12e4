"""Action recognition (HMDB51, UCF101): one feature file and 30 folders of class splits.

The folder, `<root>/hmdb51/` or `<root>/hmdb_i3d/`, holds i3d.mat (video features) and
split_<n>/att_splits.mat (word vectors in att, one-hot classes in original_att).
"""

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from .assemble import describe_source
from .dataset import Dataset
from .views import DEFAULT
from .xlsa17 import find_features, load_pair


def split_numbers(folder: str | Path) -> dict[int, Path]:
    """Return the existing split folders (split_1, split_01, ...) by number, in order."""
    found = {}
    folder = Path(folder)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = re.fullmatch(r"split_?(\d+)", path.name, re.IGNORECASE)
        if match and (path / "att_splits.mat").is_file():
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def load_action(
    folder: str | Path,
    *,
    split: int | None,
    prototypes: str | Sequence[str] = DEFAULT,
    name: str | None = None,
) -> Dataset:
    """Load one split of a folder with i3d.mat and split_<n>/att_splits.mat.

    Parameters
    ----------
    folder : path
    split : int
        The number of the split.
    prototypes, name
        As for load_xlsa17.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If the split is None or does not exist; the message lists the existing ones. Also if the
        content does not fit.
    FileNotFoundError
        If the folder has no split folder or a file is missing.
    """
    folder = Path(folder)
    splits = split_numbers(folder)
    if not splits:
        raise FileNotFoundError(
            f"{folder} has no split_<n>/att_splits.mat; unpack the splits there"
        )
    if split not in splits:
        asked = "no split was given" if split is None else f"split {split!r} does not exist"
        raise InputError(f"{asked}; {folder} has split {_ranges(list(splits))}, pass one of them")
    return load_pair(
        find_features(folder, "i3d.mat"),
        splits[split] / "att_splits.mat",
        prototypes=prototypes,
        name=f"{name or folder.resolve().name}-split{split}",
        source=describe_source(folder, split=split, prototypes=prototypes),
        notes=(f"split {split}, one of {len(splits)}",),
    )


def _ranges(numbers: list[int]) -> str:
    """Return [1, 2, 3, 7] as "1 to 3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in runs)
