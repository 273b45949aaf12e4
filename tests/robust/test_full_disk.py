"""A disk that gets full: one sentence, no half file, the old file as it was, and a way on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygzsl

HOME = Path(tinygzsl.__file__).parent
FULL = ("No space left on device", "File too large")  # a tmpfs says the one, a limit the other

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits of the disk are set as on Unix")


@pytest.fixture
def on_small_disk(tmp_path):
    """on_small_disk(steps) -> the answers of on_small_disk.py, one per run."""

    def start(steps):
        folder = tmp_path / "disk"
        folder.mkdir()
        script = [sys.executable, str(Path(__file__).with_name("on_small_disk.py")), str(folder)]
        path = os.pathsep.join(filter(None, [str(HOME.parent), os.environ.get("PYTHONPATH")]))
        result = subprocess.run(
            [*_own_mounts(), *script],
            input=json.dumps([[str(part) for part in s] if s[0] == "run" else s for s in steps]),
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        answer = json.loads(result.stdout)
        print("a tmpfs" if answer["disk"] else "a limit on the size of files")
        return answer["runs"]

    return start


def _own_mounts():
    """The command that lets a process mount a tmpfs nobody else sees, if the system allows it."""
    command = [shutil.which("unshare"), "--user", "--map-root-user", "--mount"]
    if command[0] is None:
        return []
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else []


def refused(answer):
    """Whether a run ended in one sentence about the disk."""
    last = answer["stderr"].splitlines()[-1]
    assert last.startswith("Error: "), answer
    assert "Traceback" not in answer["stderr"]
    return answer["exit"] == 2 and any(reason in last for reason in FULL)


def test_commands_on_a_full_disk(on_small_disk, write_xlsa17, fast_options, tmp_path):
    data, disk, features = tmp_path / "data", tmp_path / "disk", tmp_path / "x.npy"
    write_xlsa17(data)
    np.save(features, np.zeros((200, 10), np.float32))
    run = disk / "run"
    again = [
        ["run", "evaluate", run],
        ["run", "report", run],
        ["run", "predict", run, features, "--out", disk / "p.csv"],
        ["run", "data", "convert", data, disk / "d.npz", "--force"],
        ["run", "data", "convert", data, disk / "csv", "--force"],
    ]
    fresh = [
        ["run", "train", data, *fast_options, "--out", disk / "new"],
        ["run", "sweep", data, "--processes", 1, *fast_options, "--out", disk / "r.jsonl"],
        ["run", "compare", data, "--methods", "eszsl", "--seeds", 1, "--out", disk / "cmp"],
    ]
    train = ["run", "train", data, *fast_options, "--out", run]
    answers = on_small_disk([train, *again, ["fill", 0], *again, *fresh, ["free"], *again, *fresh])
    before, full, after = answers[: 1 + 5], answers[6 : 6 + 8], answers[14:]
    assert [a["exit"] for a in before] == 6 * [0], before
    assert all(map(refused, full)), full
    kept = before[-1]["files"]
    for answer in full:
        assert {name: answer["files"].get(name) for name in kept} == kept
        left = {name for name in answer["files"] if name not in kept}
        assert not [name for name in left if name.endswith(".tmp") or name.startswith("new")]
    assert [a["exit"] for a in after] == 8 * [0], after


def test_training_goes_on_when_there_is_space_again(
    on_small_disk, write_xlsa17, fast_options, tmp_path
):
    data, disk = tmp_path / "data", tmp_path / "disk"
    write_xlsa17(data)

    def train(name):
        return ["run", "train", data, *fast_options, "--out", disk / f"{name}"]

    steps = [train("whole")]
    lefts = [1000, 9000, 24000, 40000]  # of what a run takes, some 60 kB
    for left in lefts:
        steps += [["fill", left], train(left), ["free"]]
        steps += [["run", "train", "--resume", disk / str(left)], train(left)]
    whole, *answers = on_small_disk(steps)
    curves = whole["files"]["whole/curves.csv"]  # every loss of both trainings
    assert refused(answers[0]), answers[0]
    for left, stopped, resumed, anew in zip(
        lefts, answers[::3], answers[1::3], answers[2::3], strict=True
    ):
        # A limit on files, where no tmpfs can be mounted, lets a run of smaller files pass.
        assert stopped["exit"] == 0 or refused(stopped), stopped
        assert not [name for name in stopped["files"] if name.endswith(".tmp")]
        # It goes on where there was a checkpoint, and else the folder isn't in the way.
        assert (resumed["exit"], anew["exit"]) in ((0, 2), (2, 0)), (resumed, anew)
        assert anew["files"][f"{left}/curves.csv"] == curves


def test_rows_that_did_not_fit_are_measured_again(on_small_disk, write_xlsa17, tmp_path):
    data, out = tmp_path / "data", tmp_path / "disk" / "cmp"
    write_xlsa17(data)

    def compare(methods):
        return ["run", "compare", data, "--methods", methods, "--seeds", 1, "--out", out]

    # The second row fits in part, as a row takes some 550 bytes.
    both = compare("eszsl,sae")
    answers = on_small_disk([compare("eszsl"), ["limit", 700], both, ["free"], both])
    one, full, two = answers
    assert one["exit"] == 0, one
    assert refused(full), full
    assert two["exit"] == 0, two
    assert "[1/1] SAE" in two["stderr"]
