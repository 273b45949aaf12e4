"""The labels of test samples in a comparison's folder."""

from dataclasses import replace

import numpy as np
import pytest

from tinygzsl.comparison.chosen import Chosen
from tinygzsl.comparison.measure import Comparison, Key, keys
from tinygzsl.comparison.predictions import Labels, PredictionFiles
from tinygzsl.comparison.rows import Conditions, Rows
from tinygzsl.metrics import accuracies

CONDITIONS = Conditions(dataset="tiny", data_sha256="abc", threads=1)
ROW = {"method": "SAE", "routed": False, "seed": 3, "settings": {"a": 1.5, "b": [1, 2]}}


@pytest.fixture
def texts(tiny_dataset):
    """The tiny dataset with labels that are text."""
    data = tiny_dataset()
    names = {name: np.array([f"class, {y}" for y in getattr(data, name)]) for name in LABELLED}
    return replace(data, class_names={}, **names)


LABELLED = ("y_train", "y_test", "seen_classes", "unseen_classes")


@pytest.fixture
def comparison(fast_params):
    def make(data, *names):
        chosen = {name: Chosen(fast_params(name)) for name in names}
        return Comparison(data, {**chosen, "ours": Chosen({"preset": "small"})})

    return make


@pytest.mark.parametrize("text", [False, True])
def test_they_are_those_that_the_row_was_measured_by(
    tmp_path, comparison, tiny_dataset, texts, text
):
    data = texts if text else tiny_dataset()
    how = comparison(data, "ESZSL", "GGM")
    rows = Rows(tmp_path, how, CONDITIONS, predictions=True)
    for row in how.rows(keys(["ESZSL", "GGM"], [0, 1], routed=False)):
        rows.add(row)
    place = tmp_path / "predictions" / "alone"
    assert sorted(p.name for p in place.iterdir()) == ["ESZSL-0.npz", "GGM-0.npz", "GGM-1.npz"]
    for key, row in rows.found.items():
        with np.load(place / f"{key.method}-{key.seed}.npz") as file:  # nothing is pickled
            assert set(file.files) == {"header", "y_true", "is_seen", "label", "label_calibrated"}
            y, is_seen = file["y_true"], file["is_seen"]
            found = {
                "": accuracies(y, file["label"], is_seen),
                "calibrated_": accuracies(y, file["label_calibrated"], is_seen),
            }
        np.testing.assert_array_equal(y, data.y_test)
        assert y.dtype == data.y_test.dtype and is_seen.sum() == 50
        for prefix, figures in found.items():
            assert {name: row[prefix + name] for name in "SUH"} == figures
    again = Rows(tmp_path, how, CONDITIONS, predictions=True)
    assert again.found == rows.found
    for key, labels in again.labels.items():
        for one, other in zip(labels, rows.labels[key], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_row_whose_labels_are_not_there_is_measured_again(tmp_path, comparison, tiny_dataset):
    how = comparison(tiny_dataset(), "ESZSL", "SAE")
    rows = Rows(tmp_path, how, CONDITIONS)
    wanted = keys(["ESZSL", "SAE"], [0], routed=False)
    for row in how.rows(wanted):
        rows.add(row)
    assert not (tmp_path / "predictions").exists() and rows.labels == {}
    assert len(Rows(tmp_path, how, CONDITIONS).found) == 2
    rows = Rows(tmp_path, how, CONDITIONS, predictions=True)
    assert rows.found == {}
    for row in how.rows(wanted):
        rows.add(row)
    path = tmp_path / "predictions" / "alone" / "SAE-0.npz"
    path.rename(tmp_path / "elsewhere.npz")
    assert list(Rows(tmp_path, how, CONDITIONS, predictions=True).found) == [wanted[0]]
    (tmp_path / "elsewhere.npz").rename(path)
    assert len(Rows(tmp_path, how, CONDITIONS, predictions=True).found) == 2
    mine = how.chosen["SAE"]
    how.chosen["SAE"] = Chosen({"encoding_weight": 2.0})  # replaces the labels of the first
    rows = Rows(tmp_path, how, CONDITIONS, predictions=True)
    rows.add(next(how.rows([Key("SAE", False, 0)])))
    how.chosen["SAE"] = mine
    assert list(Rows(tmp_path, how, CONDITIONS, predictions=True).found) == [wanted[0]]
    assert len(Rows(tmp_path, how, CONDITIONS).found) == 2


def test_a_failed_row_has_no_labels_and_is_kept(tmp_path, comparison, tiny_dataset):
    how = comparison(tiny_dataset(), "SAE")
    how.chosen["SAE"] = Chosen({"encoding_weight": -1.0})
    rows = Rows(tmp_path, how, CONDITIONS, predictions=True)
    rows.add(next(how.rows([Key("SAE", False, 0)])))
    again = Rows(tmp_path, how, CONDITIONS, predictions=True)
    assert len(again.found) == 1 and again.labels == {}


def test_a_damaged_file_is_a_sentence(tmp_path, tiny_dataset, sentence):
    data = tiny_dataset()
    files = PredictionFiles(folder=tmp_path, data=data)
    labels = Labels(data.y_test, data.y_test[::-1].copy())
    files.write(ROW, labels)
    path = tmp_path / "predictions" / "alone" / "SAE-3.npz"
    assert path.stat().st_size < 3000
    found = files.read(ROW)
    np.testing.assert_array_equal(found.plain, labels.plain)
    np.testing.assert_array_equal(found.calibrated, labels.calibrated)
    assert files.read({**ROW, "settings": {"a": 1.5, "b": [1, 3]}}) is None
    assert files.read({**ROW, "seed": 4}) is None and files.read({**ROW, "routed": True}) is None
    whole = path.read_bytes()
    for content in (b"", whole[:100], whole[:-30], b"no archive"):
        path.write_bytes(content)
        with sentence(ValueError, path, "predictions", "damaged"):
            files.read(ROW)
    files.write(ROW, Labels(data.y_test[1:]))
    with sentence(ValueError, path, "int64 labels of shape (129,) for 130 samples", "delete it"):
        files.read(ROW)
    files.write(ROW, Labels(data.y_test.astype(str)))
    with sentence(ValueError, path, "<U21 labels of shape (130,)", "measures its row again"):
        files.read(ROW)


def test_the_best_suited_labels():
    plain, calibrated = np.array([1]), np.array([2])
    assert Labels(plain).best_suited is plain
    assert Labels(plain, calibrated).best_suited is calibrated
