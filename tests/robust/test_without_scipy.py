"""SciPy is missing: only the intervals over seeds of `compare` need it, and say how to get it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinygzsl

HOME = Path(tinygzsl.__file__).parent
# Runs the commands that stdin lists as JSON; prints the exit code and stderr of each.
HIDDEN = """
import json, sys
from pathlib import Path

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "scipy":
            raise ModuleNotFoundError("No module named 'scipy'", name="scipy")

sys.meta_path.insert(0, Hidden())
sys.path.insert(0, sys.argv[1])
from conftest import _run_cli
found = [_run_cli(*command) for command in json.load(sys.stdin)]
print(json.dumps([[result.exit_code, result.stderr] for result in found]))
"""


@pytest.fixture
def without_scipy():
    """without_scipy(*commands) -> exit code and stderr of each, in a process without SciPy."""

    def run(*commands):
        path = os.pathsep.join(filter(None, [str(HOME.parent), os.environ.get("PYTHONPATH")]))
        result = subprocess.run(
            [sys.executable, "-c", HIDDEN, str(Path(__file__).parents[1])],
            input=json.dumps([[str(part) for part in command] for command in commands]),
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


def test_only_intervals_over_seeds_need_scipy(without_scipy, write_xlsa17, fast_options, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    write_xlsa17(data)
    compare = ["compare", data, "--methods", "eszsl,sae"]
    *fine, over_seeds = without_scipy(
        ["train", data, *fast_options, "--out", run],
        ["evaluate", run],
        ["report", run],
        [*compare, "--seeds", 1, "--out", tmp_path / "one"],
        [*compare, "--seeds", 2, "--predictions", "--out", tmp_path / "labels"],
        [*compare, "--seeds", 2, "--out", tmp_path / "two"],
    )
    assert [code for code, _ in fine] == [0] * len(fine), fine
    code, stderr = over_seeds
    assert code == 2
    assert stderr.splitlines() == [
        "Error: SciPy is not installed, and compare needs it for intervals over seeds; pip install "
        "scipy, or pass --seeds 1, or --predictions for intervals over test samples"
    ]
    assert not (tmp_path / "two").exists()
