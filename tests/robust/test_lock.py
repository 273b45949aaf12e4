"""A run folder is held by one process at a time, and a killed one holds nothing."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from killing.runs import KILLED, finish, start

from tinygzsl.runs.folder import RunLock, create_run
from tinygzsl.storage.locks import LOCK

pytestmark = pytest.mark.filterwarnings("ignore:the classifier gets")  # of so little training


@pytest.fixture
def slow(fast_options, write_xlsa17, tmp_path):
    """A process in the midst of its training into tmp_path / "run"."""
    write_xlsa17(tmp_path / "data")
    out = tmp_path / "run"
    process = start("slow:0.05", "train", tmp_path / "data", *fast_options, "--out", out)
    while not (out / LOCK).exists() or not (out / LOCK).read_text():
        assert process.poll() is None
        time.sleep(0.01)
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_with_the_number_of_the_first(slow, tmp_path, run_cli):
    run = tmp_path / "run"
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    for _, stderr in (
        finish(start("none:", "train", "--resume", run), 2),
        ("", run_cli("train", "--resume", run).stderr),
    ):
        *_, error = stderr.strip().splitlines()
        assert error == (
            f"Error: the folder {run} is in use by process {slow.pid}; wait for its end, or stop it"
        )
    assert all(p.read_bytes() == content for p, content in before.items())
    slow.send_signal(signal.SIGKILL)
    finish(slow, KILLED)
    assert (run / LOCK).exists()
    result = run_cli("train", "--resume", run)
    assert result.exit_code == 0, result.output
    assert not (run / LOCK).exists()


def test_the_lock_goes_with_its_holder_and_not_before(tmp_path, sentence):
    with RunLock(tmp_path) as held:
        with sentence(BlockingIOError, tmp_path, "is in use by process"):
            RunLock(tmp_path)
        assert (tmp_path / LOCK).exists()
    assert not (tmp_path / LOCK).exists()
    held.release()
    RunLock(tmp_path).release()


def test_no_folder(tmp_path, sentence):
    with sentence(FileNotFoundError, tmp_path / "none", "is not a folder"):
        RunLock(tmp_path / "none")


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    run = create_run(tmp_path / "run", "seed = 0\n")
    gone = [run / ".model.npz.123.tmp", run / "checkpoints" / ".gan.npz.45.tmp"]
    kept = [run / ".metrics.json.7.tmp", run / "model.npz.tmp", tmp_path / ".other.9.tmp"]
    for path in gone + kept:
        path.write_text("half")
    (tmp_path / ".run.88.tmp" / "checkpoints").mkdir(parents=True)
    RunLock(run).release()
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert not (tmp_path / ".run.88.tmp").exists()


def test_a_run_folder_appears_with_its_configuration(tmp_path, sentence):
    run = create_run(tmp_path / "deep" / "run", "seed = 0\n")
    assert (run / "config.toml").read_text() == "seed = 0\n"
    with sentence(FileExistsError, run, "--out", f"--resume {run}"):
        create_run(run, "seed = 1\n")
    assert (run / "config.toml").read_text() == "seed = 0\n"
    assert [p.name for p in run.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("content", ["tinygzsl 123\n", "123\n", ""])
def test_the_lock_that_a_killed_training_left_is_taken(tmp_path, content):
    """0.1.0 wrote the process id alone."""
    run = create_run(tmp_path / "run", "seed = 0\n")
    (run / LOCK).write_text(content)
    RunLock(run).release()
    assert (run / LOCK).exists() == (content == "")


def snapshot(folder):
    """What is in a folder: each file's content, and each link's target."""
    found = (p for p in folder.rglob("*") if p.is_symlink() or p.is_file())
    return {p: os.readlink(p) if p.is_symlink() else p.read_bytes() for p in found}


@pytest.mark.parametrize("config", [None, "[params]\ntheme = 1\n", "seed = 0\n"])
@pytest.mark.parametrize("lock", ["", "123\n", "tinygzsl 123\n", None])
def test_a_folder_that_is_no_run_is_not_resumed_and_not_touched(tmp_path, run_cli, config, lock):
    folder, target = tmp_path / "project", tmp_path / "target"
    folder.mkdir()
    target.write_text("important\n")
    if config is not None:
        (folder / "config.toml").write_text(config)
    if lock is None:
        (folder / LOCK).symlink_to(target)
    else:
        (folder / LOCK).write_text(lock)
    before = snapshot(tmp_path)
    result = run_cli("train", "--resume", folder)
    assert result.exit_code == 2
    expected = "is not a run: it has no config.toml" if config is None else "doesn't name a dataset"
    assert str(folder) in result.stderr and expected in result.stderr
    assert run_cli("train", "letters", "--out", folder).exit_code == 2
    assert snapshot(tmp_path) == before


def test_a_run_whose_lock_is_a_link_is_not_resumed(tmp_path, run_cli, write_xlsa17, fast_options):
    write_xlsa17(tmp_path / "data")
    run, target = tmp_path / "run", tmp_path / "target"
    assert run_cli("train", tmp_path / "data", *fast_options, "--out", run).exit_code == 0
    target.write_text("important\n")
    (run / LOCK).symlink_to(target)
    result = run_cli("train", "--resume", run)
    assert result.exit_code == 2
    assert f"Error: {run / LOCK} is no lock file of tinygzsl" in result.stderr
    assert (run / LOCK).is_symlink() and target.read_text() == "important\n"


def test_resume_of_nothing(run_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_cli("train", "letters", "--resume", "")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --resume is empty; name the run folder")
    assert list(tmp_path.iterdir()) == []
