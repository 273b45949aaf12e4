"""Output paths of every kind: what is there and is no regular file stays, and so does the rest.

Every path lies in the folder of the case, and no link leads out of it.
"""

import contextlib
import os
import shutil
import threading
from functools import cache
from unittest.mock import patch

from fuzzing.bases import dataset

from tinygzsl import EntropySeparationGZSL
from tinygzsl.datasets import save_csv, save_npz
from tinygzsl.errors import InputError

from .judge import (
    ACCEPTED,
    REFUSED,
    Finding,
    check_ended,
    check_unchanged,
    invoke,
    outcome,
    snapshot,
)
from .models import NO_GAN, fitted, place, run_folder, sources

OLD = b"what was there before\n"
PIPE = 1 << 16  # bytes that are read at a time


def _command(*args):
    def write(what, path):
        ended = invoke(what, *(path if arg == OUT else arg for arg in args))
        return check_ended(what, ended)

    return write


def _call(function):
    def write(what, path):
        return outcome(what, lambda: function(path), errors=(InputError, OSError))[0]

    return write


OUT = "OUT"


@cache
def _writers():
    """By name: what writes a file, what writes a folder, and what works long before it writes."""
    run, data, csv = run_folder(), sources() / "d.npz", sources() / "csv"
    predict = ("predict", run, csv / "test.csv", "--threads", "1", "--out", OUT)
    files = {
        "predict": _command(*predict),
        "data convert": _command("data", "convert", csv, OUT),
        "model.save": _call(lambda path: fitted("single").save(path)),
        "ESZSL.save": _call(lambda path: fitted("ESZSL").save(path)),
        "stack.save": _call(lambda path: fitted("stack").save(path)),
        "save_npz": _call(lambda path: save_npz(dataset(), path)),
        "report": _command("report", run, "--threads", "1", "--out", OUT),
    }
    folders = {
        "train": _command("train", data, *NO_GAN, "--out", OUT),
        "compare": _command("compare", data, "--methods", "eszsl", "--seeds", "1", "--out", OUT),
        "save_csv": _call(lambda path: save_csv(dataset(), path)),
    }
    patient = {
        "tune": _command("tune", data, "--out", OUT),
        "sweep": _command("sweep", data, "--preset", "small", "--out", OUT),
    }
    return files, folders, patient


@cache
def _content(writer):
    """What the writer writes to a new file."""
    path = place() / "plain.npz"
    path.unlink(missing_ok=True)
    if _writers()[0][writer](writer, path) != ACCEPTED:
        raise AssertionError(f"{writer} doesn't write")
    return path.read_bytes()


def case(rng, folder):
    """Something is written to a path of one kind."""
    files, folders, patient = _writers()
    for name in ("beside.txt", ".beside.csv.123.tmp", ".out.npz.1x.tmp", "target.txt"):
        (folder / name).write_bytes(OLD)
    (folder / "sub").mkdir()
    (folder / "linked").symlink_to("sub")
    (folder / "sub" / "kept.txt").write_bytes(OLD)
    if rng.random() < 0.12:
        return _folder(rng, folder, *rng.choice(list(folders.items())))
    if rng.random() < 0.1:
        return _before_work(rng, folder, *rng.choice(list(patient.items())))
    writer = rng.choice([name for name in files if name != "report" or rng.random() < 0.3])
    if rng.random() < 0.15:
        return _short_of_space(rng, folder, writer)
    return _file(rng, folder, writer)


def _file(rng, folder, writer):
    kind = rng.choice(list(FILES))
    if writer == "report" and kind == "no name":  # it has a default, in the run
        kind = "nothing"
    make, must = FILES[kind]
    if make:
        make(folder / "out.npz")
        if writer == "data convert" and must == ACCEPTED:
            must = None  # it replaces nothing
    name = NAMES.get(kind, "out.npz")
    path = name if name in ("", ".") or rng.random() < 0.3 else f"{folder}/{name}"
    if kind == "a dash in front":
        path = f"./{name}"
    before, wanted = snapshot(folder), _content(writer)
    what = f"{writer} to {kind}"
    reader = _read_pipe(folder / "out.npz") if kind == "a pipe" else contextlib.nullcontext([])
    with reader as received:
        ended = _writers()[0][writer](what, path)
    after = snapshot(folder)
    if must and ended != must:
        raise Finding(what, f"{ended}, not {must}")
    if ended == REFUSED or kind == "a pipe":
        check_unchanged(what, before, after)
        found = b"".join(received)
    else:
        written = LEADS.get(kind) or os.path.relpath(os.path.realpath(folder / name), folder)
        check_unchanged(what, before, after, may_change={written}, may_add={written})
        found = (folder / written).read_bytes()
    if ended == ACCEPTED and not _same_content(writer, found, wanted):
        raise Finding(what, f"{len(found)} other bytes, not the {len(wanted)} of a plain file")
    return ended


def _same_content(writer, found, wanted):
    return len(found) > 0 and (writer == "report" or found == wanted)  # a report has its date


