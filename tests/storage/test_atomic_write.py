"""Files written aside: on the disk before they get their name, and nothing left when it fails."""

import os

import pytest

from tinygzsl.storage.atomic_write import written_aside


def test_the_content_is_on_the_disk_before_the_rename(tmp_path, monkeypatch):
    calls, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("rename"), replace(*paths)))
    with written_aside(tmp_path / "a.txt") as aside:
        aside.write_text("new")
    inode = (tmp_path / "a.txt").stat().st_ino
    assert calls[:2] == [inode, "rename"]
    assert calls[2:] == ([tmp_path.stat().st_ino] if os.name == "posix" else [])
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught, written_aside(tmp_path / "a.txt") as aside:
        aside.write_text("new")
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]
