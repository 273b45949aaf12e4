"""Data folders whose names have a line break, or bytes that are not UTF-8."""

import json
import os
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

BREAKS = ("two\nlines", "c\rd")
FAST = ("--processes", 1, "--threads", 1)

undecodable = pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")


@pytest.fixture
def folder(tmp_path, write_xlsa17):
    """folder(name) -> a data folder of that name."""

    def make(name):
        write_xlsa17(tmp_path / "plain")
        return (tmp_path / "plain").rename(tmp_path / name)

    return make


@pytest.fixture
def strange(folder):
    """A data folder whose name has the byte 0xff."""
    return folder(os.fsdecode(b"bad \xff name"))


@pytest.mark.parametrize("name", BREAKS)
def test_a_run_names_a_folder_with_a_line_break_and_finds_it_again(
    name, folder, fast_options, run_cli, tmp_path
):
    data, run = folder(name), tmp_path / "run"
    for arguments in (
        ("train", data, *fast_options, "--out", run),
        ("train", "--resume", run),
        ("evaluate", run),
        ("report", run),
        ("train", "--config", run / "config.toml", "--out", tmp_path / "again"),
    ):
        result = run_cli(*arguments)
        assert result.exit_code == 0, (arguments, result.stderr)
    source = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))["data"]
    assert source["name_or_path"] == str(data)
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config"]["data"] == manifest["config"]["data"] | source
    assert str(data / "res101.mat") in manifest["inputs"]


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_sweep_refuses_a_line_break_before_it_trains(
    name, suffix, folder, fast_options, run_cli, tmp_path
):
    data, out = folder(name), tmp_path / f"rows{suffix}"
    result = run_cli("sweep", data, *fast_options, *FAST, "--out", out)
    assert result.exit_code == 2
    assert f"Error: {name!r} has a line break in its name" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", BREAKS)
def test_a_sweep_takes_a_line_break_above_the_folder(
    name, write_xlsa17, fast_options, run_cli, tmp_path
):
    write_xlsa17(tmp_path / name / "data")
    out = tmp_path / "rows.csv"
    for ran in (1, 0):
        command = ("sweep", tmp_path / name / "data", *fast_options, *FAST, "--out", out, "--json")
        result = run_cli(*command)
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["ran"] == ran


@pytest.mark.parametrize("name", BREAKS)
def test_a_comparison_goes_on_with_a_line_break(name, folder, run_cli, tmp_path):
    options = ("--methods", "eszsl,sae", "--seeds", 1, "--tune", "--out", tmp_path / "table")
    data = folder(name)
    for again in (False, True):
        result = run_cli("compare", data, *options)
        assert result.exit_code == 0, result.stderr
        assert ("2 of 2 rows are in" in result.stderr) == again
    settings = tomllib.loads((tmp_path / "table" / "settings.toml").read_text(encoding="utf-8"))
    assert list(settings["ESZSL"]) == [name]


def test_predict_writes_beside_such_a_folder(folder, fast_options, run_cli, tmp_path):
    data, run = folder(BREAKS[0]), tmp_path / "run"
    assert run_cli("train", data, *fast_options, "--out", run).exit_code == 0
    np.save(data / "x.npy", np.zeros((3, 10), np.float32))
    names = [BREAKS[1]] + [os.fsdecode(b"out \xff")] * (sys.platform == "linux")
    for name in names:
        result = run_cli("predict", run, data / "x.npy", "--out", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        assert len((tmp_path / name).read_text(encoding="utf-8").splitlines()) == 4


@undecodable
@pytest.mark.parametrize(
    "command",
    [
        ("train", "--preset", "small", "--out", "run"),
        ("sweep", "--preset", "small", "--out", "rows.jsonl"),
        ("sweep", "--preset", "small", "--out", "rows.csv"),
        ("tune", "--out", "tuned.toml"),
        ("compare", "--methods", "eszsl", "--tune", "--out", "table"),
    ],
    ids=" ".join,
)
def test_bytes_that_are_not_utf_8_are_refused_before_any_work(
    command, strange, run_cli, monkeypatch
):
    monkeypatch.chdir(strange.parent)
    monkeypatch.setattr("tinygzsl.pipeline.fit", None)
    result = run_cli(command[0], strange.name, *command[1:])
    assert result.exit_code == 2
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert r"bad \udcff name has the byte \udcff in its name, which is not UTF-8" in error
    assert list(Path().iterdir()) == [Path(strange.name)]


@undecodable
def test_bytes_above_the_folder_are_refused_too(strange, run_cli, monkeypatch):
    (strange / "data").mkdir()
    for path in list(strange.glob("*.mat")):
        path.rename(strange / "data" / path.name)
    monkeypatch.chdir(strange)
    result = run_cli("tune", "data", "--out", "tuned.toml")
    assert result.exit_code == 2
    assert r"has the byte \udcff in its name, which is not UTF-8" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["data"]
