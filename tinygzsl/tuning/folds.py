"""Validation folds with pseudo-unseen classes, made from training samples only."""

from __future__ import annotations

import numpy as np

from ..datasets import Dataset, TrainingSet
from ..datasets.hold_out import hold_out_rows
from ..datasets.views import rows_of
from ..errors import InputError
from ..nn.random import Purpose, check_seed

# The shares differ, so that thresholds must suit several numbers of seen classes.
UNSEEN_SHARES = (1 / 4, 1 / 3, 1 / 5)
MOST_FOLDS = 20  # each has a copy of the samples, and more folds add little information
TEST_SHARE = 0.2  # share of every pseudo-seen class's samples that are test samples
GROUPS, LEAST_GROUP = 5, 2  # disjoint groups of classes, and the classes of one at least


def folds(training: TrainingSet, *, count: int = 3, seed: int = 0) -> list[Dataset]:
    """Return Datasets in which some classes of `training` are pseudo-unseen.

    Of every pseudo-seen class a fifth of the samples are test samples. The first fold is the
    validation split of the dataset's file (train_loc and val_loc), if it has one. The others hold
    out a quarter, a third and a fifth of the classes in turn; within three folds no class is held
    out twice.

    Parameters
    ----------
    training : TrainingSet
        From Dataset.training(), so that no other data can be used.
    count : int
        The number of folds, 1 to 20.
    seed : int
        The seed of the splits.

    Returns
    -------
    list of Dataset

    Raises
    ------
    ValueError
        If there are fewer than four classes, or count is out of range.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise InputError(f"folds is {count!r}; pass a whole number, at least 1")
    if count > MOST_FOLDS:
        raise InputError(f"folds is {count}; pass at most {MOST_FOLDS}")
    check_seed(seed)
    _check_enough(training)
    named = _named_split(training)
    unseen = [] if named is None else [named]
    drawn = (_drawn_split(training, i, seed=seed) for i in range(count - len(unseen)))
    return [
        _fold(training, number=i, seed=seed, seen=seen, unseen=unseen)
        for i, (seen, unseen) in enumerate([*unseen, *drawn])
    ]


def disjoint_folds(training: TrainingSet, *, seed: int = 0) -> list[Dataset]:
    """Return Datasets in each of which another group of classes is pseudo-unseen.

    Every class is pseudo-unseen in exactly one fold. There are five groups, fewer if there are
    fewer than ten classes. If the dataset's file has a validation split, its pseudo-unseen classes
    are the first group. Of every pseudo-seen class a fifth of the samples are test samples.

    Parameters
    ----------
    training : TrainingSet
        From Dataset.training(), so that no other data can be used.
    seed : int
        The seed of the groups and of the test samples.

    Returns
    -------
    list of Dataset

    Raises
    ------
    ValueError
        If there are fewer than four classes.
    """
    check_seed(seed)
    _check_enough(training)
    order = np.random.default_rng([seed, MOST_FOLDS]).permutation(training.classes)
    named = _named_split(training)
    groups = _groups(order, [] if named is None else [named[1]])
    if len(order) - max(map(len, groups)) < LEAST_GROUP:  # the named group leaves too few
        groups = _groups(order, [])
    return [
        _fold(
            training,
            number=MOST_FOLDS + i,  # other test samples than those of `folds`
            seed=seed,
            seen=np.setdiff1d(training.classes, group),
            unseen=np.sort(group),
        )
        for i, group in enumerate(groups)
    ]


def _groups(order: np.ndarray, first: list[np.ndarray]) -> list[np.ndarray]:
    """Return `first` and, of the other classes in that order, as many groups as there may be."""
    for group in first:
        order = order[~np.isin(order, group)]
    count = min(GROUPS - len(first), max(1, len(order) // LEAST_GROUP))
    return [*first, *np.array_split(order, count)]


def _check_enough(training: TrainingSet) -> None:
    if len(training.classes) < 4:
        raise InputError(
            f"validation needs at least 4 seen classes, two pseudo-seen and two pseudo-unseen "
            f"ones, but the training samples have {len(training.classes)}; set the values by hand"
        )


def _named_split(training: TrainingSet) -> tuple[np.ndarray, np.ndarray] | None:
    """Return pseudo-seen and pseudo-unseen classes of the file's split, or None without one."""
    if training.validation is None:
        return None
    seen, unseen = (np.unique(training.y[rows]) for rows in training.validation)
    usable = len(seen) > 1 and len(unseen) > 0 and not np.isin(seen, unseen).any()
    return (seen, unseen) if usable else None


def _drawn_split(training: TrainingSet, i: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes of split i: three splits in a row hold out parts of one permutation."""
    turn, place = divmod(i, len(UNSEEN_SHARES))
    n_classes = len(training.classes)
    counts = [min(max(2, round(s * n_classes)), n_classes - 2) for s in UNSEEN_SHARES]
    order = np.random.default_rng([seed, turn]).permutation(training.classes)
    order = np.roll(order, -sum(counts[:place]))
    return np.sort(order[counts[place] :]), np.sort(order[: counts[place]])


def _fold(
    training: TrainingSet, *, number: int, seed: int, seen: np.ndarray, unseen: np.ndarray
) -> Dataset:
    of_seen = np.flatnonzero(np.isin(training.y, seen))
    index = np.searchsorted(seen, training.y[of_seen])
    held = hold_out_rows(
        index, share=TEST_SHARE, seed=seed, purpose=Purpose.FOLD_HOLD_OUT, draw=number
    )
    test = np.concatenate([of_seen[held], np.flatnonzero(np.isin(training.y, unseen))])
    kept = of_seen[~held]
    return Dataset(
        name=f"{training.name}, fold {number}",
        X_train=training.X[kept],
        y_train=training.y[kept],
        X_test=training.X[test],
        y_test=training.y[test],
        seen_classes=seen,
        seen_prototypes=rows_of(training.prototypes, np.isin(training.classes, seen)),
        unseen_classes=unseen,
        unseen_prototypes=rows_of(training.prototypes, np.isin(training.classes, unseen)),
    )
