"""A folder that one process holds; see also tests/robust/test_lock.py."""

import os

from tinygzsl.storage import locks
from tinygzsl.storage.locks import LOCK, FolderLock


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    """Its last holder removes the file between our opening and our locking it."""
    lock, tried = locks._lock, []

    def removed_before(file, folder):
        if not tried:
            (folder / LOCK).unlink()
        tried.append(file)
        lock(file, folder)

    monkeypatch.setattr(locks, "_lock", removed_before)
    with FolderLock(tmp_path) as held:
        assert len(tried) == 2 and tried[0].closed
        assert os.path.samestat(os.fstat(held.file.fileno()), (tmp_path / LOCK).stat())
