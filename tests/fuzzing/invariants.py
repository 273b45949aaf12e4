"""What must hold of whatever a reader lets in, and of the sentence with which it refuses."""

import numpy as np

from tinygzsl.datasets import check_test, check_training
from tinygzsl.datasets.views import as_views
from tinygzsl.errors import InputError

LONGEST = 600
REFUSALS = (InputError, FileNotFoundError, IsADirectoryError, NotADirectoryError, OSError)
REFUSALS += (ImportError, MemoryError)


def check_dataset(data):
    """The invariants of a dataset; those of its values after the checks that training makes."""
    seen, unseen = as_views(data.seen_prototypes), as_views(data.unseen_prototypes)
    assert list(seen) == list(unseen)
    pairs = [
        (data.X_train, data.y_train),
        (data.X_test, data.y_test),
        *((table, data.seen_classes) for table in seen.values()),
        *((table, data.unseen_classes) for table in unseen.values()),
    ]
    for table, labels in pairs:
        assert table.ndim == 2 and labels.shape == (len(table),)
        assert table.dtype in (np.float32, np.float64) and table.flags.c_contiguous
        assert labels.dtype == np.int64 or labels.dtype.kind == "U"
    assert data.X_train.shape[1] == data.X_test.shape[1]
    assert [a.shape[1] for a in seen.values()] == [a.shape[1] for a in unseen.values()]
    assert np.array_equal(np.unique(data.y_train), data.seen_classes)
    assert not np.isin(data.seen_classes, data.unseen_classes).any()
    known = np.concatenate([data.seen_classes, data.unseen_classes])
    assert np.isin(data.y_test, known).all()
    assert not np.isin(data.y_test_unseen, data.seen_classes).any()
    for rows in data.validation or ():
        assert rows.dtype == np.int64 and ((rows >= 0) & (rows < len(data.y_train))).all()
    training = data.training()
    check_training(training)
    prototypes = as_views(training.prototypes).values()
    assert all(np.isfinite(array).all() for array in (training.X, *prototypes))
    assert np.unique(training.y, return_counts=True)[1].min() >= 2
    for array in (training.X, training.y, *prototypes, training.classes):
        assert array.base is None  # nothing of a test sample or an unseen class is reachable
    check_test(data)
    assert all(np.isfinite(array).all() for array in (data.X_test, *unseen.values()))


def check_route(model, result, n):
    """The invariants of what a model says of n samples."""
    assert all(len(column) == n for column in result)
    for column in (result.entropy, result.score, result.gate):
        assert np.isfinite(column).all()
    assert (result.entropy >= -1e-5).all()
    assert (result.entropy <= np.log(len(model.classes_)) + 1e-5).all()


def check_refusal(error, words):
    """One sentence of the library's own, with the path or the name of an array."""
    message = str(error)
    assert type(error) in REFUSALS, f"{type(error).__name__} is none of the library's"
    assert 20 < len(message) <= LONGEST, f"{len(message)} characters"
    assert message.isprintable(), "an unprintable character"
    assert any(word in message for word in words), "neither the path nor the name of an array"
