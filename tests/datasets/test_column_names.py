"""Names of columns from files: read, written, compared, and put in a model's order."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tinygzsl.datasets import load_csv, load_npz, save_csv, save_npz
from tinygzsl.datasets.column_order import in_order_of, inputs_of
from tinygzsl.datasets.named_columns import Table

FEATURES, ATTRIBUTES = tuple(f"f {i}" for i in range(12)), tuple("uvwxyz")


@pytest.fixture
def named(tiny_dataset):
    return replace(tiny_dataset(), feature_names=FEATURES, attribute_names=ATTRIBUTES)


@pytest.fixture
def views(named):
    """The same with two views, the second without names."""
    seen, unseen = (
        {"att": a, "sent": a[:, :4]} for a in (named.seen_prototypes, named.unseen_prototypes)
    )
    names = {"att": ATTRIBUTES, "sent": None}
    return replace(named, seen_prototypes=seen, unseen_prototypes=unseen, attribute_names=names)


def model_of(features=FEATURES, attributes=ATTRIBUTES):
    return SimpleNamespace(feature_names_in_=features, attribute_names_in_=attributes)


@pytest.mark.wheel
def test_a_csv_folder_has_names_and_gets_them(named, tmp_path):
    odd = ('a "b"', "c, d", *FEATURES[2:])
    save_csv(replace(named, feature_names=odd), tmp_path)
    data = load_csv(tmp_path)
    assert (data.feature_names, data.attribute_names) == (odd, ATTRIBUTES)
    training = data.training()
    assert (training.feature_names, training.attribute_names) == (odd, ATTRIBUTES)
    X, prototypes = training.tables()
    assert (X.columns, prototypes.columns) == (odd, ATTRIBUTES)


def test_a_csv_folder_of_columns_without_names(tiny_dataset, tmp_path):
    save_csv(tiny_dataset(), tmp_path)
    data = load_csv(tmp_path)
    assert data.feature_names == tuple(f"f{i}" for i in range(12))
    assert data.attribute_names == tuple(f"a{i}" for i in range(6))


def test_a_name_that_csv_can_not_hold(named, tmp_path, sentence):
    with sentence(ValueError, r"column 'a\nb' has a line break", "rename it"):
        save_csv(replace(named, feature_names=("a\nb", *FEATURES[1:])), tmp_path)


def test_an_npz_file_keeps_names(named, views, tiny_dataset, tmp_path):
    path = tmp_path / "x.npz"
    save_npz(named, path)
    data = load_npz(path)
    assert (data.feature_names, data.attribute_names) == (FEATURES, ATTRIBUTES)
    save_npz(views, path)
    data = load_npz(path, prototypes="att,sent")
    assert data.attribute_names == {"att": ATTRIBUTES, "sent": None}
    X, prototypes = data.training().tables()
    assert X.columns == FEATURES and prototypes["att"].columns == ATTRIBUTES
    assert isinstance(prototypes["sent"], np.ndarray)
    assert load_npz(path, prototypes="sent").attribute_names is None
    save_npz(tiny_dataset(), path)
    assert not {"feature_names", "attribute_names"} & set(np.load(path).files)


def test_names_in_an_npz_file_that_are_none(named, tmp_path, sentence):
    save_npz(named, tmp_path / "x.npz")
    arrays = dict(np.load(tmp_path / "x.npz"))
    for wrong, part in ((np.arange(12), "int64"), (np.array([FEATURES]), "shape (1, 12)")):
        np.savez(tmp_path / "y.npz", **{**arrays, "feature_names": wrong})
        with sentence(ValueError, "feature_names has dtype", part, "one name per column"):
            load_npz(tmp_path / "y.npz")


def test_a_name_for_each_column(named, views, sentence):
    with sentence(ValueError, "feature_names has 11 names for 12 columns"):
        replace(named, feature_names=FEATURES[1:])
    with sentence(ValueError, "attribute_names has 5 names for 6 columns"):
        replace(named, attribute_names=ATTRIBUTES[1:])
    with sentence(ValueError, "attribute_names['sent'] has 6 names for 4 columns"):
        replace(views, attribute_names={"sent": ATTRIBUTES})


def test_a_dataset_is_put_in_the_models_order(named):
    model = model_of(FEATURES[::-1], ATTRIBUTES[::-1])
    data, notes = in_order_of(model, named)
    assert data.feature_names == FEATURES[::-1] and data.attribute_names == ATTRIBUTES[::-1]
    np.testing.assert_array_equal(data.X_train, named.X_train[:, ::-1])
    np.testing.assert_array_equal(data.X_test, named.X_test[:, ::-1])
    np.testing.assert_array_equal(data.seen_prototypes, named.seen_prototypes[:, ::-1])
    np.testing.assert_array_equal(data.unseen_prototypes, named.unseen_prototypes[:, ::-1])
    assert notes == [
        "the features are put in the order of the model's",
        "the attributes of the prototypes are put in the order of the model's",
    ]
    assert in_order_of(model, data) == (data, [])
    assert in_order_of(SimpleNamespace(), data) == (data, [])


def test_each_view_is_put_in_the_models_order(views):
    order = {"att": ATTRIBUTES[::-1], "sent": ATTRIBUTES[:4]}
    data, notes = in_order_of(model_of(attributes=order), views)
    att, before = data.seen_prototypes["att"], views.seen_prototypes["att"]
    np.testing.assert_array_equal(att, before[:, ::-1])
    assert data.seen_prototypes["sent"] is views.seen_prototypes["sent"]
    assert data.attribute_names == {"att": ATTRIBUTES[::-1], "sent": None}
    assert notes == ["the attributes of the prototypes att are put in the order of the model's"]


def test_columns_that_the_model_does_not_have(named, sentence):
    other = ("new", *FEATURES[1:])
    with sentence(ValueError, "the dataset tiny has the column 'f 0'", "no column 'new'"):
        in_order_of(model_of(other), named)
    with sentence(ValueError, "the table of prototypes of tiny has the column 'u'"):
        in_order_of(model_of(attributes=("new", *ATTRIBUTES[1:])), named)


def test_names_that_come_twice_have_no_other_order(named, sentence):
    twice = ("same", "same", *FEATURES[2:])
    data = replace(named, feature_names=twice)
    assert in_order_of(model_of(twice), data) == (data, [])
    with sentence(ValueError, "has the column 'same' twice", "rename one in both"):
        in_order_of(model_of(twice[::-1]), data)
    with sentence(ValueError, "has the column 'same' a second time", "no column 'f 1'"):
        in_order_of(model_of(("same", *FEATURES[1:])), data)


def test_test_samples_have_names_for_a_model_that_has_some(named):
    X, prototypes = inputs_of(model_of(), named)
    assert isinstance(X, Table) and (X.columns, prototypes.columns) == (FEATURES, ATTRIBUTES)
    X, prototypes = inputs_of(SimpleNamespace(), named)
    assert X is named.X_test and prototypes is named.unseen_prototypes
