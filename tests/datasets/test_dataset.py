import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from tinygzsl.datasets import Dataset, TrainingSet

ARRAYS = ("X_train", "y_train", "X_test", "y_test", "seen_prototypes", "unseen_prototypes")


def changed(dataset, **fields):
    return dataclasses.replace(dataset, **fields)


@pytest.mark.wheel
def test_parts_of_a_dataset(tiny_dataset):
    data = tiny_dataset()
    assert data.n_features == 12
    assert data.X_test_seen.shape == (50, 12)
    assert data.X_test_unseen.shape == (80, 12)
    assert np.array_equal(np.concatenate([data.y_test_seen, data.y_test_unseen]), data.y_test)
    assert set(data.y_test_seen) == {0, 1, 3, 4, 6}
    assert set(data.y_test_unseen) == {2, 5}
    assert np.array_equal(data.X_test_unseen[0], data.X_test[50])
    assert "'tiny': 150 training, 50 seen and 80 unseen" in repr(data)
    assert "X 150 x 12, 5 classes x 6 attributes" in repr(data.training())


def test_prototypes_of_the_tiny_dataset_predict_features(tiny_dataset):
    for seed in range(3):
        data = tiny_dataset(seed)
        rows = np.searchsorted(data.seen_classes, data.y_train)
        to_features = np.linalg.lstsq(data.seen_prototypes[rows], data.X_train, rcond=None)[0]
        centres = data.unseen_prototypes @ to_features
        distance = np.linalg.norm(data.X_test_unseen[:, None] - centres, axis=2)
        accuracy = (data.unseen_classes[distance.argmin(1)] == data.y_test_unseen).mean()
        assert accuracy > 0.9


def test_containers_are_frozen(tiny_dataset):
    for container in (tiny_dataset(), tiny_dataset().training()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            container.name = "other"


def reachable_buffers(value):
    """Every array that can be reached from value: itself, the bases of views, containers."""
    if isinstance(value, np.ndarray):
        yield value
        if value.base is not None:
            yield from reachable_buffers(value.base)
    elif isinstance(value, dict):
        yield from reachable_buffers(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from reachable_buffers(item)
    elif dataclasses.is_dataclass(value):
        yield from reachable_buffers([getattr(value, f.name) for f in dataclasses.fields(value)])


def test_training_set_holds_the_seen_part_in_copies(tiny_dataset):
    data = tiny_dataset()
    everything = np.concatenate([data.X_train, data.X_test])  # train and test in one buffer
    prototypes = np.concatenate([data.seen_prototypes, data.unseen_prototypes])
    rows = np.arange(150)
    data = changed(
        data,
        X_train=everything[:150],
        X_test=everything[150:],
        seen_prototypes=prototypes[:5],
        unseen_prototypes=prototypes[5:],
        validation=(rows[:90], rows[90:]),
        notes=("a note",),
    )
    training = data.training()
    assert isinstance(training, TrainingSet)
    assert np.array_equal(training.X, data.X_train)
    assert np.array_equal(training.y, data.y_train)
    assert np.array_equal(training.prototypes, data.seen_prototypes)
    assert np.array_equal(training.classes, data.seen_classes)
    assert np.array_equal(training.validation[1], rows[90:])
    assert (training.name, training.notes) == ("tiny", ("a note",))
    for buffer in reachable_buffers(training):
        assert not np.shares_memory(buffer, everything)
        assert not np.shares_memory(buffer, prototypes)
        for own in (data.y_train, data.seen_classes, *data.validation):
            assert not np.shares_memory(buffer, own)


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"X_train": np.zeros((7, 12))}, ["X_train", "(7, 12)", "y_train", "(150,)", "(7,)"]),
        ({"X_train": np.zeros(12)}, ["X_train", "(12,)", "(n, columns)"]),
        ({"X_train": np.full((150, 12), "a")}, ["X_train", "dtype <U1"]),
        ({"X_test": np.zeros((130, 9))}, ["X_test has 9 columns", "X_train has 12"]),
        ({"y_test": np.zeros(3, int)}, ["X_test", "(130, 12)", "y_test", "(3,)"]),
        ({"unseen_prototypes": np.zeros((2, 5))}, ["unseen_prototypes has 5", "has 6"]),
        ({"unseen_prototypes": np.zeros((3, 6))}, ["(3, 6)", "unseen_classes", "(2,)"]),
        ({"unseen_classes": np.array([5, 2])}, ["[5, 2]", "not sorted"]),
        ({"unseen_classes": np.array([5, 5])}, ["[5, 5]", "not sorted"]),
        ({"unseen_classes": np.array([2, 9])}, ["40 samples", "the first is 5"]),
        ({"seen_classes": np.array([0, 1, 3, 6, 4])}, ["class 3 is 6", "is 4"]),
        (
            {"seen_classes": np.arange(4), "seen_prototypes": np.zeros((4, 6))},
            ["prototypes has 4 rows", "y_train has 5 classes"],
        ),
    ],
)
def test_shapes_and_labels_that_disagree(tiny_dataset, sentence, fields, parts):
    data = tiny_dataset()
    with sentence(ValueError, *parts):
        changed(data, **fields)


def test_test_samples_of_seen_classes_come_first(tiny_dataset, sentence):
    data = tiny_dataset()
    with sentence(ValueError, "unseen class at row 0", "seen classes first"):
        changed(data, X_test=data.X_test[::-1], y_test=data.y_test[::-1])


@pytest.mark.wheel
def test_importing_is_cheap():
    heavy = "('scipy', 'h5py', 'numba', 'click', 'cupy', 'matplotlib')"
    code = f"import sys, tinygzsl.datasets; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_arrays_are_named_as_documented(tiny_dataset):
    assert set(ARRAYS) < {field.name for field in dataclasses.fields(Dataset)}
    assert tiny_dataset().source["name_or_path"] == "tiny"
