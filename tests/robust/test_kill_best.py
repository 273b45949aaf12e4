"""A training of preset best that is killed by SIGKILL goes on from its pieces, to the same bits."""

import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from killing.runs import KILLED, check_tidy, finish, start

from tinygzsl.storage import arrays_file
from tinygzsl.storage.checksums import file_sha256

needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
WHOLE = {}


@pytest.fixture
def train(write_xlsa17, tmp_path_factory):
    """The start of every training's command; its data are at the same place for all of them."""
    if not WHOLE:
        WHOLE["data"] = tmp_path_factory.mktemp("best") / "data"
        write_xlsa17(WHOLE["data"])
    return ("train", WHOLE["data"], "--preset", "best", "--threads", 1)


@needs_sigkill
@pytest.mark.parametrize("act", ["write:5", "after:9", "before:29"])
def test_killed_and_resumed(train, run_cli, tmp_path, act):
    if "run" not in WHOLE:
        WHOLE["run"] = WHOLE["data"].parent / "whole"
        assert run_cli(*train, "--out", WHOLE["run"]).exit_code == 0
    run = tmp_path / "run"
    finish(start(act, *train, "--out", run), KILLED)
    pieces = list((run / "checkpoints").glob("[!.]*.npz"))
    assert pieces and not (run / "manifest.json").exists()
    for path in pieces:
        arrays_file.read_npz(path, "stack checkpoint")
    result = run_cli("train", "--resume", run, "--threads", 1)
    assert result.exit_code == 0, result.output
    check_tidy(run)
    for name in ("model.npz", "config.toml"):
        assert file_sha256(run / name) == file_sha256(WHOLE["run"] / name)


@needs_sigkill
def test_sigterm_stops_at_once_and_says_how_to_go_on(train, tmp_path):
    run = tmp_path / "run"
    process = start("slow:0.05", *train, "--out", run)
    while not list(run.glob("checkpoints/[!.]*.npz")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, stderr = finish(process, 143)
    *_, advice, error = stderr.strip().splitlines()
    assert advice == f"stopped; continue with: tinygzsl train --resume {run}"
    assert error == "Error: interrupted; no half-written file is left"
    check_tidy(run)
