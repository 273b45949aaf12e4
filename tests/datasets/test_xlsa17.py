import numpy as np
import pytest

from tinygzsl.datasets import check_test, check_training, load_dataset
from tinygzsl.datasets.splits import as_integers
from tinygzsl.datasets.xlsa17 import load_xlsa17


def rows(variables, name):
    return variables[name].reshape(-1).astype(int) - 1


def check_content(data, variables):
    """Every row must hold the sample its index list names: column 0 is the sample number."""
    labels = variables["labels"].reshape(-1).astype(int)
    trainval = rows(variables, "trainval_loc")
    test = np.concatenate([rows(variables, "test_seen_loc"), rows(variables, "test_unseen_loc")])
    assert np.array_equal(data.X_train[:, 0], trainval)
    assert np.array_equal(data.X_test[:, 0], test)
    assert np.array_equal(data.y_train, labels[trainval])
    assert np.array_equal(data.y_test, labels[test])
    assert np.array_equal(data.X_train, variables["features"].T[trainval].astype(np.float32))
    assert data.seen_classes.tolist() == [1, 2, 4, 5, 6]
    assert data.unseen_classes.tolist() == [3, 8]
    att = variables["att"].T.astype(np.float32)
    assert np.array_equal(data.seen_prototypes, att[[0, 1, 3, 4, 5]])
    assert np.array_equal(data.unseen_prototypes, att[[2, 7]])


@pytest.mark.parametrize("mat73", [False, True], ids=["v5", "v73"])
def test_content(tmp_path, write_xlsa17, mat73):
    variables = write_xlsa17(tmp_path / "MINE", mat73=mat73)
    data = load_xlsa17(tmp_path / "MINE")
    check_content(data, variables)
    assert data.name == "MINE"
    assert data.X_train.dtype == data.X_test.dtype == data.seen_prototypes.dtype == np.float32
    assert data.y_train.dtype == data.seen_classes.dtype == np.int64
    assert data.X_train.shape == (70, 10)
    assert (len(data.y_test_seen), len(data.y_test_unseen)) == (30, 40)
    assert data.class_names == {c: f"name {c}" for c in (1, 2, 3, 4, 5, 6, 8)}
    assert [path.name for path in data.files] == ["res101.mat", "att_splits.mat"]
    check_training(data.training())
    check_test(data)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (1, -1), (-1, 1, 1)])
