"""Folds of pseudo-unseen classes: what plays what, and that nothing else can be reached."""

from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.datasets import TrainingSet
from tinygzsl.tuning import folds as folds_module
from tinygzsl.tuning.folds import GROUPS, disjoint_folds, folds


@pytest.fixture
def training():
    """20 classes of 10 samples; row i of X and of the prototypes says where it came from."""
    y = np.repeat(np.arange(20), 10)
    X = np.stack([np.arange(200.0), y], axis=1)
    return TrainingSet(X, y, np.stack([np.arange(20.0)] * 2, axis=1), np.arange(20), name="t")


def test_classes_and_samples_play_their_parts(training):
    for fold, n_unseen in zip(folds(training, count=3), (5, 7, 4), strict=True):
        assert len(fold.unseen_classes) == n_unseen
        both = np.concatenate([fold.seen_classes, fold.unseen_classes])
        assert sorted(both) == list(range(20))
        assert set(fold.y_train) == set(fold.seen_classes)
        rows = np.concatenate([fold.X_train, fold.X_test])[:, 0]
        assert sorted(rows) == list(range(200))  # every sample once
        np.testing.assert_array_equal(fold.X_test[:, 1], fold.y_test)
        np.testing.assert_array_equal(fold.seen_prototypes[:, 0], fold.seen_classes)
        np.testing.assert_array_equal(fold.unseen_prototypes[:, 0], fold.unseen_classes)
        np.testing.assert_array_equal(np.unique(fold.y_test_seen, return_counts=True)[1], 2)


def test_no_class_is_held_out_twice_within_three_folds(training):
    held = np.concatenate([fold.unseen_classes for fold in folds(training, count=3, seed=5)])
    assert len(np.unique(held)) == len(held)


def test_more_folds_begin_with_the_same_ones_and_differ(training):
    six = [tuple(fold.unseen_classes) for fold in folds(training, count=6)]
    assert six[:3] == [tuple(fold.unseen_classes) for fold in folds(training, count=3)]
    assert len(set(six)) == 6


def test_the_seed_decides(training):
    def held(seed):
        return [tuple(fold.unseen_classes) for fold in folds(training, count=3, seed=seed)]

    assert held(1) == held(1)
    assert held(1) != held(2)


def test_the_split_of_the_file_is_the_first_fold(training):
    named = replace(training, validation=(np.arange(0, 120), np.arange(120, 180)))
    first, second = folds(named, count=2)
    assert list(first.seen_classes) == list(range(12))
    assert list(first.unseen_classes) == list(range(12, 18))
    assert set(first.X_test[:, 1]) == set(range(18))
    assert list(second.unseen_classes) == list(folds(training, count=1)[0].unseen_classes)


def test_a_useless_split_of_the_file_is_passed_over(training):
    for rows in ((np.arange(10), np.arange(10, 20)), (np.arange(50), np.arange(40, 90))):
        named = replace(training, validation=rows)
        (fold,) = folds(named, count=1)
        assert list(fold.unseen_classes) == list(folds(training, count=1)[0].unseen_classes)


def test_four_classes_are_enough_and_three_are_not(training, sentence):
    def only(n):
        rows = training.y < n
        arrays = training.X[rows], training.y[rows], training.prototypes[:n]
        return TrainingSet(*arrays, training.classes[:n])

    assert [len(fold.unseen_classes) for fold in folds(only(4))] == [2, 2, 2]
    with sentence(ValueError, "at least 4 seen classes", "have 3"):
        folds(only(3))


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_a_count_must_be_a_number(training, count, sentence):
    with sentence(ValueError, f"folds is {count!r}"):
        folds(training, count=count)


def test_labels_may_be_strings(training):
    names = np.array([f"class {i:02}" for i in range(20)])
    fold = folds(replace(training, y=names[training.y], classes=names), count=1)[0]
    assert list(fold.unseen_classes) == [
        names[i] for i in folds(training, count=1)[0].unseen_classes
    ]


def test_there_are_at_most_20(training, sentence):
    assert len(folds(training, count=20)) == 20
    with sentence(ValueError, "folds is 21", "at most 20"):
        folds(training, count=21)


def test_a_fold_holds_out_by_its_number_and_not_by_another_seed(training, monkeypatch):
    """With seed + number, fold 1 of a seed would hold out what fold 0 of the next one does."""
    drawn, hold_out = [], folds_module.hold_out_rows

    def spy(y, **how):
        drawn.append((how["seed"], how.get("draw", 0)))
        return hold_out(y, **how)

    monkeypatch.setattr(folds_module, "hold_out_rows", spy)
    folds_module.folds(training, count=3, seed=5)
    assert drawn == [(5, 0), (5, 1), (5, 2)]


