"""Whoever holds a run folder removes what a killed training left in it."""

from pathlib import Path

import pytest

from tinygzsl.runs.folder import WRITTEN, RunLock, create_run


@pytest.mark.parametrize("name", WRITTEN)
def test_leftovers_of_every_file_that_train_writes_go(tmp_path, name):
    run = create_run(tmp_path / "run", "seed = 0\n")
    left = (run / name).with_name(f".{(run / name).name}.45.tmp")
    left.write_text("half")
    RunLock(run).release()
    assert not left.exists()


def test_a_folder_named_by_a_dot(tmp_path, monkeypatch):
    run = create_run(tmp_path / "run", "seed = 0\n")
    (tmp_path / ".run.88.tmp").mkdir()
    monkeypatch.chdir(run)
    RunLock(Path()).release()
    assert not (tmp_path / ".run.88.tmp").exists()


def test_who_is_refused_removes_nothing(tmp_path):
    run = create_run(tmp_path / "run", "seed = 0\n")
    with RunLock(run):
        half = run / ".model.npz.1.tmp"
        half.write_text("what the holder is writing")
        with pytest.raises(BlockingIOError):
            RunLock(run)
        assert half.exists()
