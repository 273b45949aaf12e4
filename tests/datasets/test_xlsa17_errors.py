import numpy as np
import pytest

from tinygzsl.datasets.xlsa17 import load_xlsa17


def test_files_beside_with_other_classes_are_refused(tmp_path, write_xlsa17, write_mat, sentence):
    variables = write_xlsa17(tmp_path)
    names = variables["allclasses_names"][::-1]
    write_mat(tmp_path / "sent_splits.mat", {"att": np.ones((5, 8)), "allclasses_names": names})
    with sentence(ValueError, "sent_splits.mat lists other class names", "att_splits.mat"):
        load_xlsa17(tmp_path, prototypes="sent")


def test_missing_files(tmp_path, write_xlsa17, sentence):
    with sentence(FileNotFoundError, "has no res101.mat", "are none"):
        load_xlsa17(tmp_path)
    write_xlsa17(tmp_path)
    (tmp_path / "att_splits.mat").unlink()
    with sentence(FileNotFoundError, "att_splits.mat does not exist"):
        load_xlsa17(tmp_path)


def test_missing_variables(tmp_path, write_xlsa17, sentence):
    write_xlsa17(tmp_path, test_seen_loc=None)
    with sentence(ValueError, "no variable test_seen_loc", "test_unseen_loc"):
        load_xlsa17(tmp_path)
    write_xlsa17(tmp_path, labels=None)
    with sentence(ValueError, "res101.mat has no variable labels", "it has features"):
        load_xlsa17(tmp_path)


def with_entry(values, entry, value):
    values = np.array(values, dtype=np.float64 if isinstance(value, float) else np.int32)
    values.reshape(-1)[entry] = value
    return values


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("labels", 0, ["labels has 0 at entry 5", "1..8", "(6, 8)"]),
        ("labels", 9, ["labels has 9 at entry 5", "1..8"]),
        ("trainval_loc", 0, ["trainval_loc has 0 at entry 5", "1..140"]),
        ("test_seen_loc", 141, ["test_seen_loc has 141 at entry 5", "1..140"]),
        ("test_unseen_loc", -3, ["test_unseen_loc has -3 at entry 5", "1..140"]),
        ("train_loc", 999, ["train_loc has 999 at entry 5", "1..140"]),
        ("val_loc", 2.5, ["val_loc has 2.5 at entry 5"]),
        ("val_loc", float("nan"), ["val_loc has nan at entry 5"]),
        ("val_loc", float("inf"), ["val_loc has inf at entry 5"]),
    ],
)
def test_values_out_of_range(tmp_path, write_xlsa17, sentence, name, value, parts):
    variables = write_xlsa17(tmp_path)
    write_xlsa17(tmp_path, **{name: with_entry(variables[name], 5, value)})
    with sentence(ValueError, *parts):
        load_xlsa17(tmp_path)


def test_shapes_that_disagree(tmp_path, write_xlsa17, write_mat, sentence):
    variables = write_xlsa17(tmp_path)
    content = {"features": variables["features"].T, "labels": variables["labels"]}
    write_mat(tmp_path / "res101.mat", content)
    with sentence(ValueError, "res101.mat", "(140, 10)", "140 entries", "(d, 140)"):
        load_xlsa17(tmp_path)
    write_xlsa17(tmp_path, labels=variables["labels"].reshape(70, 2))
    with sentence(ValueError, "labels", "(70, 2)", "(n, 1)"):
        load_xlsa17(tmp_path)
    write_xlsa17(tmp_path, allclasses_names=variables["allclasses_names"][:6])
    with sentence(ValueError, "allclasses_names has 6 names", "8 columns"):
        load_xlsa17(tmp_path)
    write_xlsa17(tmp_path, test_seen_loc=np.zeros((0, 1)))
    with sentence(ValueError, "test_seen_loc", "(0, 1)", "no entry"):
        load_xlsa17(tmp_path)


def test_text_where_numbers_belong(tmp_path, write_xlsa17, sentence):
    write_xlsa17(tmp_path, test_seen_loc=np.array(["abc"]))
    with sentence(ValueError, "test_seen_loc has dtype <U3", "whole numbers"):
        load_xlsa17(tmp_path)
    write_xlsa17(tmp_path)
    with sentence(ValueError, "allclasses_names has dtype <U6", "expected numbers"):
        load_xlsa17(tmp_path, prototypes="allclasses_names")


def test_test_samples_in_the_training_list(tmp_path, write_xlsa17, sentence):
    variables = write_xlsa17(tmp_path)
    both = np.concatenate([variables["trainval_loc"], variables["test_seen_loc"][4:6]])
    write_xlsa17(tmp_path, trainval_loc=both)
    first = variables["test_seen_loc"][4, 0]
    with sentence(ValueError, "share 2 samples", f"number {first};"):
        load_xlsa17(tmp_path)


def test_classes_on_both_sides(tmp_path, write_xlsa17, sentence):
    variables = write_xlsa17(tmp_path)
    labels = variables["labels"].reshape(-1)
    unseen = variables["test_unseen_loc"]
    eight = unseen[labels[unseen[:, 0].astype(int) - 1] == 8][:1]
    write_xlsa17(tmp_path, trainval_loc=np.concatenate([variables["trainval_loc"], eight]))
    with sentence(ValueError, "share 1 of the classes", "the first is 8"):
        load_xlsa17(tmp_path)
    write_xlsa17(tmp_path, test_seen_loc=np.concatenate([variables["test_seen_loc"], eight]))
    with sentence(ValueError, "test_seen_loc has 1 classes that are not in trainval_loc", "is 8"):
        load_xlsa17(tmp_path)
