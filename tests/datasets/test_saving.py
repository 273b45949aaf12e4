import dataclasses
import os

import numpy as np
import pytest

from tinygzsl.datasets import csv_folder, load_csv, load_npz, save_csv, save_npz
from tinygzsl.datasets.find import views_of

ARRAYS = (
    "X_train",
    "y_train",
    "X_test",
    "y_test",
    "seen_classes",
    "seen_prototypes",
    "unseen_classes",
    "unseen_prototypes",
)


@pytest.mark.wheel
def test_saved_data_comes_back(tmp_path, tiny_dataset):
    data = dataclasses.replace(tiny_dataset(), validation=(np.arange(90), np.arange(90, 150)))
    save_npz(data, tmp_path / "tiny.npz")
    again = load_npz(tmp_path / "tiny.npz")
    for name in ARRAYS:
        assert np.array_equal(getattr(data, name), getattr(again, name))
        assert getattr(data, name).dtype == getattr(again, name).dtype
    assert again.class_names == data.class_names
    assert np.array_equal(again.validation[1], np.arange(90, 150))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.npz"]


def test_data_without_test_samples_comes_back(tmp_path, tiny_dataset):
    data = tiny_dataset()
    data = dataclasses.replace(data, X_test=data.X_test[:0], y_test=data.y_test[:0])
    save_npz(data, tmp_path / "tiny.npz")
    assert load_npz(tmp_path / "tiny.npz").X_test.shape == (0, 12)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted_saving_leaves_the_old_file(tmp_path, tiny_dataset, monkeypatch, error):
    def half(file, **arrays):
        file.write(b"half")
        raise error

    path = tmp_path / "tiny.npz"
    save_npz(tiny_dataset(), path)
    before = path.read_bytes()
    monkeypatch.setattr(np, "savez_compressed", half)
    with pytest.raises((KeyboardInterrupt, OSError)):
        save_npz(tiny_dataset(1), path)
    assert path.read_bytes() == before
    with pytest.raises((KeyboardInterrupt, OSError)):
        save_npz(tiny_dataset(1), tmp_path / "new.npz")
    assert os.listdir(tmp_path) == ["tiny.npz"]


def test_saving_into_a_missing_folder(tmp_path, tiny_dataset, sentence):
    with sentence(FileNotFoundError, "nowhere does not exist"):
        save_npz(tiny_dataset(), tmp_path / "nowhere" / "tiny.npz")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saved_data_comes_back_to_the_last_bit(tmp_path, tiny_dataset, dtype):
    data = tiny_dataset()
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(0, 20, data.X_train.shape)).astype(dtype)
    values[0] = [0, -0.0, np.nan, np.inf, -np.inf, *values[0, 5:]]
    data = dataclasses.replace(data, X_train=values)
    save_csv(data, tmp_path / "new" / "tiny")
    again = load_csv(tmp_path / "new" / "tiny")
    assert np.array_equal(again.X_train.astype(dtype), values, equal_nan=True)
    assert np.array_equal(again.X_test.astype(np.float32), data.X_test)
    assert np.array_equal(again.y_test, data.y_test)
    assert np.array_equal(again.unseen_prototypes.astype(np.float32), data.unseen_prototypes)
    assert again.seen_classes.tolist() == [0, 1, 3, 4, 6]
    assert sorted(os.listdir(tmp_path / "new" / "tiny")) == [
        "prototypes.csv",
        "test.csv",
        "train.csv",
    ]


def test_saved_labels_come_back(tmp_path, tiny_dataset):
    data = tiny_dataset()
    names = np.array(['Jay, "blue"', "7", "Ötzi", "07", 'a"b', "c,d", "e f"])
    classes = {
        "y_train": names[data.y_train],
        "y_test": names[data.y_test],
        "seen_classes": np.unique(names[data.y_train]),
        "unseen_classes": np.unique(names[data.y_test_unseen]),
    }
    save_csv(dataclasses.replace(data, class_names={}, **classes), tmp_path / "copy")
    again = load_csv(tmp_path / "copy")
    for name, values in classes.items():
        assert values.tolist() == getattr(again, name).tolist()


@pytest.mark.parametrize("form", ["{}\n", "{}\rx", " {}"])
def test_labels_that_csv_would_change_are_refused(tmp_path, tiny_dataset, sentence, form):
    data = tiny_dataset()
    y = np.array([form.format(label) for label in data.y_train])
    data = dataclasses.replace(
        data,
        y_train=y,
        seen_classes=np.unique(y),
        unseen_classes=data.unseen_classes.astype(str),
        X_test=data.X_test[:0],
        y_test=y[:0],
    )
    with sentence(ValueError, f"label {form.format(0)!r} has a line break or a space at an end"):
        save_csv(data, tmp_path / "bad")
    assert os.listdir(tmp_path / "bad") == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted_saving_changes_no_file(tmp_path, tiny_dataset, monkeypatch, error):
    real = csv_folder.write_table

    def fail_at_the_last(path, *args, names):
        if "prototypes" in path.name:
            path.write_text("half")
            raise error
        real(path, *args, names=names)

    save_csv(tiny_dataset(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(csv_folder, "write_table", fail_at_the_last)
    with pytest.raises((KeyboardInterrupt, OSError)):
        save_csv(tiny_dataset(1), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def with_views(data, *names):
    """The dataset with two views: its prototypes, and their first two columns plus 1."""
    seen, unseen = (
        {names[0]: prototypes, names[1]: prototypes[:, :2] + 1}
        for prototypes in (data.seen_prototypes, data.unseen_prototypes)
    )
    return dataclasses.replace(data, seen_prototypes=seen, unseen_prototypes=unseen)


@pytest.mark.wheel
@pytest.mark.parametrize("names", [("att", "sent"), ("original_att", "word-2.vec")])
@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_saved_views_come_back(tmp_path, tiny_dataset, kind, names):
    data, path = with_views(tiny_dataset(), *names), tmp_path / f"tiny.{kind}"
    (save_npz if kind == "npz" else save_csv)(data, path)
    assert views_of(path) == names
    again = (load_npz if kind == "npz" else load_csv)(path, prototypes=names)
    for field in ("seen_prototypes", "unseen_prototypes"):
        mine, theirs = getattr(data, field), getattr(again, field)
        assert list(mine) == list(theirs)
        for view in names:
            assert np.array_equal(mine[view], theirs[view].astype(np.float32))
    if kind == "npz":
        assert again.sha256() == data.sha256()


def test_saved_views_have_names_of_their_own(tmp_path, tiny_dataset):
    save_npz(with_views(tiny_dataset(), "att", "sent"), tmp_path / "tiny.npz")
    with np.load(tmp_path / "tiny.npz") as file:
        assert file["prototypes"].shape == (7, 6)
        assert file["prototypes_sent"].shape == (7, 2)
    save_csv(with_views(tiny_dataset(), "att", "sent"), tmp_path / "csv")
    names = ["prototypes.csv", "prototypes_sent.csv", "test.csv", "train.csv"]
    assert sorted(os.listdir(tmp_path / "csv")) == names


def test_a_view_of_other_data_is_not_mixed_in(tmp_path, tiny_dataset, sentence):
    save_csv(with_views(tiny_dataset(), "att", "sent"), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with sentence(ValueError, f"{tmp_path} has prototypes_sent.csv", "remove it"):
        save_csv(tiny_dataset(1), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    save_csv(with_views(tiny_dataset(1), "att", "sent"), tmp_path)
    assert load_csv(tmp_path, prototypes="sent").seen_prototypes.shape == (5, 2)
