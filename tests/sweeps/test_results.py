"""The results file: appended, resumed, torn, refused, sorted at the end."""

import csv

import pytest

from tinygzsl.storage.checksums import write_json
from tinygzsl.storage.rows import json_line
from tinygzsl.sweeps.results import Results, plan_path, read_plan
from tinygzsl.sweeps.run import FIGURES, Run

RUNS = [
    Run(
        key={"dataset": "a", "split": split, "vsmm.hidden": hidden, "seed": 0}, source={}, params={}
    )
    for split in (1, None)
    for hidden in ((), (256, 256))
]
PLAN = {"seeds": [0], "set": {"vsmm.hidden": [(), (256, 256)]}}


def row_of(run, value=0.1 + 0.2, **changes):
    row = {**run.key, **dict.fromkeys(FIGURES, value), "model_sha256": "m", "data_sha256": "d"}
    return {**row, "error": None, "seconds": 1.5, "host": "here", **changes}


@pytest.fixture(params=["rows.jsonl", "rows.csv"])
def path(request, tmp_path):
    return tmp_path / request.param


def test_rows_are_appended_as_they_come_and_sorted_at_the_end(path):
    results = Results(path, PLAN, runs=RUNS)
    assert not plan_path(path).exists()  # nothing is written before there is a row
    for i in (2, 0, 3, 1):
        results.append(row_of(RUNS[i], value=i / 7))
        lines = path.read_text().splitlines()
    as_they_came = [lines[-4:][i] for i in (1, 3, 0, 2)]
    results.finish()
    assert path.read_text().splitlines()[-4:] == as_they_came
    assert Results(path, PLAN, runs=RUNS).missing() == []
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


def test_figures_keep_every_bit(path):
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[1], value=0.1 + 0.2))
    read = Results(path, PLAN, runs=RUNS).rows[1]
    assert read["H"] == 0.1 + 0.2
    assert read["vsmm.hidden"] == (256, 256)


@pytest.mark.parametrize("cut", [1, 30])
def test_a_torn_last_line_is_dropped_and_its_run_done_again(path, cut):
    results = Results(path, PLAN, runs=RUNS)
    for run in RUNS[:3]:
        results.append(row_of(run))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    again = Results(path, PLAN, runs=RUNS)
    assert again.missing() == RUNS[2:]
    again.append(row_of(RUNS[2]))
    assert path.read_bytes() == whole


def test_a_header_that_was_cut_off_is_written_again(path):
    results = Results(path, PLAN, runs=RUNS)
    results.append(row_of(RUNS[0]))
    whole = path.read_bytes()
    path.write_bytes(whole[:5])
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[0]))
    assert path.read_bytes() == whole


def test_another_sweep_is_refused(path, sentence):
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[0]))
    before = path.read_bytes()
    with sentence(ValueError, path, "another sweep (different seeds)", "--out"):
        Results(path, {**PLAN, "seeds": [0, 1]}, runs=RUNS)
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_refused(path, sentence):
    path.write_text("mine\n")
    with sentence(ValueError, path, "does not belong to a sweep", "another --out"):
        read_plan(path)
    write_json(plan_path(path), PLAN)
    with sentence(ValueError, path, "line 1 is not a row"):
        Results(path, PLAN, runs=RUNS)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[]", "does not hold a JSON object"),
        ("{}", "has the format None, but 1 is needed"),
        ('{"format": 1, "seeds": [0], "sha256": "0"}', "checksum"),
    ],
)
def test_a_damaged_plan_says_what_to_do(path, text, what, sentence):
    plan_path(path).write_text(text)
    with sentence(ValueError, plan_path(path), what, "delete it: there are no rows yet"):
        read_plan(path)
    path.write_text("mine\n")
    with sentence(ValueError, plan_path(path), what, "restore it", f"delete it and {path.name}"):
        read_plan(path)


@pytest.mark.parametrize(
    "change",
    [
        {"H": None},
        {"H": "x"},
        {"H": True},
        {"seconds": None},
        {"model_sha256": None},
        {"data_sha256": None},
        {"error": "it failed"},
        {"error": 3, **dict.fromkeys((*FIGURES, "model_sha256"))},
    ],
    ids=str,
)
def test_a_row_with_a_value_of_the_wrong_kind(tmp_path, change, sentence):
    path = tmp_path / "rows.jsonl"
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[0]))
    path.write_bytes(path.read_bytes() + json_line(row_of(RUNS[1], **change)))
    with sentence(ValueError, path, "line 2 is not a row", "delete that line"):
        Results(path, PLAN, runs=RUNS)


@pytest.mark.parametrize("cell", ["", "x", "nan", "1e999"])
def test_a_csv_cell_that_is_no_figure(tmp_path, cell, sentence):
    path = tmp_path / "rows.csv"
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[0], value=0.25))
    path.write_text(path.read_text().replace("0.25", cell, 1))
    with sentence(ValueError, path, "line 2 is not a row"):
        Results(path, PLAN, runs=RUNS)


def test_a_flipped_digit_is_noticed(path, sentence):
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[0], value=0.25))
    path.write_text(path.read_text().replace("0.25", "0.26", 1))
    with sentence(ValueError, path, "is not a row of this sweep", "delete that line"):
        Results(path, PLAN, runs=RUNS)


def test_a_place_where_nothing_can_be_written(tmp_path, sentence):
    with sentence(ValueError, "rows.txt", ".jsonl or .csv"):
        read_plan(tmp_path / "rows.txt")
    with sentence(FileNotFoundError, tmp_path / "none", "create it"):
        read_plan(tmp_path / "none" / "rows.csv")


def test_a_dataset_that_changes_on_the_way_is_noticed(path, sentence):
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[0]))
    with sentence(ValueError, "a has changed", path):
        Results(path, PLAN, runs=RUNS).append(row_of(RUNS[1], data_sha256="other"))
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[2], data_sha256="another split's"))


def test_rows_of_a_dataset_that_changed_are_not_called_damaged(tmp_path, sentence):
    path = tmp_path / "rows.jsonl"
    Results(path, PLAN, runs=RUNS).append(row_of(RUNS[0]))
    path.write_bytes(path.read_bytes() + json_line(row_of(RUNS[1], data_sha256="other")))
    with sentence(ValueError, "a has changed since the first rows", path):
        Results(path, PLAN, runs=RUNS)


def test_a_csv_file_has_a_cell_for_every_value(tmp_path):
    path = tmp_path / "rows.csv"
    failed = row_of(RUNS[1], value=None, model_sha256=None, error="it failed, sadly")
    Results(path, PLAN, runs=RUNS).append(failed)
    with open(path, newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["vsmm.hidden"] == "[256, 256]"
    assert row["H"] == row["model_sha256"] == ""
    assert row["error"] == "it failed, sadly"
    assert Results(path, PLAN, runs=RUNS).rows[1]["H"] is None
