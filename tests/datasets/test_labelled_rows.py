"""Prototypes by class: which rows have labels, and in which order they come."""

from types import SimpleNamespace

import numpy as np
import pytest
from frames import Frame

from tinygzsl.datasets.labelled_rows import (
    in_order_of_y,
    prototype_table,
    prototype_tables,
    table_with_classes,
    with_classes,
)
from tinygzsl.datasets.named_columns import Table

A = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
WORDS = np.array(["cat", "ant", "bee"], dtype=object)  # as pandas has text


def table_of(rows):
    return prototype_table("prototypes", rows)


@pytest.mark.parametrize("index", [range(3), None])
def test_the_default_index_means_plain_rows(index):
    frame = Frame(A, ["u", "v"])
    frame.index = index
    table = table_of(frame)
    assert table.labels is None and table.columns == ("u", "v")
    assert in_order_of_y({"a": table}, np.array([7, 8, 9]), name="a")["a"] is table


def test_a_part_of_the_default_index_is_labels():
    table = table_of(Frame(A, ["u", "v"], range(5, 8)))
    assert table.labels.tolist() == [5, 6, 7]


def test_an_array_and_a_list_are_plain_rows():
    assert table_of(A).labels is None
    assert table_of(A.tolist()).labels is None  # a list has a method `index`


@pytest.mark.parametrize("labels", [[3, 1, 2], WORDS, ["cat", "ant", "bee"], np.array([3, 1, 2])])
def test_rows_of_a_frame_and_of_a_dict_are_in_the_order_of_the_classes(labels):
    for rows in (Frame(A, ["u", "v"], labels), dict(zip(labels, A.tolist(), strict=True))):
        found = in_order_of_y({"a": table_of(rows)}, np.array([*labels, labels[0]]), name="a")["a"]
        assert found.array.tolist() == [[2, 20], [3, 30], [1, 10]]
        assert found.labels is None


def test_classes_of_rows_or_in_the_order_that_is_asked_for():
    frame = Frame(A, ["u", "v"], WORDS)
    table, classes = table_with_classes(frame, None)
    assert classes.tolist() == ["cat", "ant", "bee"] and table.array.tolist() == A.tolist()
    table, classes = table_with_classes(frame, ["bee", "cat", "ant"])
    assert classes == ["bee", "cat", "ant"]
    assert table.array[:, 0].tolist() == [3, 1, 2]
    assert table.columns == ("u", "v")
    table, classes = table_with_classes(A, None)
    assert classes is None


def test_a_dict_of_matrices_is_one_of_views_and_each_may_be_by_class():
    views = {"att": dict(zip(WORDS, A, strict=True)), "sent": Frame(A[::-1], "uv", WORDS[::-1])}
    tables = prototype_tables("prototypes", views)
    found = in_order_of_y(tables, WORDS, name="prototypes")
    assert list(found) == ["att", "sent"]
    assert found["att"].array.tolist() == found["sent"].array.tolist() == A[[1, 2, 0]].tolist()
    unseen, classes = with_classes(tables, None)
    assert classes.tolist() == WORDS.tolist()
    assert unseen["sent"].array.tolist() == A.tolist()


def test_classes_of_some_views_only(sentence):
    tables = prototype_tables("x", {"att": A, "sent": Frame(A, "uv", WORDS)})
    with sentence(ValueError, "the view 'sent' of unseen_prototypes has classes", "'att' has none"):
        with_classes(tables, None)
    found, _ = with_classes(tables, ["ant", "bee", "cat"])  # plain rows are in this order
    assert found["att"].array is A
    assert found["sent"].array.tolist() == A[[1, 2, 0]].tolist()


def test_series_in_a_dict_bring_the_names_of_the_columns(sentence):
    class Series(SimpleNamespace):
        def __array__(self, dtype=None, copy=None):
            return np.array(self.values, dtype)

    one, two = (Series(values=row, index=["u", "v"]) for row in A[:2])
    assert table_of({1: one, 2: two}).columns == ("u", "v")
    two.index = ["v", "u"]
    with sentence(ValueError, "the classes 1 and 2 in prototypes", "different index entries"):
        table_of({1: one, 2: two})


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ({1: [1, 2], 2: [1]}, ["shape (1,) for the class 2 but (2,) for 1"]),
        ({"a": [1, 2], "b": [[1, 2]]}, ["a vector for 'a' but not for 'b'"]),
        ({1: [1, 2], "b": [1, 2]}, ["the list of classes in prototypes is object"]),
        ({1.5: [1, 2]}, ["the list of classes in prototypes", "1.5"]),
        (Frame(A, "uv", [(1, 2), (3, 4), (5, 6)]), ["the index of prototypes is int64"]),
        ({"att": A}, ["prototypes is a dict of views ('att')"]),
        (Frame(A, ["u", 3]), ["1 columns with text for a name and 1 others, the first is 3"]),
    ],
)
def test_what_is_refused(rows, parts, sentence):
    with sentence(ValueError, *parts):
        table_of(rows)


@pytest.mark.parametrize("columns", [[0, 1], np.arange(2), []])
def test_names_that_are_no_text_are_none(columns):
    assert table_of(Frame(A, columns)).columns is None


def test_a_table_is_taken_as_it_is():
    table = Table(A, ("u", "v"), np.array([3, 1, 2]))
    assert table_of(table) is table
    assert np.asarray(table, dtype=np.float32).dtype == np.float32
    assert not np.shares_memory(np.array(table), A)
