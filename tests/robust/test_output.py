"""Where results go: links, pipes and stdout get them, and a place that can't is refused at once."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import tinygzsl

HOME = Path(tinygzsl.__file__).parent
posix = pytest.mark.skipif(os.name != "posix", reason="paths of Unix")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="paths of Linux")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command with an output: `before` and `after` the path, {} names what `made` has.

    starts are the bytes its file starts with; replaces is whether it may take the place of a file.
    """

    before: str
    after: str = ""
    name: str
    starts: bytes = b""
    replaces: bool = True
    streams: bool = True

    def args(self, made, out):
        """The arguments for this output; `fast` stands for the fast settings."""
        words = (*self.before.split(), out, *self.after.split())
        fast = made["fast"]
        return [a for w in words for a in (fast if w == "fast" else [made.get(w, w)])]


FILES = {
    "predict": Case(before="predict RUN X --out", name="p.csv", starts=b"label,"),
    "report": Case(before="report RUN --out", name="r.html", starts=b"<!DOCTYPE html>"),
    "tune": Case(
        before="tune DATA --folds 2 fast --out", name="t.toml", starts=b"#", replaces=False
    ),
    "convert": Case(before="data convert DATA", after="--force", name="d.npz", starts=b"PK"),
    "sweep": Case(
        before="sweep DATA --processes 1 fast --out",
        name="s.jsonl",
        starts=b"{",
        replaces=False,
        streams=False,
    ),
}
FOLDERS = {
    "train": Case(before="train DATA fast --out", name="run"),
    "plot": Case(before="plot RUN --out", name="figures"),
    "compare": Case(before="compare DATA --methods eszsl --seeds 1 --out", name="compared"),
    "reproduce": Case(before="reproduce table2 DATA --out", name="table2"),
    "convert": Case(before="data convert DATA", name="csv"),
}


@pytest.fixture(scope="module")
def made(write_xlsa17, run_cli, fast_options, tmp_path_factory):
    """{"DATA": a folder, "RUN": a finished run, "X": a file of features, "fast": options}."""
    folder = tmp_path_factory.mktemp("made")
    write_xlsa17(folder / "data")
    np.save(folder / "x.npy", np.zeros((20, 10), np.float32))
    options = [*fast_options, "--set", "gan.max_epochs=8", "--set", "vsmm.weight_es=0"]
    result = run_cli("train", folder / "data", *options, "--out", folder / "run")
    assert result.exit_code == 0, result.stderr
    return {
        **{"DATA": folder / "data", "RUN": folder / "run", "X": folder / "x.npy"},
        "fast": options,
    }


@pytest.fixture(params=FILES)
def case(request):
    """A command whose output is a file."""
    return FILES[request.param]


@pytest.fixture(params=FOLDERS)
def folder_case(request):
    """A command whose output is a folder."""
    return FOLDERS[request.param]


@pytest.fixture
def no_work(monkeypatch):
    """From here on no command may load data or a model."""

    def worked(*args, **kwargs):
        raise AssertionError("the output should have been tried before")

    for name in ("load_model", "load_dataset", "datasets.load_dataset", "runs.load.load_run"):
        monkeypatch.setattr(f"tinygzsl.{name}", worked)


def content_of(folder):
    """{path: what it is} below a folder: the bytes of a file, where a link leads."""
    return {
        path: os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else stat.S_IFMT(path.stat().st_mode)
        for path in folder.rglob("*")
    }


