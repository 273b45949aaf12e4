"""Sweeps and comparisons started at once into one place, as processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinygzsl

HOME = Path(tinygzsl.__file__).parents[1]


def start(folder, *arguments):
    command = [sys.executable, "-m", "tinygzsl", *map(str, arguments)]
    path = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes):
    """Exit codes, and what was said on stderr."""
    said = [process.communicate(timeout=240)[1] for process in processes]
    return [process.returncode for process in processes], said


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_two_sweeps_into_one_file_under_two_names(suffix, write_xlsa17, fast_options, tmp_path):
    """The second has another plan; its file is a link to the first one's."""
    write_xlsa17(tmp_path / "data")
    (tmp_path / f"link{suffix}").symlink_to(f"rows{suffix}")
    options = ("sweep", "data", *fast_options, "--processes", 1, "--threads", 1)
    codes, said = finish(
        [
            start(tmp_path, *options, "--seeds", seeds, "--out", f"{name}{suffix}")
            for seeds, name in (("0-1", "rows"), ("5-6", "link"))
        ]
    )
    assert sorted(codes) == [0, 2], said
    won = codes.index(0)
    error = said[1 - won].strip().splitlines()[-1]
    assert "is in use by process" in error or "holds another sweep" in error
    rows = (tmp_path / f"rows{suffix}").read_text().splitlines()[-2:]
    if suffix == ".jsonl":
        assert [json.loads(row)["seed"] for row in rows] == [[0, 1], [5, 6]][won]
    plan = json.loads((tmp_path / f"rows{suffix}.plan.json").read_text())
    assert plan["seeds"] == [[0, 1], [5, 6]][won]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["data", f"link{suffix}", f"rows{suffix}", f"rows{suffix}.plan.json"]
    )


def test_two_comparisons_into_one_folder_under_two_names(write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    (tmp_path / "results").mkdir()
    (tmp_path / "link").symlink_to("results")
    options = ("compare", "data", "--methods", "eszsl,sae", "--seeds", 1)
    codes, said = finish([start(tmp_path, *options, "--out", name) for name in ("results", "link")])
    assert 0 in codes and set(codes) <= {0, 2}, said
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or "is in use by process" in text
    rows = (tmp_path / "results" / "rows.jsonl").read_text().splitlines()
    assert sorted(json.loads(row)["method"] for row in rows) == ["ESZSL", "SAE"]
