import numpy as np
import pytest

from tinygzsl.datasets import load_dataset, save_csv, save_npz
from tinygzsl.datasets.find import views_of


@pytest.mark.parametrize("where", ["AWA1", "data/awa1", "xlsa17/data/AWA1"])
@pytest.mark.parametrize("name", ["awa1", "AWA1", "Awa1"])
def test_known_names_are_found_in_the_usual_folders(tmp_path, write_xlsa17, where, name):
    variables = write_xlsa17(tmp_path / where)
    data = load_dataset(name, root=tmp_path)
    assert np.array_equal(data.X_train[:, 0] + 1, variables["trainval_loc"].reshape(-1))
    assert data.name == "awa1"
    assert data.source["name_or_path"] == name
    assert load_dataset(**data.source).files == data.files


def test_the_current_folder_is_the_root_if_none_is_given(tmp_path, write_xlsa17, monkeypatch):
    write_xlsa17(tmp_path / "xlsa17" / "data" / "CUB")
    monkeypatch.chdir(tmp_path)
    assert load_dataset("cub").name == "cub"


@pytest.mark.parametrize("name", ["awa1", "awa2", "cub", "sun", "apy", "flo"])
def test_a_missing_benchmark_says_where_it_looked_and_how_to_get_it(tmp_path, sentence, name):
    places = f"{tmp_path}, {tmp_path / 'data'}, {tmp_path / 'xlsa17/data'}"
    with sentence(FileNotFoundError, f"{name} was not found", places, "xlsa17.zip", "root="):
        load_dataset(name, root=tmp_path)


@pytest.mark.parametrize(("name", "folder"), [("hmdb51", "hmdb_i3d"), ("ucf101", "ucf101_i3d")])
def test_missing_action_data_says_what_is_expected(tmp_path, sentence, name, folder):
    parts = (f"{name} was not found", folder, f"{name}/split_1/att_splits.mat")
    with sentence(FileNotFoundError, *parts):
        load_dataset(name, root=tmp_path, split=1)


def test_a_known_folder_without_its_files(tmp_path, sentence):
    (tmp_path / "SUN").mkdir()
    with sentence(FileNotFoundError, "SUN has no res101.mat"):
        load_dataset("sun", root=tmp_path)
    (tmp_path / "ucf101").mkdir()
    with sentence(FileNotFoundError, "ucf101 has no split_<n>/att_splits.mat"):
        load_dataset("ucf101", root=tmp_path, split=1)


@pytest.mark.wheel
def test_paths_are_recognised_by_what_is_there(tmp_path, tiny_dataset, write_xlsa17):
    save_npz(tiny_dataset(), tmp_path / "a.npz")
    save_csv(tiny_dataset(), tmp_path / "b")
    write_xlsa17(tmp_path / "c")
    sizes = [len(load_dataset(tmp_path / name).y_train) for name in ("a.npz", "b", "c")]
    assert sizes == [150, 150, 70]
    for name in ("a.npz", "b", "c"):
        data = load_dataset(name, root=tmp_path)
        assert data.source["root"] == str(tmp_path)
        assert len(load_dataset(**data.source).y_train) == len(data.y_train)


def test_paths_that_lead_nowhere(tmp_path, sentence):
    with sentence(FileNotFoundError, "nothing.npz does not exist", "letters, awa1, awa2"):
        load_dataset(tmp_path / "nothing.npz")
    (tmp_path / "notes.txt").write_text("x")
    with sentence(ValueError, "notes.txt is neither an .npz file nor a folder"):
        load_dataset(tmp_path / "notes.txt")
    with sentence(FileNotFoundError, "has no train.csv", "only notes.txt"):
        load_dataset(tmp_path)
    (tmp_path / "empty").mkdir()
    with sentence(FileNotFoundError, "only nothing"):
        load_dataset(tmp_path / "empty")


def test_arguments_that_do_not_apply(tmp_path, tiny_dataset, write_xlsa17, sentence):
    save_npz(tiny_dataset(), tmp_path / "a.npz")
    save_csv(tiny_dataset(), tmp_path / "b")
    write_xlsa17(tmp_path / "c")
    for name in ("a.npz", "b", "c"):
        with sentence(ValueError, f"split is 2 but {tmp_path / name} has no numbered splits"):
            load_dataset(tmp_path / name, split=2)
    for name in ("a.npz", "b"):
        with sentence(ValueError, "prototypes is 'sent'", "only one kind"):
            load_dataset(tmp_path / name, prototypes="sent")


def test_several_views_are_refused_where_there_is_one_kind(tmp_path, tiny_dataset, sentence):
    save_npz(tiny_dataset(), tmp_path / "a.npz")
    save_csv(tiny_dataset(), tmp_path / "b")
    for name in (tmp_path / "a.npz", tmp_path / "b", "letters"):
        with sentence(ValueError, "att,sent", f"{name} has only one kind"):
            load_dataset(name, prototypes="att,sent")
        assert len(load_dataset(name, prototypes=("att",)).seen_prototypes) >= 5


def test_the_views_of_a_source(tmp_path, tiny_dataset, write_xlsa17, sentence):
    save_npz(tiny_dataset(), tmp_path / "a.npz")
    save_csv(tiny_dataset(), tmp_path / "b")
    (tmp_path / "b" / "prototypes_text.csv").write_text("label,t\n")
    write_xlsa17(tmp_path / "c")
    found = [views_of(name, tmp_path) for name in ("a.npz", "b", "c", "none", "letters", "awa1")]
    assert found == [("att",), ("att", "text"), ("att",), ("att",), ("att",), ("att",)]
    with sentence(ValueError, "255 characters"):
        views_of("x" * 300)
