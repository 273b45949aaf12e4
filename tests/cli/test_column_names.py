"""Columns of CSV files: in any order for `predict` and `evaluate`, but with the model's names."""

import csv
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL, PrototypeRidge
from tinygzsl.datasets import load_csv, save_csv
from tinygzsl.datasets.csv_cells import write_table
from tinygzsl.stacking import StackedGZSL

FEATURES, ATTRIBUTES = tuple(f"width {i}" for i in range(12)), tuple("uvwxyz")


@pytest.fixture
def folder(tiny_dataset, tmp_path):
    """A CSV folder with names."""
    named = replace(tiny_dataset(), feature_names=FEATURES, attribute_names=ATTRIBUTES)
    save_csv(named, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def run(run_cli, fast_options, folder, tmp_path):
    """The run of a training on it."""
    result = run_cli("train", folder, *fast_options, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    return tmp_path / "run"


def change(path, order=None, **names):
    """Put the columns of a CSV file in another order, the label first, and rename some."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    columns = range(len(header) - 1) if order is None else order
    lines = [[row[0], *(row[1 + i] for i in columns)] for row in (header, *rows)]
    lines[0] = [names.get(name, name) for name in lines[0]]
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    return path


def labels_of(result):
    assert result.exit_code == 0, result.output
    return [row["label"] for row in csv.DictReader(io.StringIO(result.stdout))]


def test_a_model_from_csv_has_the_names(run):
    model = tz.load_model(run / "model.npz")
    assert tuple(model.feature_names_in_) == FEATURES
    assert tuple(model.attribute_names_in_) == ATTRIBUTES


@pytest.mark.wheel
def test_permuted_files_get_the_same_labels_with_a_note(run, run_cli, folder, tmp_path):
    new, unseen = folder / "test.csv", folder / "prototypes.csv"
    args = ("predict", run, new, "--unseen", unseen)
    first = run_cli(*args)
    expected = labels_of(first)
    assert first.stderr == "" and len(set(expected)) > 5
    change(new, [*range(1, 12), 0])
    second = run_cli(*args)
    assert labels_of(second) == expected
    assert second.stderr == f"note: the columns of {new} are put in the order of the model's\n"
    change(unseen, [5, 4, 3, 2, 1, 0])
    third = run_cli(*args)
    assert labels_of(third) == expected
    assert len(third.stderr.splitlines()) == 2 and str(unseen) in third.stderr


def test_a_file_without_labels_is_put_in_order_too(run, run_cli, folder, tmp_path):
    test = folder / "test.csv"
    expected = labels_of(run_cli("predict", run, test))
    lines = [row[:0:-1] for row in csv.reader(io.StringIO(test.read_text()))]
    (tmp_path / "new.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    assert labels_of(run_cli("predict", run, tmp_path / "new.csv")) == expected


def test_other_columns_are_refused_by_name(run, run_cli, folder, one_error_line):
    new, unseen = folder / "test.csv", folder / "prototypes.csv"
    kept = new.read_text()
    change(new, **{"width 3": "depth"})
    parts = (new, "has the column 'depth'", "no column 'width 3'")
    one_error_line(run_cli("predict", run, new), *parts)
    new.write_text(kept)
    change(new, range(11))
    one_error_line(run_cli("predict", run, new), new, "has no column 'width 11'")
    new.write_text(kept)
    change(unseen, w="new")
    result = run_cli("predict", run, new, "--unseen", unseen)
    one_error_line(result, unseen, "has the column 'new'", "no column 'w'")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (",".join(reversed(FEATURES)) + "\n", "at least one row"),
        (",".join(FEATURES) + "\n" + "1," * 10 + "1\n", "12 names in its header but 11 numbers"),
        ('"width' + "x" * 200_000 + "\n1\n", "not a CSV file"),
    ],
)
def test_damaged_files(run, run_cli, tmp_path, text, part, one_error_line):
    (tmp_path / "new.csv").write_text(text)
    one_error_line(run_cli("predict", run, tmp_path / "new.csv"), part)


def test_npy_files_have_no_names_which_is_said(run, run_cli, folder, tmp_path):
    expected = labels_of(run_cli("predict", run, folder / "test.csv"))
    np.save(tmp_path / "new.npy", load_csv(folder).X_test)
    with pytest.warns(UserWarning, match="X has no names of columns, but the training data had"):
        result = run_cli("predict", run, tmp_path / "new.npy")
    assert labels_of(result) == expected


def test_each_view_is_put_in_order(tiny_dataset, run_cli, tmp_path):
    data = tiny_dataset()
    seen, unseen = (
        {"att": a, "sent": a[:, :4] ** 2} for a in (data.seen_prototypes, data.unseen_prototypes)
    )
    names = {"att": ATTRIBUTES, "sent": ATTRIBUTES[:4]}
    data = replace(data, seen_prototypes=seen, unseen_prototypes=unseen, attribute_names=names)
    save_csv(data, tmp_path)
    training = load_csv(tmp_path, prototypes="att,sent").training()
    X, prototypes = training.tables()
    model = StackedGZSL(experts=[ESZSL(), PrototypeRidge()]).fit(X, training.y, prototypes)
    model.save(tmp_path / "stack.npz")
    files = {view: tmp_path / f"prototypes{'_sent' * (view == 'sent')}.csv" for view in names}
    given = [part for view, file in files.items() for part in ("--unseen", f"{view}={file}")]
    expected = labels_of(run_cli("predict", tmp_path / "stack.npz", tmp_path / "test.csv", *given))
    change(files["sent"], [3, 1, 2, 0])
    result = run_cli("predict", tmp_path / "stack.npz", tmp_path / "test.csv", *given)
    assert labels_of(result) == expected and len(set(expected)) > 5
    assert result.stderr.count("note: the columns of") == 1


def test_a_baselines_file_is_put_in_order(run_cli, folder, tmp_path):
    training = load_csv(folder).training()
    X, prototypes = training.tables()
    ESZSL().fit(X, training.y, prototypes).save(tmp_path / "model.npz")
    args = ("predict", tmp_path / "model.npz", folder / "test.csv")
    expected = labels_of(run_cli(*args))
    change(folder / "test.csv", range(11, -1, -1))
    assert labels_of(run_cli(*args)) == expected


# evaluate, report and plot


def figures(result):
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    return {name: value for name, value in found.items() if name != "inputs"}


def test_evaluate_puts_another_dataset_in_order(run, run_cli, folder, tmp_path, one_error_line):
    first = run_cli("evaluate", run, "--json")
    assert "warning" not in first.stderr
    other = shutil.copytree(folder, tmp_path / "other")
    for name in ("train", "test"):
        change(other / f"{name}.csv", range(11, -1, -1))
    change(other / "prototypes.csv", [1, 0, 2, 3, 4, 5])
    second = run_cli("evaluate", run, "--data", other, "--json")
    assert figures(second) == figures(first)
    assert second.stderr.splitlines() == [
        "note: the features are put in the order of the model's",
        "note: the attributes of the prototypes are put in the order of the model's",
    ]
    for name in ("train", "test"):
        change(other / f"{name}.csv", **{"width 0": "depth"})
    result = run_cli("evaluate", run, "--data", other)
    one_error_line(result, "the dataset other has the column 'depth'", "no column 'width 0'")


def test_a_report_of_permuted_data(run, run_cli, folder, tmp_path):
    assert run_cli("evaluate", run).exit_code == 0
    for name in ("train", "test"):
        change(folder / f"{name}.csv", range(11, -1, -1))
    result = run_cli("report", run, "--out", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    assert "the features are put in the order" in (tmp_path / "report.html").read_text()


def test_evaluate_in_python_refuses_another_order(run, folder, tmp_path, sentence):
    model = tz.load_model(run / "model.npz")
    before = tz.evaluate(model, load_csv(folder))
    assert before["H"] > 0.5
    for name in ("train", "test"):
        change(folder / f"{name}.csv", range(11, -1, -1))
    with sentence(ValueError, "X has its columns in another order", "feature_names_in_"):
        tz.evaluate(model, load_csv(folder))


def test_names_in_quotes(run_cli, tiny_dataset, tmp_path):
    names = ("a,b", 'c"d', *FEATURES[2:])
    training = replace(tiny_dataset(), feature_names=names).training()
    X, prototypes = training.tables()
    model = ESZSL().fit(X, training.y, prototypes)
    model.save(tmp_path / "model.npz")
    write_table(tmp_path / "new.csv", training.y, training.X, names=list(names))
    found = labels_of(run_cli("predict", tmp_path / "model.npz", tmp_path / "new.csv"))
    assert [int(label) for label in found] == model.predict(X).tolist()