@pytest.mark.parametrize("mat73", [False, True], ids=["v5", "v73"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
def test_shapes_and_types_of_index_lists(tmp_path, write_xlsa17, shape, mat73, dtype):
    variables = write_xlsa17(tmp_path / "plain")
    keys = ("trainval_loc", "test_seen_loc", "test_unseen_loc", "train_loc", "val_loc", "labels")
    changes = {key: variables[key].reshape(shape).astype(dtype) for key in keys}
    write_xlsa17(tmp_path / "other", mat73=mat73, **changes)
    check_content(load_xlsa17(tmp_path / "other"), variables)


def test_uint16_indices_do_not_wrap():
    values = np.array([1, 65535], np.uint16)
    assert (as_integers(values, "loc", low=1, high=70000, expected="") - 1).tolist() == [0, 65534]


def test_validation_is_taken_from_trainval_only(tmp_path, write_xlsa17):
    variables = write_xlsa17(tmp_path)
    data = load_xlsa17(tmp_path)
    train, val = data.validation
    assert set(data.y_train[train]) == {1, 2, 4}
    assert set(data.y_train[val]) == {5, 6}
    assert sorted([*train, *val]) == list(range(70))
    test_seen = rows(variables, "test_seen_loc")
    assert not np.isin(data.X_train[np.concatenate([train, val]), 0], test_seen).any()
    assert "dropped 18 of 60 train_loc and 12 of 40 val_loc samples" in " ".join(data.notes)


def test_original_split_is_recognised(tmp_path, write_xlsa17):
    write_xlsa17(tmp_path)
    assert load_xlsa17(tmp_path).notes[0] == (
        "split version: original Proposed Split, with train_loc and val_loc"
    )


def test_proposed_split_2_has_no_validation_lists(tmp_path, write_xlsa17):
    variables = write_xlsa17(tmp_path, train_loc=None, val_loc=None)
    data = load_xlsa17(tmp_path)
    check_content(data, variables)
    assert data.validation is None
    assert data.notes == (
        "split version: Proposed Split 2.0, as att_splits.mat has no train_loc and val_loc",
    )


def test_validation_classes_that_overlap_are_not_used(tmp_path, write_xlsa17):
    write_xlsa17(tmp_path, val_loc=write_xlsa17(tmp_path / "a")["trainval_loc"])
    data = load_xlsa17(tmp_path)
    assert data.validation is None
    assert "train_loc and val_loc are not used: 42 and 70" in data.notes[-1]
    assert "3 classes in both" in data.notes[-1]


def test_names_and_original_att_may_be_absent(tmp_path, write_xlsa17, sentence):
    variables = write_xlsa17(tmp_path, allclasses_names=None, original_att=None)
    data = load_xlsa17(tmp_path)
    check_content(data, variables)
    assert data.class_names == {}
    with sentence(ValueError, "no variable original_att", "att, trainval_loc"):
        load_xlsa17(tmp_path, prototypes="original_att")


def test_other_prototypes_of_the_same_file(tmp_path, write_xlsa17):
    variables = write_xlsa17(tmp_path)
    data = load_xlsa17(tmp_path, prototypes="original_att")
    expected = variables["original_att"].T.astype(np.float32)
    assert np.array_equal(data.unseen_prototypes, expected[[2, 7]])
    assert data.source["prototypes"] == "original_att"
    assert "original_att has rows of length 100 to 100, left as in the file" in data.notes[-1]


def test_prototypes_of_a_file_beside(tmp_path, write_xlsa17, write_mat):
    variables = write_xlsa17(tmp_path)
    sent = 7 * np.random.default_rng(0).random((15, 8))
    names = variables["allclasses_names"]
    write_mat(tmp_path / "sent_splits.mat", {"att": sent, "allclasses_names": names})
    data = load_xlsa17(tmp_path, prototypes="sent")
    assert np.array_equal(data.seen_prototypes, sent.T[[0, 1, 3, 4, 5]].astype(np.float32))
    assert data.files[-1].name == "sent_splits.mat"
    lengths = np.linalg.norm(data.seen_prototypes, axis=1)
    assert f"length {lengths.min():.4g} to {lengths.max():.4g}" in data.notes[-1]


def test_loading_does_not_look_at_test_features_and_unseen_prototypes(tmp_path, write_xlsa17):
    variables = write_xlsa17(tmp_path / "a")
    att = variables["att"].copy()
    att[:, [2, 7]] = np.nan
    features = variables["features"].copy()
    features[:, rows(variables, "test_seen_loc")] = np.inf
    features[:, rows(variables, "test_unseen_loc")] = np.nan
    write_xlsa17(tmp_path / "b", att=att, features=features)
    left, right = (load_xlsa17(tmp_path / name) for name in "ab")
    assert left.notes == right.notes
    assert np.array_equal(left.seen_prototypes, right.seen_prototypes)
    check_training(right.training())
    with pytest.raises(ValueError, match="X_test has 700"):
        check_test(right)


def test_a_single_other_feature_file_is_accepted(tmp_path, write_xlsa17, write_mat, sentence):
    variables = write_xlsa17(tmp_path, features_file="resnet.mat")
    write_mat(tmp_path / "sent_splits.mat", {"att": np.ones((5, 8))})
    data = load_xlsa17(tmp_path)
    check_content(data, variables)
    assert data.files[0].name == "resnet.mat"
    write_mat(tmp_path / "vgg.mat", {"a": np.ones(2)})
    with sentence(FileNotFoundError, "has no res101.mat", "resnet.mat, vgg.mat"):
        load_xlsa17(tmp_path)


def test_repeated_indices_are_dropped_and_noted(tmp_path, write_xlsa17):
    variables = write_xlsa17(tmp_path)
    loc = variables["trainval_loc"][::-1]
    write_xlsa17(tmp_path, trainval_loc=np.concatenate([loc, loc[:3]]))
    data = load_xlsa17(tmp_path)
    check_content(data, {**variables, "trainval_loc": loc})  # in the order of the file
    assert "trainval_loc: dropped 3 repeated entries" in data.notes


@pytest.mark.wheel
def test_source_reproduces_the_call(tmp_path, write_xlsa17):
    variables = write_xlsa17(tmp_path / "x", train_loc=None, val_loc=None)
    data = load_xlsa17(tmp_path / "x", prototypes="original_att")
    again = load_dataset(**data.source)
    check_content(load_dataset(tmp_path / "x"), variables)
    assert np.array_equal(again.seen_prototypes, data.seen_prototypes)
    assert again.source == data.source


def test_several_views_of_the_classes(tmp_path, write_xlsa17, write_mat):
    variables = write_xlsa17(tmp_path)
    sent = 7 * np.random.default_rng(0).random((15, 8))
    names = variables["allclasses_names"]
    write_mat(tmp_path / "sent_splits.mat", {"att": sent, "allclasses_names": names})
    data = load_xlsa17(tmp_path, prototypes="original_att,sent,att")
    tables = {"original_att": variables["original_att"], "sent": sent, "att": variables["att"]}
    assert list(data.seen_prototypes) == list(data.unseen_prototypes) == list(tables)
    for view, table in tables.items():
        expected = table.T.astype(np.float32)
        assert np.array_equal(data.seen_prototypes[view], expected[[0, 1, 3, 4, 5]])
        assert np.array_equal(data.unseen_prototypes[view], expected[[2, 7]])
    paths = [path.name for path in data.files]
    assert paths == ["res101.mat", "att_splits.mat", "sent_splits.mat"]
    assert "original_att has rows of length 100 to 100" in " ".join(data.notes)
    assert "prototypes: att of sent_splits.mat" in data.notes


def test_the_source_of_views_is_text(tmp_path, write_xlsa17):
    write_xlsa17(tmp_path)
    data = load_dataset(tmp_path, prototypes=("att", "original_att"))
    assert data.source["prototypes"] == "att,original_att"
    again = load_dataset(**data.source)
    assert again.source == data.source
    assert again.sha256() == data.sha256()


def test_one_view_is_an_array_as_ever(tmp_path, write_xlsa17):
    variables = write_xlsa17(tmp_path)
    data = load_dataset(tmp_path, prototypes=["att"])
    check_content(data, variables)
    assert data.source == load_dataset(tmp_path).source
    assert data.sha256() == load_dataset(tmp_path).sha256()


def test_views_of_action_recognition(tmp_path, write_xlsa17):
    write_xlsa17(tmp_path, features_file="i3d.mat", splits_folder="split_4")
    data = load_dataset(tmp_path, split=4, prototypes="att,original_att")
    assert np.allclose(100 * data.seen_prototypes["att"], data.seen_prototypes["original_att"])
    assert data.source["prototypes"] == "att,original_att"


def test_loading_views_does_not_look_at_their_unseen_rows(tmp_path, write_xlsa17):
    original = write_xlsa17(tmp_path / "a")["original_att"].copy()
    original[:, [2, 7]] = np.nan
    write_xlsa17(tmp_path / "b", original_att=original)
    left, right = (load_xlsa17(tmp_path / n, prototypes="att,original_att") for n in "ab")
    assert left.notes == right.notes
    for view, array in left.training().prototypes.items():
        assert np.array_equal(array, right.training().prototypes[view])
    check_training(right.training())
    with pytest.raises(ValueError, match=r"unseen_prototypes\['original_att'\] has 12"):
        check_test(right)


def test_views_that_do_not_fit(tmp_path, write_xlsa17, sentence):
    write_xlsa17(tmp_path, original_att=np.ones((6, 7)))
    with sentence(ValueError, "original_att (k, classes)", "(6, 7)", "att has (6, 8)"):
        load_xlsa17(tmp_path, prototypes="att,original_att")
    with sentence(ValueError, "no variable sent", "att, allclasses_names"):
        load_xlsa17(tmp_path, prototypes="att,sent")
    with sentence(ValueError, "'att' and 'att'", "once"):
        load_xlsa17(tmp_path, prototypes="att,att")
    with sentence(ValueError, "'att,'", "a name is missing"):
        load_xlsa17(tmp_path, prototypes="att,")
