"""What must hold of whatever a reader lets in, and of the sentence with which it refuses."""

import numpy as np

from tinygzsl.datasets import check_test, check_training

LONGEST = 600
REFUSALS = (ValueError, FileNotFoundError, IsADirectoryError, NotADirectoryError, OSError)
REFUSALS += (ImportError, MemoryError)


def check_dataset(data):
    """The invariants of a dataset; those of its values after the checks that training makes."""
    pairs = (
        (data.X_train, data.y_train),
        (data.X_test, data.y_test),
        (data.seen_prototypes, data.seen_classes),
        (data.unseen_prototypes, data.unseen_classes),
    )
    for table, labels in pairs:
        assert table.ndim == 2 and labels.shape == (len(table),)
        assert table.dtype in (np.float32, np.float64) and table.flags.c_contiguous
        assert labels.dtype == np.int64 or labels.dtype.kind == "U"
    assert data.X_train.shape[1] == data.X_test.shape[1]
    assert data.seen_prototypes.shape[1] == data.unseen_prototypes.shape[1]
    assert np.array_equal(np.unique(data.y_train), data.seen_classes)
    assert not np.isin(data.seen_classes, data.unseen_classes).any()
    known = np.concatenate([data.seen_classes, data.unseen_classes])
    assert np.isin(data.y_test, known).all()
    assert not np.isin(data.y_test_unseen, data.seen_classes).any()
    for rows in data.validation or ():
        assert rows.dtype == np.int64 and ((rows >= 0) & (rows < len(data.y_train))).all()
    training = data.training()
    check_training(training)
    assert np.isfinite(training.X).all() and np.isfinite(training.prototypes).all()
    assert np.unique(training.y, return_counts=True)[1].min() >= 2
    for array in (training.X, training.y, training.prototypes, training.classes):
        assert array.base is None  # nothing of a test sample or an unseen class is reachable
    check_test(data)
    assert np.isfinite(data.X_test).all() and np.isfinite(data.unseen_prototypes).all()


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
