import dataclasses

import numpy as np
import pytest

from tinygzsl.datasets import TrainingSet, check_test, check_training


def changed(dataset, **fields):
    return dataclasses.replace(dataset, **fields)


def with_value(array, row, column, value):
    array = array.copy()
    array[row, column] = value
    return array


def test_values_of_test_data_stop_neither_loading_nor_training(tiny_dataset):
    data = tiny_dataset()
    spoilt = changed(
        data,
        X_test=np.full_like(data.X_test, np.nan),
        unseen_prototypes=np.full_like(data.unseen_prototypes, np.inf),
    )
    check_training(spoilt.training())
    for field in dataclasses.fields(TrainingSet):
        left, right = getattr(data.training(), field.name), getattr(spoilt.training(), field.name)
        assert np.array_equal(left, right)


@pytest.mark.wheel
def test_good_data_passes(tiny_dataset):
    check_training(tiny_dataset().training())
    check_test(tiny_dataset())


def test_non_finite_training_values_are_counted_and_placed(tiny_dataset, sentence):
    data = tiny_dataset()
    X = with_value(with_value(data.X_train, 17, 4, np.nan), 100, 2, np.inf)
    with sentence(ValueError, "X has 2", "row 17, column 4"):
        check_training(changed(data, X_train=X).training())
    prototypes = with_value(data.seen_prototypes, 3, 5, np.nan)
    with sentence(ValueError, "prototypes has 1", "row 3, column 5"):
        check_training(changed(data, seen_prototypes=prototypes).training())


def test_training_needs_two_classes_with_two_samples(tiny_dataset, sentence):
    training = tiny_dataset().training()
    one = dataclasses.replace(
        training,
        X=training.X[:30],
        y=training.y[:30],
        prototypes=training.prototypes[:1],
        classes=training.classes[:1],
    )
    with sentence(ValueError, "at least 2 classes"):
        check_training(one)
    lonely = dataclasses.replace(training, X=training.X[:121], y=training.y[:121])
    with sentence(ValueError, "class 6", "1 sample", "at least 2"):
        check_training(lonely)


def test_training_shapes_and_classes_must_agree(tiny_dataset, sentence):
    training = tiny_dataset().training()
    with sentence(ValueError, "prototypes has 4 rows", "5 classes"):
        check_training(dataclasses.replace(training, prototypes=training.prototypes[:4]))
    with sentence(ValueError, "class 4 is 7", "np.unique(y)[4] is 6"):
        check_training(dataclasses.replace(training, classes=np.array([0, 1, 3, 4, 7])))
    with sentence(ValueError, "149", "150"):
        check_training(dataclasses.replace(training, y=training.y[:149]))


def test_non_finite_test_values_are_refused(tiny_dataset, sentence):
    data = tiny_dataset()
    with sentence(ValueError, "X_test has 1", "row 9, column 11"):
        check_test(changed(data, X_test=with_value(data.X_test, 9, 11, np.inf)))
    with sentence(ValueError, "unseen_prototypes has 1", "row 1, column 0"):
        check_test(
            changed(data, unseen_prototypes=with_value(data.unseen_prototypes, 1, 0, np.nan))
        )


def test_evaluation_needs_seen_and_unseen_test_samples(tiny_dataset, sentence):
    data = tiny_dataset()
    with sentence(ValueError, "50 samples of seen and 0 of unseen"):
        check_test(changed(data, X_test=data.X_test[:50], y_test=data.y_test[:50]))
    with sentence(ValueError, "0 samples of seen and 80 of unseen"):
        check_test(changed(data, X_test=data.X_test[50:], y_test=data.y_test[50:]))
    closed = changed(
        data,
        X_test=data.X_test[:50],
        y_test=data.y_test[:50],
        unseen_classes=data.unseen_classes[:0],
        unseen_prototypes=data.unseen_prototypes[:0],
    )
    with sentence(ValueError, "'tiny' has no unseen class"):
        check_test(closed)


def test_no_class_is_both_seen_and_unseen(tiny_dataset, sentence):
    data = tiny_dataset()
    keep = data.y_test != 2
    both = changed(
        data,
        X_test=data.X_test[keep],
        y_test=data.y_test[keep],
        unseen_classes=np.array([4, 5]),
    )
    with sentence(ValueError, "share 1", "the first is 4"):
        check_test(both)
