"""A folder or a file that one process holds; see also tests/robust/test_lock.py."""

import os

import pytest

from tinygzsl.storage import locks
from tinygzsl.storage.locks import LOCK, FileLock, FolderLock, refuse_held


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


def test_a_link_is_refused_and_neither_it_nor_its_target_changes(tmp_path, sentence):
    target, lock = tmp_path / "target", tmp_path / LOCK
    for content in ("important\n", "tinygzsl 123\n", "", None):
        if content is not None:
            target.write_text(content)
        lock.symlink_to(target)
        with sentence(ValueError, lock, "is no lock file of tinygzsl", "move it away"):
            FolderLock(tmp_path)
        refuse_held(tmp_path)
        assert lock.is_symlink() and lock.readlink() == target
        assert target.exists() == (content is not None)
        assert content is None or target.read_text() == content
        lock.unlink()
        target.unlink(missing_ok=True)


@pytest.mark.parametrize("content", [b"123\n", b"\xff\n", b"tinygzsl 1\nmore", b"{}", b"x" * 9999])
def test_the_lock_of_another_program_stays_as_it_is(tmp_path, sentence, content):
    lock = tmp_path / LOCK
    lock.write_bytes(content)
    with sentence(ValueError, lock, "is no lock file of tinygzsl", "another program may use it"):
        FolderLock(tmp_path)
    refuse_held(tmp_path)
    assert lock.read_bytes() == content


def test_an_empty_lock_that_was_there_stays_and_is_empty(tmp_path, sentence):
    lock = tmp_path / LOCK
    lock.touch()
    with FolderLock(tmp_path), sentence(BlockingIOError, tmp_path, f"process {os.getpid()}"):
        FolderLock(tmp_path)
    assert lock.read_bytes() == b""


def test_what_is_no_file_is_refused(tmp_path, sentence):
    lock = tmp_path / LOCK
    for make, remove in ((lock.mkdir, lock.rmdir), (lambda: os.mkfifo(lock), lock.unlink)):
        make()
        with sentence(ValueError, lock, "is no lock file of tinygzsl"):
            FolderLock(tmp_path)
        remove()


def test_a_held_folder_is_refused_and_its_lock_stays(tmp_path, sentence):
    refuse_held(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with FolderLock(tmp_path):
        with sentence(BlockingIOError, f"the folder {tmp_path}", f"process {os.getpid()}"):
            refuse_held(tmp_path)
        assert (tmp_path / LOCK).read_text() == f"tinygzsl {os.getpid()}\n"