@posix
def test_a_link_stays_and_its_file_gets_the_content(case, made, run_cli, tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / case.name, tmp_path / case.name
    link.symlink_to(Path("real") / case.name)
    if case.replaces:
        target.write_text("old")
        target.chmod(0o640)
    result = run_cli(*case.args(made, link))
    assert result.exit_code == 0, result.stderr
    assert link.is_symlink() and not target.is_symlink()
    assert target.read_bytes().startswith(case.starts)
    assert not case.replaces or stat.S_IMODE(target.stat().st_mode) == 0o640
    assert not list(tmp_path.rglob(".*"))


@posix
@pytest.mark.parametrize("name", [name for name, case in FILES.items() if case.streams])
def test_a_pipe_gets_the_content(name, made, run_cli, tmp_path):
    case, read = FILES[name], []
    pipe = tmp_path / case.name
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    result = run_cli(*case.args(made, pipe))
    assert result.exit_code == 0, result.stderr
    reader.join(timeout=20)
    assert read and read[0].startswith(case.starts)
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


@posix
@pytest.mark.parametrize("name", [name for name, case in FILES.items() if case.streams])
@pytest.mark.parametrize("appended", [False, True])
def test_stdout_gets_the_content_and_nothing_else(name, appended, made, tmp_path):
    case, log = FILES[name], tmp_path / "log"
    log.write_bytes(b"before")
    out = tmp_path / case.name  # the names of datasets matter
    out.symlink_to("/dev/stdout")
    path = os.pathsep.join(filter(None, [str(HOME.parent), os.environ.get("PYTHONPATH")]))
    with open(log, "ab") as file:
        result = subprocess.run(
            [sys.executable, "-m", "tinygzsl", *map(str, case.args(made, out))],
            stdout=file if appended else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            timeout=100,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    content = log.read_bytes().removeprefix(b"before") if appended else result.stdout
    assert content.startswith(case.starts)
    assert b"wrote" not in content and b"next:" not in content
    assert sorted(tmp_path.iterdir()) == sorted([log, out])


@posix
def test_json_and_content_do_not_share_stdout(made, run_cli, no_work):
    for name in ("predict", "report", "tune"):
        result = run_cli(*FILES[name].args(made, "/dev/stdout"), "--json")
        assert result.exit_code == 2
        assert "--json and /dev/stdout would both write to stdout" in result.stderr


@posix
@pytest.mark.parametrize(
    "kind, words",
    [
        ("", ("is empty; name a f",)),
        (".", (" is a folder", "name a file")),
        ("folder/", (" is a folder", "name a file")),
        ("missing/", (" is a folder", "name a file")),
        ("missing/file", ("folder ", "/missing does not exist; create it")),
        ("to_missing", ("missing, where the link", "leads, does not exist")),
        ("file/below", ("Not a directory; a part of this path is a file",)),
        ("circle", ("its links lead in a circle",)),
        ("socket", (" is a socket",)),
    ],
)
def test_no_file_is_refused_at_once(kind, words, case, made, run_cli, no_work, places, sentence_of):
    if (kind, case) == (".", FILES["convert"]):
        pytest.skip("a folder for CSV files")
    out = places(kind, case.name)
    before = content_of(places.folder)
    result = run_cli(*case.args(made, out))
    for part in (*words, os.path.dirname(out)):
        assert part in sentence_of(result)
    assert content_of(places.folder) == before


@posix
def test_a_sweep_needs_a_file_that_it_can_read_again(made, run_cli, no_work, tmp_path, sentence_of):
    pipe, link = tmp_path / "a.csv", tmp_path / "b.csv"
    os.mkfifo(pipe)
    link.symlink_to("/dev/stdout")
    for out in (pipe, link):
        assert f"{out} is no regular file" in sentence_of(run_cli(*FILES["sweep"].args(made, out)))


@linux
@pytest.mark.parametrize("command", [*FILES, *(f"{name} folder" for name in FOLDERS)])
def test_a_place_that_cannot_be_written_is_refused_at_once(
    command, made, run_cli, no_work, sentence_of
):
    """In /proc, where root too can make no file."""
    name, _, folder = command.partition(" ")
    case = (FOLDERS if folder else FILES)[name]
    assert f"/proc/{case.name}" in sentence_of(run_cli(*case.args(made, f"/proc/{case.name}")))


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_rights_are_tried_too(case, made, run_cli, no_work, tmp_path, sentence_of):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o500)
    result = run_cli(*case.args(made, tmp_path / "mine" / case.name))
    assert "Permission denied; choose a place you may write to" in sentence_of(result)


@posix
@pytest.mark.parametrize(
    "kind, words",
    [
        ("", ("is empty; name a folder",)),
        ("file", (" is a file; pass a folder",)),
        ("file/below", ("Not a directory; a part of this path is a file",)),
        ("circle", ("its links lead in a circle",)),
        ("to_missing", (" is a link to ", "which does not exist; remove the link")),
        ("to_missing/below", (" is a link to ", "which does not exist; remove the link")),
        ("socket", (" is a file; pass a folder",)),
    ],
)
def test_no_folder_is_refused_at_once(
    kind, words, folder_case, made, run_cli, no_work, places, sentence_of
):
    out = places(kind, "")
    before = content_of(places.folder)
    result = run_cli(*folder_case.args(made, out))
    if folder_case == FOLDERS["convert"]:
        also = " is a file but a folder is to be written"
        words = {"file": (also,), "socket": (also,), "": (". exists already",)}.get(kind, words)
    for part in words:
        assert part in sentence_of(result)
    assert content_of(places.folder) == before


@posix
def test_what_fails_later_leaves_everything_as_it_was(made, run_cli, tmp_path, sentence_of):
    np.save(tmp_path / "bad.npy", np.full((3, 10), np.nan, np.float32))
    (tmp_path / "old").write_text("mine")
    before = content_of(tmp_path)
    for args in (
        ("predict", made["RUN"], tmp_path / "bad.npy", "--out", tmp_path / "old"),
        ("predict", made["RUN"], tmp_path / "bad.npy", "--out", tmp_path / "new"),
        ("report", tmp_path, "--out", tmp_path / "old"),
        ("tune", tmp_path / "missing", "--out", tmp_path / "new"),
        ("data", "convert", tmp_path / "missing", tmp_path / "new.npz"),
        ("data", "convert", tmp_path / "missing", tmp_path / "new"),
        ("sweep", tmp_path / "missing", "--out", tmp_path / "new.csv"),
        ("train", tmp_path / "missing", "--out", tmp_path / "new"),
        ("plot", tmp_path, "--out", tmp_path / "new"),
        ("compare", tmp_path / "missing", "--out", tmp_path / "new"),
        ("reproduce", "table2", tmp_path / "missing", "--out", tmp_path / "new"),
    ):
        sentence_of(run_cli(*args))
        assert content_of(tmp_path) == before, args


def test_predictions_do_not_replace_what_they_are_made_from(made, run_cli, tmp_path, sentence_of):
    rows = tmp_path / "x.csv"
    rows.write_text(",".join(f"f{i}" for i in range(10)) + "\n" + ",".join("0" * 10) + "\n")
    before = content_of(tmp_path)
    result = run_cli("predict", made["RUN"], rows, "--out", tmp_path / "." / "x.csv")
    assert f"--out {rows} is read itself" in sentence_of(result)
    assert content_of(tmp_path) == before


@posix
def test_a_finished_sweep_is_sorted_behind_its_link(made, run_cli, tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "s.jsonl", tmp_path / "s.jsonl"
    link.symlink_to(target)
    command = [*FILES["sweep"].args(made, link), "--seeds", "0-1"]
    assert run_cli(*command).exit_code == 0
    first, second = target.read_bytes().splitlines(keepends=True)
    target.write_bytes(second + first)
    assert run_cli(*command).exit_code == 0
    assert target.read_bytes() == first + second
    assert link.is_symlink()


@posix
def test_links_in_a_run_folder_lead_nowhere(made, run_cli, tmp_path):
    """Somebody else may have made the folder."""
    run, mine = tmp_path / "run", tmp_path / "mine"
    shutil.copytree(made["RUN"], run)
    mine.write_text("mine")
    for name in ("report.html", "metrics.json", "curves.csv"):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(mine)
    (run / "model.npz").rename(tmp_path / "model.npz")
    (run / "model.npz").symlink_to(tmp_path / "model.npz")
    model = (tmp_path / "model.npz").read_bytes()
    assert run_cli("train", "--resume", run).exit_code == 0  # as curves.csv is another
    assert run_cli("evaluate", run).exit_code == 0
    assert run_cli("report", run).exit_code == 0
    assert not any(path.is_symlink() for path in run.iterdir())
    assert (mine.read_text(), (tmp_path / "model.npz").read_bytes()) == ("mine", model)


@pytest.fixture
def places(tmp_path):
    """places(kind, name): a path of that kind in places.folder; a file below it has the name."""
    folder = tmp_path / "places"

    def place(kind, name):
        suffix = Path(name).suffix  # which the commands look at
        for end in {"", suffix}:
            (folder / f"folder{end}").mkdir(parents=True)
            (folder / f"file{end}").write_text("mine")
            (folder / f"to_missing{end}").symlink_to(folder / "missing" / "x")
            (folder / f"circle{end}").symlink_to(f"circle{end}")
        with socket.socket(socket.AF_UNIX) as made, pytest.MonkeyPatch.context() as here:
            here.chdir(folder)  # as paths of sockets are short
            made.bind(f"socket{suffix}")
        if kind in ("", "."):
            return kind
        head, slash, tail = kind.partition("/")
        end = f"/{name or tail}" if tail else suffix + slash
        return f"{folder}/{head}{end}"

    place.folder = folder
    return place


@pytest.fixture
def sentence_of():
    """sentence_of(result): the one sentence with which a command refused its input."""

    def sentence_of(result):
        assert result.exit_code == 2, (result.stderr, result.exception)
        assert "Traceback" not in result.output
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith("Error: ")
        return last

    return sentence_of
