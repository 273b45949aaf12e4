import numpy as np
import pytest

from tinygzsl.datasets.array_checks import (
    check_finite,
    check_matrix,
    check_training_arrays,
    check_unseen,
)
from tinygzsl.runtime.labels import check_labels

X, Y, A = np.ones((6, 3)), np.array([4, 4, 7, 7, 7, 4]), np.ones((2, 5))
SEEN, UNSEEN = np.array([4, 7]), np.array([5, 9, 1])
UNSEEN_A = np.ones((3, 5))


# Finite values


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_values_that_are_not_finite_are_counted_and_placed(sentence, bad, dtype):
    x = np.zeros((5, 4), dtype)
    x[2, 3] = x[4, 0] = bad
    with sentence(ValueError, "X has 2 values", "first in row 2, column 3", "clean or drop"):
        check_finite("X", x)


def test_infinities_of_both_signs_give_the_error_and_no_warning(sentence):
    with sentence(ValueError, "X has 2 values", "row 0, column 1"):
        check_finite("X", np.array([[0, np.inf], [-np.inf, 0]]))


@pytest.mark.parametrize("x", [np.full((3, 3), 1e308), np.full((3, 3), 3e38, np.float32)])
def test_finite_values_with_an_infinite_sum_pass_without_a_warning(x):
    check_finite("X", x)


@pytest.mark.parametrize(
    "x", [np.zeros((0, 4)), np.arange(6).reshape(2, 3), np.ones((2, 2), bool), np.ones((2, 2))]
)
def test_finite_values_pass(x):
    check_finite("X", x)


def test_transposed_arrays_are_searched_in_their_own_order(sentence):
    x = np.zeros((3, 5)).T
    x[4, 1] = np.nan
    with sentence(ValueError, "row 4, column 1"):
        check_finite("X", x)


# Matrices


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint16", "bool"])
def test_matrices_of_numbers_pass(dtype):
    check_matrix("X", np.ones((2, 3), dtype), columns=3, why="the model")


@pytest.mark.parametrize(
    ("x", "parts"),
    [
        (np.ones(3), ("X is float64 with shape (3,)",)),
        (np.ones((2, 3, 4)), ("X is float64 with shape (2, 3, 4)",)),
        (np.array([["a", "b"]]), ("X is <U1 with shape (1, 2)",)),
        (np.array([[1, None]]), ("X is object with shape (1, 2)",)),
        (np.ones((2, 2), complex), ("X is complex128 with shape (2, 2)",)),
    ],
)
def test_anything_else_is_named(sentence, x, parts):
    with sentence(ValueError, *parts, "pass a matrix of numbers, (rows, columns)"):
        check_matrix("X", x)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_empty_matrices_are_refused(sentence, shape):
    with sentence(ValueError, f"X has shape {shape}", "at least one row and one column"):
        check_matrix("X", np.ones(shape))


def test_columns_must_agree(sentence):
    with sentence(ValueError, "X has 3 columns but the model has 4"):
        check_matrix("X", X, columns=4, why="the model")


# Labels


@pytest.mark.parametrize("y", [Y, Y.astype(np.uint8), Y.tolist(), np.array(list("abcdef"))])
def test_labels_come_back_as_an_array(y):
    checked = check_labels("y", y, rows=6)
    assert isinstance(checked, np.ndarray)
    assert checked.tolist() == list(y)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.ones((3, 2), int), "int64 with shape (3, 2)"),
        (np.ones((1, 6), int), "int64 with shape (1, 6)"),
        (np.ones(6, bool), "bool with shape (6,)"),
        (np.array(["a", None, 1, 2, 3, 4], object), "object with shape (6,)"),
        (None, "object with shape ()"),
    ],
)
def test_labels_are_integers_or_strings(sentence, y, kind):
    with sentence(ValueError, f"y is {kind}", "one integer or string label per sample"):
        check_labels("y", y, rows=6)


def test_there_is_one_label_per_sample(sentence):
    with sentence(ValueError, "y has 6 labels for 7 samples"):
        check_labels("y", Y, rows=7)


# Training arrays


@pytest.mark.wheel
def test_training_arrays_give_classes_and_indices():
    classes, index = check_training_arrays(X, Y, A)
    assert classes.tolist() == [4, 7]
    assert index.tolist() == [0, 0, 1, 1, 1, 0]
    classes, index = check_training_arrays(X, np.array(list("zazaza")), A)
    assert classes.tolist() == ["a", "z"]
    assert index.tolist() == [1, 0, 1, 0, 1, 0]


def nan_at(x, *place):
    x = x.copy()
    x[place] = np.nan
    return x


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("x", "y", "prototypes", "parts"),
    [
        (X, Y[:5], A, ("y has 5 labels for 6 samples",)),
        (X, Y, A[0], ("prototypes is float64 with shape (5,)",)),
        (X, np.full(6, 3), A[:1], ("y has only the class 3", "at least 2 classes")),
        (X, Y, np.ones((3, 5)), ("prototypes has 3 rows but y has 2 classes", "np.unique(y)")),
        (X, np.array([4, 4, 4, 4, 4, 7]), A, ("class 7 has 1 sample", "at least 2")),
        (nan_at(X, 5, 2), Y, A, ("X has 1 values", "row 5, column 2")),
        (X, Y, nan_at(A, 1, 4), ("prototypes has 1 values", "row 1, column 4")),
    ],
)
def test_what_cannot_be_trained_on(sentence, x, y, prototypes, parts):
    with sentence(ValueError, *parts):
        check_training_arrays(x, y, prototypes)


# Unseen classes


@pytest.mark.wheel
@pytest.mark.parametrize(
    ("classes", "seen"),
    [(UNSEEN, SEEN), (UNSEEN.tolist(), SEEN), (UNSEEN.astype("u1"), SEEN), (list("xyz"), ["a"])],
)
def test_unseen_classes_come_back_as_an_array(classes, seen):
    checked = check_unseen(UNSEEN_A, classes, np.asarray(seen), n_attributes=5)
    assert isinstance(checked, np.ndarray)
    assert checked.tolist() == list(classes)


@pytest.mark.parametrize(
    ("prototypes", "classes", "parts"),
    [
        (np.ones((0, 5)), UNSEEN[:0], ("there are 0 unseen prototypes", "at least one")),
        (np.ones((3, 4)), UNSEEN, ("4 columns but the model's seen prototypes has 5",)),
        (UNSEEN_A, None, ("without unseen_classes", "one label per row")),
        (UNSEEN_A, UNSEEN[:2], ("unseen_classes has 2 labels for 3",)),
        (UNSEEN_A, UNSEEN + 0.5, ("unseen_classes has the label 5.5 at row 0",)),
        (UNSEEN_A, list("abc"), ("unseen_classes are <U1 but the seen ones int64", "one kind")),
        (UNSEEN_A, [5, 7, 9], ("class 7 is both seen and unseen", "leave it out")),
        (UNSEEN_A, [5, 9, 5], ("has the class 5 twice",)),
        (nan_at(UNSEEN_A, 2, 0), UNSEEN, ("unseen_prototypes has 1 values", "row 2, column 0")),
    ],
)
def test_unseen_classes_that_do_not_fit(sentence, prototypes, classes, parts):
    with sentence(ValueError, *parts):
        check_unseen(prototypes, classes, SEEN, n_attributes=5)


def test_integers_do_not_mix_with_seen_strings(sentence):
    with sentence(ValueError, "unseen_classes are int64 but the seen ones <U1"):
        check_unseen(UNSEEN_A, UNSEEN, np.array(["a", "b"]), n_attributes=5)
