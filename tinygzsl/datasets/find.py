"""Find a dataset by name or path, and choose the loader for its layout."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..text import quoted, shown
from .action import load_action, split_numbers
from .assemble import describe_source
from .csv_folder import csv_views, load_csv
from .dataset import Dataset
from .letters import load_letters
from .npz import load_npz, npz_views
from .views import DEFAULT, view_names
from .xlsa17 import load_xlsa17

XLSA17 = {name: (name,) for name in ("awa1", "awa2", "cub", "sun", "apy", "flo")}
ACTION = {
    "hmdb51": ("hmdb51", "hmdb_i3d", "hmdb51_i3d"),
    "ucf101": ("ucf101", "ucf101_i3d", "ucf_i3d"),
}
FOLDERS = {**XLSA17, **ACTION}
LONGEST_NAME = 255  # maximum length of a file name on common file systems
SUBFOLDERS = (".", "data", "xlsa17/data")


def load_dataset(
    name_or_path: str | Path,
    root: str | Path | None = None,
    split: int | None = None,
    prototypes: str | Sequence[str] = DEFAULT,
) -> Dataset:
    """Load a dataset by name or path.

    Parameters
    ----------
    name_or_path : str or path
        "letters" (embedded in the package); or awa1, awa2, cub, sun, apy, flo, hmdb51 or ucf101, in
        upper or lower case, which is searched for in root, root/data and root/xlsa17/data; or a
        path, relative to root if given: an .npz file, a folder with train.csv and prototypes.csv,
        a folder with att_splits.mat, or a folder with split_<n> folders.
    root : path, optional
        The folder to search; the current folder by default.
    split : int, optional
        The split, from 1 to 30; for action recognition only.
    prototypes : str or sequence of str
        The prototypes' name: a variable of MATLAB files, such as att, original_att or sent; in an
        .npz file or a CSV folder att is `prototypes` and any other `prototypes_NAME`. Several,
        "att,sent" or ("att", "sent"), become views: dicts of arrays, which StackedGZSL takes.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such dataset; the message says which folders were searched and how to get
        the data.
    ValueError
        If an argument does not apply to this dataset, or the content does not fit.
    """
    _check_length(name_or_path, root)
    name = str(name_or_path).casefold()
    source = describe_source(name_or_path, root=root, split=split, prototypes=prototypes)
    if name == "letters":
        _refuse("letters", split=split, prototypes=prototypes)
        return replace(load_letters(), source=source)
    if name in FOLDERS:
        folder = find_known(name, Path(root or "."))
        data = _load_folder(folder, split=split, prototypes=prototypes, name=name)
    else:
        path = Path(root or ".") / name_or_path
        data = _load_path(path, split=split, prototypes=prototypes)
    return replace(data, source=source)


def views_of(name_or_path: str | Path, root: str | Path | None = None) -> tuple[str, ...]:
    """Return the names of all views in an .npz file or a CSV folder, which load_dataset takes.

    For other sources, and if there are none, it is att alone.
    """
    _check_length(name_or_path, root)
    if str(name_or_path).casefold() in ("letters", *FOLDERS):
        return (DEFAULT,)
    path, views = Path(root or ".") / name_or_path, []
    if path.suffix.lower() == ".npz" and path.is_file():
        views = npz_views(path)
    elif (path / "train.csv").is_file():
        views = csv_views(path)
    return tuple(views or [DEFAULT])


def _check_length(*given: str | Path | None) -> None:
    for path in given:
        if any(len(part) > LONGEST_NAME for part in Path(path or ".").parts):
            raise InputError(
                f"the dataset {quoted(str(path))} is not a path: a part of it has more than "
                f"{LONGEST_NAME} characters; shorten it"
            )


def _load_path(path: Path, *, split: int | None, prototypes: str | Sequence[str]) -> Dataset:
    if path.is_dir():
        return _load_folder(path, split=split, prototypes=prototypes)
    if not path.exists():
        raise FileNotFoundError(
            f"{shown(path, 300)} does not exist and is not a known name; known are letters, "
            f"{', '.join(FOLDERS)}, otherwise pass an .npz file or a folder"
        )
    if path.suffix.lower() != ".npz":
        raise InputError(
            f"{path} is neither an .npz file nor a folder; "
            "for MATLAB or CSV files pass the folder they are in"
        )
    _refuse(path, split=split)
    return load_npz(path, prototypes=prototypes)


def _load_folder(
    folder: Path, *, split: int | None, prototypes: str | Sequence[str], name: str | None = None
) -> Dataset:
    if (folder / "train.csv").is_file():
        _refuse(folder, split=split)
        return load_csv(folder, prototypes=prototypes)
    if (folder / "att_splits.mat").is_file() or name in XLSA17:
        _refuse(folder, split=split)
        return load_xlsa17(folder, prototypes=prototypes, name=name)
    if split_numbers(folder) or name in ACTION:
        return load_action(folder, split=split, prototypes=prototypes, name=name)
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
    raise FileNotFoundError(
        f"{folder} has no train.csv, att_splits.mat or split_<n>/att_splits.mat, "
        f"only {there}; pass the folder that has one of them"
    )


def _refuse(
    source: str | Path, *, split: int | None, prototypes: str | Sequence[str] = DEFAULT
) -> None:
    """ValueError for an argument that this source would ignore."""
    if split is not None:
        raise InputError(f"split is {split!r} but {source} has no numbered splits; leave it out")
    if view_names(prototypes) != (DEFAULT,):
        raise InputError(
            f"prototypes is {quoted(prototypes)} but {source} has only one kind of prototypes; "
            "leave it out"
        )


def canonical(name: str) -> str:
    """The paper's name of a dataset (hmdb51 for a folder hmdb_i3d); else the folder's own."""
    last = Path(name).name
    known = [known for known, folders in FOLDERS.items() if last.casefold() in folders]
    return known[0] if known else last


def find_known(name: str, root: Path) -> Path:
    """Return the folder of a known dataset, a key of FOLDERS, in one of the places below root.

    Raises FileNotFoundError; the message says which folders were searched and how to get the data.
    """
    places = [root / sub for sub in SUBFOLDERS]
    for place in places:
        entries = sorted(place.iterdir()) if place.is_dir() else []
        folders = {path.name.casefold(): path for path in entries if path.is_dir()}
        for wanted in FOLDERS[name]:
            if wanted in folders:
                return folders[wanted]
    raise FileNotFoundError(
        f"{name} was not found: no folder {' or '.join(FOLDERS[name])} in "
        f"{', '.join(map(str, places))}; {_how_to_get(name)}"
    )


def _how_to_get(name: str) -> str:
    if name in XLSA17:
        return (
            "download xlsa17.zip (datasets.d2.mpi-inf.mpg.de/xian/xlsa17.zip), unpack it and pass "
            f"root=<the folder that holds xlsa17>, with {name.upper()}/res101.mat and "
            f"{name.upper()}/att_splits.mat in xlsa17/data"
        )
    return (
        "get the I3D features and the 30 splits that the authors of generalized zero-shot action "
        f"recognition share, so that {FOLDERS[name][0]}/i3d.mat and "
        f"{FOLDERS[name][0]}/split_1/att_splits.mat exist, and pass root=<the folder above>"
    )
