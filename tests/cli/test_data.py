import dataclasses
import json

import numpy as np
import pytest

from tinygzsl.datasets import load_dataset, save_npz


@pytest.fixture
def run(run_cli):
    """run(*arguments) -> the result of `tinygzsl data`, where nothing but an exit was raised."""

    def run(*arguments):
        result = run_cli("data", *arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.mark.wheel
def test_inspect_json_is_one_object(run):
    result = run("inspect", "letters", "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    facts = json.loads(result.stdout)
    assert facts["name"] == "letters"
    assert facts["shapes"]["X_train"] == [12363, 16]
    assert facts["shapes"]["unseen_prototypes"] == [6, 22]
    assert facts["dtypes"]["X_train"] == "float32"
    assert (facts["n_seen_classes"], facts["n_unseen_classes"]) == (20, 6)
    assert facts["samples"] == {"train": 12363, "test_seen": 2788, "test_unseen": 4545}
    assert facts["samples_per_class"]["test_unseen"] == {"min": 734, "median": 759.5, "max": 773}
    assert facts["train_range"] == [0, 15]
    assert set(facts["non_finite"].values()) == {0}
    assert facts["validation"] is None
    assert any("dropped 304" in note for note in facts["notes"])


def test_inspect_text(run, tmp_path, write_xlsa17):
    write_xlsa17(tmp_path / "AWA1")
    result = run("inspect", "awa1", "--root", tmp_path)
    assert result.exit_code == 0
    for part in (
        "awa1: 5 seen and 2 unseen classes",
        "70 x 10",
        "float32",
        "70, per class min 14, median 14, max 14",
        "42 and 28 training rows",
        "split version: original Proposed Split",
        "att_splits.mat",
    ):
        assert part in result.stdout


def test_inspect_reports_values_that_are_not_finite(run, tmp_path, tiny_dataset):
    data = tiny_dataset()
    X_train, X_test = data.X_train.copy(), data.X_test[:0]
    X_train[3, :2] = np.nan, np.inf
    spoilt = dataclasses.replace(
        data,
        X_train=X_train,
        X_test=X_test,
        y_test=data.y_test[:0],
        unseen_prototypes=np.full_like(data.unseen_prototypes, np.nan),
    )
    save_npz(spoilt, tmp_path / "spoilt.npz")
    facts = json.loads(run("inspect", tmp_path / "spoilt.npz", "--json").stdout)
    assert facts["non_finite"] == {
        "X_train": 2,
        "X_test": 0,
        "seen_prototypes": 0,
        "unseen_prototypes": 12,
    }
    finite = X_train[np.isfinite(X_train)]
    assert facts["train_range"] == [finite.min().item(), finite.max().item()]
    assert facts["samples_per_class"]["test_seen"] is None
    text = run("inspect", tmp_path / "spoilt.npz").stdout
    assert "float32, 2 non-finite" in text
    assert "float32, 12 non-finite" in text


def test_inspect_of_features_without_a_finite_value(run, tmp_path, tiny_dataset):
    data = tiny_dataset()
    data = dataclasses.replace(data, X_train=np.full_like(data.X_train, np.nan))
    save_npz(data, tmp_path / "nan.npz")
    result = run("inspect", tmp_path / "nan.npz", "--json")
    assert json.loads(result.stdout)["train_range"] is None
    assert run("inspect", tmp_path / "nan.npz").exit_code == 0


def test_prototypes_and_split_are_passed_on(run, tmp_path, write_xlsa17):
    write_xlsa17(tmp_path / "u", features_file="i3d.mat", splits_folder="split_4")
    arguments = ("inspect", tmp_path / "u", "--split", 4, "--prototypes", "original_att", "--json")
    facts = json.loads(run(*arguments).stdout)
    assert facts["name"] == "u-split4"
    assert "original_att has rows of length 100" in facts["notes"][-1]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["inspect", "awa1", "--root", "nowhere"], ["awa1 was not found", "xlsa17.zip"]),
        (["inspect", "nothing.npz", "--json"], ["nothing.npz does not exist"]),
        (["inspect", "letters", "--split", "3"], ["split is 3"]),
        (["convert", "letters", "out.csv"], ["out.csv", "ends in .npz, or a folder"]),
        (["convert", "nothing", "out.npz"], ["nothing does not exist"]),
        (["convert", "letters", "no/where/out.npz"], ["folder no/where does not exist"]),
    ],
)
def test_errors_are_one_sentence(run, tmp_path, monkeypatch, arguments, parts):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dest", ["out.npz", "out"])
def test_convert_keeps_the_content(run, tmp_path, write_xlsa17, dest):
    write_xlsa17(tmp_path / "mine")
    result = run("convert", tmp_path / "mine", tmp_path / dest, "--json")
    assert result.exit_code == 0
    facts = json.loads(result.stdout)
    assert facts["format"] == ("npz" if dest == "out.npz" else "csv")
    before, after = load_dataset(tmp_path / "mine"), load_dataset(tmp_path / dest)
    for name in ("X_train", "X_test", "seen_prototypes", "unseen_prototypes"):
        assert np.array_equal(getattr(before, name), getattr(after, name).astype(np.float32))
    for name in ("y_train", "y_test", "seen_classes", "unseen_classes"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
    if dest == "out.npz":
        assert after.class_names == before.class_names
        assert np.array_equal(after.validation[0], before.validation[0])
        assert facts["left_out"] == []
    else:
        assert facts["left_out"] == ["class_names", "validation"]


def test_convert_says_what_csv_has_no_place_for(run, tmp_path, write_xlsa17):
    write_xlsa17(tmp_path / "mine")
    result = run("convert", tmp_path / "mine", tmp_path / "out")
    assert "wrote Dataset('mine': 70 training" in result.stdout
    assert "without class_names and validation" in result.stdout


@pytest.mark.parametrize("dest", ["out.npz", "out"])
def test_convert_overwrites_only_by_force(run, tmp_path, tiny_dataset, dest):
    save_npz(tiny_dataset(0), tmp_path / "a.npz")
    save_npz(tiny_dataset(1), tmp_path / "b.npz")
    assert run("convert", tmp_path / "a.npz", tmp_path / dest).exit_code == 0
    refused = run("convert", tmp_path / "b.npz", tmp_path / dest)
    assert refused.exit_code == 2
    assert f"{tmp_path / dest} exists already" in refused.stderr
    assert "--force" in refused.stderr
    kept = load_dataset(tmp_path / dest).X_train
    assert np.array_equal(kept.astype(np.float32), tiny_dataset(0).X_train)
    assert run("convert", tmp_path / "b.npz", tmp_path / dest, "--force").exit_code == 0
    replaced = load_dataset(tmp_path / dest).X_train
    assert np.array_equal(replaced.astype(np.float32), tiny_dataset(1).X_train)


def test_convert_does_not_mix_up_files_and_folders(run, tmp_path):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file").write_text("mine")
    for dest, word in (("folder.npz", "is a folder but a file"), ("file", "is a file but a fol")):
        result = run("convert", "letters", tmp_path / dest, "--force")
        assert result.exit_code == 2
        assert word in result.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_convert_fills_an_empty_folder(run, tmp_path, tiny_dataset):
    save_npz(tiny_dataset(), tmp_path / "a.npz")
    (tmp_path / "empty").mkdir()
    assert run("convert", tmp_path / "a.npz", tmp_path / "empty").exit_code == 0
    assert len(load_dataset(tmp_path / "empty").y_train) == 150


@pytest.fixture
def two_views(tmp_path, write_xlsa17):
    """A folder with the variables att and original_att."""
    write_xlsa17(tmp_path / "two")
    return tmp_path / "two"


def test_inspect_lists_views_with_their_sizes(run, two_views):
    arguments = ("inspect", two_views, "--prototypes", "att,original_att")
    facts = json.loads(run(*arguments, "--json").stdout)
    assert facts["shapes"]["seen_prototypes['original_att']"] == [5, 6]
    assert facts["shapes"]["unseen_prototypes['att']"] == [2, 6]
    assert facts["non_finite"]["unseen_prototypes['original_att']"] == 0
    lines = run(*arguments).stdout.splitlines()
    for name, size in (("X_train", "70 x 10"), ("unseen_prototypes['original_att']", "2 x 6")):
        assert f"  {name:33} {size:>14}  float32" in lines


@pytest.mark.parametrize("dest", ["out.npz", "out"])
def test_convert_and_inspect_take_all_views_of_a_file(run, tmp_path, two_views, dest):
    views = ("--prototypes", "att,original_att")
    assert run("convert", two_views, tmp_path / dest, *views).exit_code == 0
    shapes = json.loads(run("inspect", tmp_path / dest, "--json").stdout)["shapes"]
    assert shapes["seen_prototypes['original_att']"] == [5, 6]
    assert run("convert", tmp_path / dest, tmp_path / "again.npz").exit_code == 0
    again = load_dataset(tmp_path / "again.npz", prototypes="att,original_att")
    first = load_dataset(two_views, prototypes="att,original_att")
    for view in ("att", "original_att"):
        rows = again.unseen_prototypes[view].astype(np.float32)  # CSV is read as float64
        assert np.array_equal(rows, first.unseen_prototypes[view])
    arguments = (tmp_path / dest, tmp_path / "one.npz", "--prototypes", "original_att")
    assert run("convert", *arguments).exit_code == 0
    one = load_dataset(tmp_path / "one.npz").seen_prototypes.astype(np.float32)
    assert np.array_equal(one, first.seen_prototypes["original_att"])


def test_convert_does_not_leave_a_view_of_other_data(run, tmp_path, two_views):
    views = ("--prototypes", "att,original_att")
    assert run("convert", two_views, tmp_path / "out", *views).exit_code == 0
    result = run("convert", two_views, tmp_path / "out", "--force")
    assert result.exit_code == 2
    assert "prototypes_original_att.csv" in result.stderr
