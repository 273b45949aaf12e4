"""Files that the user names: links, pipes, terminals and descriptors, and what is refused."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from tinygzsl.baselines import ESZSL
from tinygzsl.storage import output
from tinygzsl.storage.output import OutputFile, output_folder

posix = pytest.mark.skipif(os.name != "posix", reason="paths of Unix")


@posix
def test_a_model_is_saved_behind_a_link_and_into_a_pipe(tiny_dataset, tmp_path):
    t = tiny_dataset().training()
    model = ESZSL().fit(t.X, t.y, t.prototypes)
    link, pipe, read = tmp_path / "link.npz", tmp_path / "pipe", []
    link.symlink_to("real.npz")
    model.save(link)
    assert link.is_symlink()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    model.save(pipe)
    reader.join(timeout=20)
    assert read == [(tmp_path / "real.npz").read_bytes()]


@posix
def test_a_terminal_gets_the_content():
    import pty

    ours, theirs = pty.openpty()
    try:
        file = OutputFile(os.ttyname(theirs))
        assert file.is_stream and not file.is_stdout
        file.write("content\n")
        assert os.read(ours, 100) == b"content\r\n"
        with pytest.raises(ZeroDivisionError), file.written() as aside:
            aside.write_text("half")
            1 / 0  # noqa: B018
        file.write("whole\n")
        assert os.read(ours, 100) == b"whole\r\n"
    finally:
        os.close(ours)
        os.close(theirs)


@posix
def test_descriptors_are_for_writing_and_open(tmp_path, sentence):
    read, write = os.pipe()
    try:
        OutputFile(f"/dev/fd/{write}").write("content")
        assert os.read(read, 100) == b"content"
        with pytest.raises(PermissionError) as refused:
            OutputFile(f"/dev/fd/{read}")
        assert refused.value.filename == f"/dev/fd/{read}"
        with sentence(ValueError, f"/dev/fd/{write} is no regular file, but is read again later"):
            OutputFile(f"/dev/fd/{write}", regular=True)
    finally:
        os.close(read)
        os.close(write)
    with pytest.raises(OSError, match="Bad file descriptor"):
        OutputFile(f"/dev/fd/{write}")


def test_a_disk_is_refused(monkeypatch, sentence):
    monkeypatch.setattr(output, "kind_of", lambda path: stat.S_IFBLK)
    with sentence(ValueError, "a_disk is a disk, which is not written to"):
        OutputFile("a_disk")


@posix
def test_a_file_that_may_not_be_written_is_refused(monkeypatch, tmp_path):
    """As one that is immutable, or on a system mounted for reading; the rename would replace it."""
    (tmp_path / "old").write_text("mine")
    opened = os.open

    def refuse(path, flags, *args, **kwargs):
        if Path(path).name == "old" and flags & os.O_WRONLY:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError):
        OutputFile(tmp_path / "old")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_is_tried_and_not_made(tmp_path):
    assert output_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert output_folder(tmp_path) == tmp_path
    assert not list(tmp_path.iterdir())
