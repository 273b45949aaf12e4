"""A folder or a file that one process holds; see also tests/robust/test_lock.py."""

import os

from tinygzsl.storage import locks
from tinygzsl.storage.locks import LOCK, FileLock, FolderLock


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    """Its last holder removes the file between our opening and our locking it."""
    lock, tried = locks._lock, []

    def removed_before(file, held):
        if not tried:
            (tmp_path / LOCK).unlink()
        tried.append(file)
        lock(file, held)

    monkeypatch.setattr(locks, "_lock", removed_before)
    with FolderLock(tmp_path) as held:
        assert len(tried) == 2 and tried[0].closed
        assert os.path.samestat(os.fstat(held.file.fileno()), (tmp_path / LOCK).stat())


def test_a_file_is_held_and_others_of_its_folder_are_not(tmp_path, sentence):
    path = tmp_path / "rows.csv"
    with FileLock(path):
        with sentence(BlockingIOError, f"the file {path} is in use by process {os.getpid()}"):
            FileLock(path)
        with FileLock(tmp_path / "rows.jsonl"), FolderLock(tmp_path):
            assert not path.exists()  # it may come later
    assert list(tmp_path.iterdir()) == []
    FileLock(path).release()