# By kind of path: what is put there, and whether the file must be written there or refused.
FILES = {
    "nothing": (None, ACCEPTED),
    "a file": (lambda path: path.write_bytes(OLD), ACCEPTED),
    "a read-only file": (lambda path: _read_only(path), None),
    "a link to a file": (lambda path: path.symlink_to("target.txt"), ACCEPTED),
    "an absolute link": (lambda path: path.symlink_to(path.with_name("target.txt")), ACCEPTED),
    "a link to a link": (lambda path: _link_to_link(path), ACCEPTED),
    "a dangling link": (lambda path: path.symlink_to("new.txt"), None),
    "a link to nowhere": (lambda path: path.symlink_to(path.parent / "missing" / "x"), REFUSED),
    "a link to a folder": (lambda path: path.symlink_to("sub"), REFUSED),
    "a link to itself": (lambda path: path.symlink_to(path.name), REFUSED),
    "a pipe": (os.mkfifo, ACCEPTED),
    "an empty folder": (lambda path: path.mkdir(), REFUSED),
    "a full folder": (lambda path: shutil.copytree(path.with_name("sub"), path), REFUSED),
    "a missing folder": (None, REFUSED),
    "below a file": (None, REFUSED),
    "a long name": (None, REFUSED),
    "a line break": (None, None),
    "bytes": (None, None),
    "a hidden name": (None, ACCEPTED),
    "the current folder": (None, REFUSED),
    "no name": (None, REFUSED),
    "a slash at the end": (None, None),
    "a name with spaces": (None, ACCEPTED),
    "below a link to a folder": (None, ACCEPTED),
    "a dash in front": (None, ACCEPTED),
}
# Where a kind's path is, if it isn't out.npz.
NAMES = {
    "a missing folder": "missing/out.npz",
    "below a file": "beside.txt/out.npz",
    "a long name": f"{'x' * 300}.npz",
    "a line break": "a\nb.npz",
    "bytes": "\udcff.npz",
    "a hidden name": ".out.npz",
    "the current folder": ".",
    "no name": "",
    "a slash at the end": "out.npz/",
    "a name with spaces": " a b .npz",
    "below a link to a folder": "linked/out.npz",
    "a dash in front": "-x.npz",
}
LEADS = {  # where links lead
    **dict.fromkeys(("a link to a file", "an absolute link", "a link to a link"), "target.txt"),
    "a dangling link": "new.txt",
}


def _read_only(path):
    path.write_bytes(OLD)
    path.chmod(0o444)


def _link_to_link(path):
    path.with_name("link").symlink_to("target.txt")
    path.symlink_to("link")


def _before_work(rng, folder, writer, write):
    """A place that can't be written to is refused before anything is trained."""
    kind = rng.choice([kind for kind, (_, must) in FILES.items() if must == REFUSED])
    make, _ = FILES[kind]
    name = NAMES.get(kind, "out.npz")
    if writer == "sweep":  # by its ending
        name = name.replace(".npz", ".jsonl")
    if make:
        make(folder / name)
    before, what = snapshot(folder), f"{writer} to {kind}"

    def trained(*_, **__):
        raise Finding(what, "training began before the output was tried")

    with patch.object(EntropySeparationGZSL, "fit", trained):
        ended = write(what, name and folder / name)
    if ended != REFUSED:
        raise Finding(what, f"{ended}, not {REFUSED}")
    check_unchanged(what, before, snapshot(folder))
    return ended


@contextlib.contextmanager
def _read_pipe(path):
    """Read a pipe in a thread until the block ends; the pieces are in the list."""
    received, done = [], threading.Event()
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read():
        while True:
            last = done.is_set()
            with contextlib.suppress(BlockingIOError):
                while piece := os.read(descriptor, PIPE):
                    received.append(piece)
            if last:
                return
            done.wait(0.001)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield received
    finally:
        done.set()
        thread.join()
        os.close(descriptor)


def _short_of_space(rng, folder, writer):
    """A file may not grow beyond some bytes: a sentence, and the old file stays."""
    import resource

    path, old = folder / "out.npz", rng.random() < 0.7
    if old:
        path.write_bytes(OLD)
    wanted = _content(writer)
    before, what = snapshot(folder), f"{writer} with too little space"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (rng.randrange(1, len(wanted)), limits[1]))
    try:
        ended = _writers()[0][writer](what, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    if ended != REFUSED:
        raise Finding(what, "no error")
    check_unchanged(what, before, snapshot(folder))
    return ended


FOLDERS = (
    *("nothing", "a file", "a link to a file", "a dangling link", "a link to a folder", "a pipe"),
    *("a full folder", "below a file", "a long name", "no name", "the current folder"),
)


def _folder(rng, folder, writer, write):
    """A folder is to be written: nothing that is there may change or go."""
    kind = rng.choice(FOLDERS)
    path = folder / "out"
    if kind == "a file":
        path.write_bytes(OLD)
    elif kind.endswith(("link", "to a file", "to a folder")):
        path.symlink_to(
            {"a link to a file": "target.txt", "a dangling link": "new"}.get(kind, "sub")
        )
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a full folder":
        shutil.copytree(folder / "sub", path)
    places = {
        "below a file": folder / "beside.txt" / "out",
        "a long name": folder / ("x" * 300),
        "no name": "",
        "the current folder": ".",
    }
    before, what = snapshot(folder), f"{writer} to {kind}"
    ended = write(what, places.get(kind, path))
    after = snapshot(folder)
    kept = {p: entry for p, entry in after.items() if p in before or ended == REFUSED}
    check_unchanged(what, before, kept)
    if kind == "nothing" and ended == REFUSED:
        raise Finding(what, "refused")
    existing = ("a link to a folder", "a full folder", "no name", "the current folder")
    into = writer != "train" and kind in existing  # which files are added to
    if ended == ACCEPTED and not into and kind not in ("nothing", "a dangling link"):
        raise Finding(what, "taken")
    return ended
