from tinygzsl.runs import manifest


def test_the_commit_is_that_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "__file__", str(tmp_path / "tinygzsl" / "runs" / "manifest.py"))
    assert manifest.environment()["commit"] is None
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "packed-refs").write_text("# pack-refs\n1234 refs/heads/main\n")
    assert manifest.environment()["commit"] == "1234"
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text("abcd\n")
    assert manifest.environment()["commit"] == "abcd"
    (tmp_path / ".git" / "HEAD").write_text("5678\n")  # a detached one
    assert manifest.environment()["commit"] == "5678"
