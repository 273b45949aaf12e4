"""Labels and 1-based index lists of MATLAB files, which have various shapes and types."""

import numpy as np

from ..errors import InputError

VALIDATION_LISTS = ("train_loc", "val_loc")


def as_integers(values: np.ndarray, name: str, *, low: int, high: int, expected: str) -> np.ndarray:
    """Return values of shape (n,), (n, 1), (1, n) or (n, 1, 1) as an int64 array (n,).

    Raises ValueError unless all are whole numbers in low..high; `expected` ends the message.
    """
    if values.dtype.kind not in "iufb" or (
        values.size and values.size != max(values.shape, default=1)
    ):
        raise InputError(
            f"{name} has dtype {values.dtype} and shape {values.shape}; "
            "expected whole numbers of shape (n,), (n, 1) or (n, 1, 1)"
        )
    flat = values.reshape(-1)
    # NaN fails every comparison, so the test is for good values.
    good = (flat >= low) & (flat <= high)
    if flat.dtype.kind == "f":
        good &= flat == np.floor(flat)
    if not good.all():
        first = int(np.argmin(good))
        raise InputError(f"{name} has {flat[first]} at entry {first}; expected {expected}")
    # Some files hold uint16, in which 0 - 1 is 65535 and 65535 + 1 is 0.
    return flat.astype(np.int64)


def read_rows(
    values: np.ndarray, name: str, *, n_samples: int, notes: list[str], needed: bool = True
) -> np.ndarray:
    """Return a 1-based index list as 0-based rows (n,), repeated entries dropped and noted.

    Raises ValueError for an index outside 1..n_samples and, if needed, for an empty list.
    """
    expected = f"sample numbers 1..{n_samples}; use features and splits that belong together"
    numbers = as_integers(values, name, low=1, high=n_samples, expected=expected)
    if needed and len(numbers) == 0:
        raise InputError(f"{name} has shape {values.shape} and no entry; expected sample numbers")
    _, first = np.unique(numbers, return_index=True)
    if len(first) < len(numbers):
        notes.append(f"{name}: dropped {len(numbers) - len(first)} repeated entries")
    return numbers[np.sort(first)] - 1


def check_disjoint(
    trainval: np.ndarray, test_seen: np.ndarray, test_unseen: np.ndarray, labels: np.ndarray
) -> None:
    """Raise ValueError if the three lists share samples or classes that they must not share.

    trainval, test_seen and test_unseen hold rows; labels (N,) are the labels of all rows.
    """
    shared = np.intersect1d(trainval, test_seen)
    if len(shared):
        raise InputError(
            f"trainval_loc and test_seen_loc share {len(shared)} samples, the first is number "
            f"{shared[0] + 1}; take them out of one of the two lists"
        )
    seen = np.unique(labels[trainval])
    both = np.intersect1d(seen, labels[test_unseen])
    if len(both):
        raise InputError(
            f"trainval_loc and test_unseen_loc share {len(both)} of the classes, the first is "
            f"{both[0]}; unseen classes must have no training sample"
        )
    strangers = np.setdiff1d(labels[test_seen], seen)
    if len(strangers):
        raise InputError(
            f"test_seen_loc has {len(strangers)} classes that are not in trainval_loc, the first "
            f"is {strangers[0]}; move their samples to test_unseen_loc"
        )


def validation_rows(
    found: dict[str, np.ndarray], trainval: np.ndarray, labels: np.ndarray, *, notes: list[str]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the rows of X_train in train_loc and in val_loc, or None if they can't be used.

    Published files list test_seen samples in train_loc and val_loc, so both are intersected with
    trainval. found holds the file's arrays by name; labels is (N,).
    """
    if any(name not in found for name in VALIDATION_LISTS):
        return None
    lists = {
        name: read_rows(found[name], name, n_samples=len(labels), notes=notes, needed=False)
        for name in VALIDATION_LISTS
    }
    train, val = (np.flatnonzero(np.isin(trainval, rows)) for rows in lists.values())
    pair = train, val
    dropped = {name: len(lists[name]) - len(kept) for name, kept in zip(lists, pair, strict=True)}
    if any(dropped.values()):
        parts = [f"{count} of {len(lists[name])} {name}" for name, count in dropped.items()]
        notes.append(f"dropped {' and '.join(parts)} samples that are not in trainval_loc")
    y_train = labels[trainval]
    shared = np.intersect1d(y_train[pair[0]], y_train[pair[1]])
    if len(shared) or min(map(len, pair)) == 0:
        notes.append(
            f"train_loc and val_loc are not used: {len(pair[0])} and {len(pair[1])} training "
            f"samples, {len(shared)} classes in both"
        )
        return None
    return pair
