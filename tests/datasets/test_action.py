import numpy as np
import pytest

from tinygzsl.datasets import load_dataset
from tinygzsl.datasets.action import load_action, split_numbers


@pytest.fixture
def hmdb(tmp_path, write_xlsa17):
    """<tmp_path>/hmdb_i3d with splits 1, 2, 3 and 7; split n is written with seed n.

    i3d.mat is the one of split 7, so only that split's labels and features fit together.
    """
    folder = tmp_path / "hmdb_i3d"
    for number in (1, 2, 3, 7):
        variables = write_xlsa17(
            folder, seed=number, features_file="i3d.mat", splits_folder=f"split_{number}"
        )
    return folder, variables


def test_content_of_a_split(hmdb):
    folder, variables = hmdb
    data = load_action(folder, split=7)
    assert np.array_equal(data.X_train[:, 0] + 1, variables["trainval_loc"].reshape(-1))
    assert np.array_equal(data.unseen_prototypes, variables["att"].T[[2, 7]].astype(np.float32))
    assert data.name == "hmdb_i3d-split7"
    assert data.notes[0] == "split 7, one of 4"
    assert data.files == (folder / "i3d.mat", folder / "split_7" / "att_splits.mat")
    one_hot = load_action(folder, split=7, prototypes="original_att")
    assert one_hot.seen_prototypes[0, 0] == np.float32(variables["original_att"][0, 0])


@pytest.mark.parametrize("split", [None, 0, 4, 31, -1])
def test_a_missing_or_wrong_number_names_the_splits(hmdb, sentence, split):
    folder, _ = hmdb
    asked = "no split was given" if split is None else f"split {split} does not exist"
    with sentence(ValueError, asked, "has split 1 to 3, 7"):
        load_action(folder, split=split)


def test_thirty_splits_are_listed_in_order(tmp_path):
    for number in range(1, 31):
        folder = tmp_path / f"split_{number:02}"
        folder.mkdir()
        (folder / "att_splits.mat").touch()
    (tmp_path / "split_31").mkdir()
    assert list(split_numbers(tmp_path)) == list(range(1, 31))


def test_missing_files(tmp_path, hmdb, sentence):
    folder, _ = hmdb
    (folder / "i3d.mat").unlink()
    with sentence(FileNotFoundError, "hmdb_i3d has no i3d.mat", "none"):
        load_action(folder, split=1)
    with sentence(FileNotFoundError, "has no split_<n>/att_splits.mat"):
        load_action(tmp_path / "empty", split=1)


@pytest.mark.parametrize("name", ["hmdb51", "hmdb_i3d", "HMDB51"])
def test_both_layouts_are_found_by_name(tmp_path, hmdb, name):
    folder, variables = hmdb
    folder.rename(tmp_path / name)
    data = load_dataset("HMDB51", root=tmp_path, split=7)
    assert np.array_equal(data.y_train, variables["labels"][variables["trainval_loc"] - 1].ravel())
    assert data.name == "hmdb51-split7"
    assert data.source == {
        "name_or_path": "HMDB51",
        "root": str(tmp_path),
        "split": 7,
        "prototypes": "att",
    }
    assert load_dataset(**data.source).files == data.files


def test_path_needs_a_split(hmdb, sentence):
    with sentence(ValueError, "no split was given", "1 to 3, 7"):
        load_dataset(hmdb[0])
    assert len(load_dataset(hmdb[0], split=7).y_train) == 70