def test_folds_split_every_view_by_class(training):
    views = {"att": training.prototypes, "sent": np.arange(20.0)[:, None] + 100}
    for fold, one in zip(folds(replace(training, prototypes=views)), folds(training), strict=True):
        np.testing.assert_array_equal(fold.X_train, one.X_train)
        np.testing.assert_array_equal(fold.seen_prototypes["att"], one.seen_prototypes)
        np.testing.assert_array_equal(fold.unseen_prototypes["att"], one.unseen_prototypes)
        np.testing.assert_array_equal(fold.seen_prototypes["sent"][:, 0], fold.seen_classes + 100)
        np.testing.assert_array_equal(
            fold.unseen_prototypes["sent"][:, 0], fold.unseen_classes + 100
        )


def only(training, n):
    """The first n classes."""
    rows = training.y < n
    arrays = training.X[rows], training.y[rows], training.prototypes[:n]
    return TrainingSet(*arrays, training.classes[:n], name="t")


@pytest.mark.parametrize("n", [4, 5, 6, 7, 8, 9, 10, 11, 20])
def test_every_class_is_pseudo_unseen_in_exactly_one_disjoint_fold(training, n):
    parts = disjoint_folds(only(training, n))
    assert len(parts) == min(GROUPS, n // 2)
    unseen = np.concatenate([part.unseen_classes for part in parts])
    assert sorted(unseen) == list(range(n))
    sizes = [len(part.unseen_classes) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 2
    for part in parts:
        both = np.concatenate([part.seen_classes, part.unseen_classes])
        assert sorted(both) == list(range(n))
        assert len(part.seen_classes) >= 2
        rows = np.concatenate([part.X_train, part.X_test])[:, 0]
        assert sorted(rows) == list(range(10 * n))  # every sample once
        assert set(part.y_train) == set(part.seen_classes)
        np.testing.assert_array_equal(np.unique(part.y_test_seen, return_counts=True)[1], 2)
        np.testing.assert_array_equal(part.unseen_prototypes[:, 0], part.unseen_classes)


def test_the_split_of_the_file_is_the_first_disjoint_group(training):
    named = replace(training, validation=(np.arange(0, 120), np.arange(120, 180)))
    first, *others = disjoint_folds(named)
    assert list(first.unseen_classes) == list(range(12, 18))
    assert list(first.seen_classes) == [*range(12), 18, 19]  # all others, not those of the file
    unseen = np.concatenate([part.unseen_classes for part in others])
    assert sorted(unseen) == [*range(12), 18, 19]
    assert len(others) == GROUPS - 1


def test_a_split_of_the_file_that_leaves_no_group_is_passed_over(training):
    few = only(training, 4)
    named = replace(few, validation=(np.arange(0, 20), np.arange(20, 30)))  # leaves three classes
    assert [len(part.unseen_classes) for part in disjoint_folds(named)] == [2, 2]
    most = only(training, 5)
    named = replace(most, validation=(np.arange(0, 10), np.arange(10, 50)))
    assert [list(p.unseen_classes) for p in disjoint_folds(named)] == [
        list(p.unseen_classes) for p in disjoint_folds(most)
    ]


def test_the_seed_decides_groups_and_test_samples(training):
    def drawn(seed):
        return [part.sha256() for part in disjoint_folds(training, seed=seed)]

    assert drawn(1) == drawn(1)
    assert not set(drawn(1)) & set(drawn(2))


def test_disjoint_folds_hold_out_other_samples_than_folds(training, monkeypatch):
    drawn, hold_out = [], folds_module.hold_out_rows

    def spy(y, **how):
        drawn.append((how["seed"], how["draw"]))
        return hold_out(y, **how)

    monkeypatch.setattr(folds_module, "hold_out_rows", spy)
    disjoint_folds(training, seed=5)
    assert drawn == [(5, 20 + i) for i in range(GROUPS)]


def test_disjoint_folds_need_four_classes(training, sentence):
    with sentence(ValueError, "at least 4 seen classes", "have 3"):
        disjoint_folds(only(training, 3))


def test_disjoint_folds_split_every_view(training):
    views = {"att": training.prototypes, "sent": np.arange(20.0)[:, None] + 100}
    for part in disjoint_folds(replace(training, prototypes=views)):
        assert list(part.seen_prototypes["sent"][:, 0]) == list(part.seen_classes + 100)
        assert list(part.unseen_prototypes["att"][:, 0]) == list(part.unseen_classes)


def test_the_seed_decides_the_disjoint_groups(training):
    def groups(seed):
        return [part.unseen_classes.tolist() for part in disjoint_folds(training, seed=seed)]

    assert groups(1) == groups(1)
    assert groups(1) != groups(2)


def test_a_split_of_the_file_that_leaves_just_one_group_counts(training):
    named = replace(only(training, 5), validation=(np.arange(0, 20), np.arange(20, 50)))
    assert [list(p.unseen_classes) for p in disjoint_folds(named)] == [[2, 3, 4], [0, 1]]
