import pytest

from tinygzsl.runs import manifest

PACKED = """\
# pack-refs with: peeled fully-peeled sorted
1234 refs/heads/main
5678 refs/heads/other
9abc refs/tags/v1
^1234
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The folder of a checkout that the package runs from; no .git is there yet."""
    path = tmp_path / "checkout"
    path.mkdir()
    monkeypatch.setattr(manifest, "__file__", str(path / "tinygzsl" / "runs" / "manifest.py"))
    return path


def commit():
    return manifest.environment()["commit"]


def test_the_commit_is_that_of_the_checkout(checkout):
    assert commit() is None
    (checkout / ".git" / "refs" / "heads").mkdir(parents=True)
    (checkout / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (checkout / ".git" / "packed-refs").write_text("# pack-refs\n1234 refs/heads/main\n")
    assert commit() == "1234"
    (checkout / ".git" / "refs" / "heads" / "main").write_text("abcd\n")
    assert commit() == "abcd"
    (checkout / ".git" / "HEAD").write_text("5678\n")  # a detached one
    assert commit() == "5678"


def test_packed_refs_with_tags_that_are_objects_of_their_own(checkout):
    (checkout / ".git").mkdir()
    (checkout / ".git" / "packed-refs").write_text(PACKED)
    for branch, expected in (("main", "1234"), ("other", "5678"), ("new", None)):
        (checkout / ".git" / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        assert commit() == expected
    (checkout / ".git" / "packed-refs").write_text("1234 refs/heads/new\n")  # without a header
    assert commit() == "1234"


@pytest.mark.parametrize("absolute", [True, False])
def test_a_linked_worktree_has_the_branches_of_the_main_one(checkout, tmp_path, absolute):
    main = tmp_path / "main" / ".git"
    mine = main / "worktrees" / "checkout"
    mine.mkdir(parents=True)
    named = mine if absolute else "../main/.git/worktrees/checkout"
    (checkout / ".git").write_text(f"gitdir: {named}\n")
    (mine / "HEAD").write_text("ref: refs/heads/other\n")
    (mine / "commondir").write_text("../..\n")
    assert commit() is None
    (main / "packed-refs").write_text(PACKED)
    assert commit() == "5678"
    (main / "refs" / "heads").mkdir(parents=True)
    (main / "refs" / "heads" / "other").write_text("def0\n")
    assert commit() == "def0"
    (mine / "HEAD").write_text("1234\n")
    assert commit() == "1234"
