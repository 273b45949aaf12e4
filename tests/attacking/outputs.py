"""Output paths of every kind: what is there and is no regular file stays, and so does the rest.

Every path lies in the folder of the case, and no link leads out of it.
"""

import contextlib
import os
import shutil
import threading
from functools import cache

from fuzzing.bases import dataset

from tinygzsl.datasets import save_csv, save_npz

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
        return outcome(what, lambda: function(path), errors=(ValueError, OSError))[0]

    return write


OUT = "OUT"


@cache
def _writers():
    """By name: what writes a file, and by name what writes a folder."""
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
        "save_csv": _call(lambda path: save_csv(dataset(), path)),
    }
    return files, folders


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
    files, folders = _writers()
    for name in ("beside.txt", ".beside.csv.123.tmp", ".out.npz.1x.tmp", "target.txt"):
        (folder / name).write_bytes(OLD)
    (folder / "sub").mkdir()
    (folder / "linked").symlink_to("sub")
    (folder / "sub" / "kept.txt").write_bytes(OLD)
    if rng.random() < 0.12:
        return _folder(rng, folder, *rng.choice(list(folders.items())))
    writer = rng.choice([name for name in files if name != "report" or rng.random() < 0.3])
    if rng.random() < 0.15:
        return _short_of_space(rng, folder, writer)
    return _file(rng, folder, writer)


def _file(rng, folder, writer):
    path, kind = folder / "out.npz", rng.choice(FILES)
    if writer == "report" and kind == "no name":  # it has a default, in the run
        kind = "nothing"
    wanted = _content(writer)
    path, must = _prepared(rng, folder, path, kind)
    if writer == "data convert" and must == ACCEPTED and os.path.lexists(path):
        must = None  # it replaces nothing
    before = snapshot(folder)
    what = f"{writer} to {kind}"
    reader = _read_pipe(folder / "out.npz") if kind == "a pipe" else contextlib.nullcontext([])
    with reader as received:
        ended = _writers()[0][writer](what, path)
    after = snapshot(folder)
    if must and ended != must:
        raise Finding(what, f"{ended}, not {must}")
    if ended == REFUSED:
        check_unchanged(what, before, after)
        return ended
    written = {"a link to a file": "target.txt", "a link to a link": "target.txt"}.get(kind)
    written = written or {"a dangling link": "new.txt"}.get(kind)
    written = written or os.path.relpath(os.path.realpath(path), folder)
    if kind == "a pipe":
        check_unchanged(what, before, after)
        found = b"".join(received)
    else:
        check_unchanged(what, before, after, may_change={written}, may_add={written})
        found = (folder / written).read_bytes()
    if not _same_content(writer, found, wanted):
        raise Finding(what, f"{len(found)} other bytes, not the {len(wanted)} of a plain file")
    return ended


def _same_content(writer, found, wanted):
    return len(found) > 0 and (writer == "report" or found == wanted)  # a report has its date


FILES = (
    *("nothing", "a file", "a file", "a read-only file", "a link to a file", "a link to a link"),
    *("a dangling link", "a link to nowhere", "a link to a folder", "a link to itself", "a pipe"),
    *("a pipe", "an empty folder", "a full folder", "a missing folder", "below a file"),
    *("a long name", "a line break", "bytes", "a hidden name", "the current folder", "no name"),
    *("a slash at the end", "a name with spaces", "below a link to a folder", "a dash in front"),
)


def _prepared(rng, folder, path, kind):
    """Return the path to write to, and the outcome that must be, if one must."""
    if kind == "a file":
        path.write_bytes(OLD)
        return path, ACCEPTED
    if kind == "a read-only file":
        path.write_bytes(OLD)
        path.chmod(0o444)
    elif kind == "a link to a file":
        path.symlink_to(rng.choice((folder / "target.txt", "target.txt")))
        return path, ACCEPTED
    elif kind == "a link to a link":
        (folder / "link").symlink_to("target.txt")
        path.symlink_to("link")
        return path, ACCEPTED
    elif kind == "a dangling link":
        path.symlink_to("new.txt")
    elif kind == "a link to nowhere":
        path.symlink_to(folder / "missing" / "x")
        return path, REFUSED
    elif kind == "a link to a folder":
        path.symlink_to("sub")
        return path, REFUSED
    elif kind == "a link to itself":
        path.symlink_to("out.npz")
        return path, REFUSED
    elif kind == "a pipe":
        os.mkfifo(path)
        return path, ACCEPTED
    elif kind in ("an empty folder", "a full folder"):
        path.mkdir()
        if kind == "a full folder":
            (path / "x").write_bytes(OLD)
        return path, REFUSED
    places = {
        "nothing": (path, ACCEPTED),
        "a missing folder": (folder / "missing" / "out.npz", REFUSED),
        "below a file": (folder / "beside.txt" / "out.npz", REFUSED),
        "a long name": (folder / f"{'x' * 300}.npz", REFUSED),
        "a line break": (folder / "a\nb.npz", None),
        "bytes": (folder / "\udcff.npz", None),
        "a hidden name": (folder / ".out.npz", ACCEPTED),
        "the current folder": (".", REFUSED),
        "no name": ("", REFUSED),
        "a slash at the end": (f"{path}/", None),
        "a name with spaces": (folder / " a b .npz", ACCEPTED),
        "below a link to a folder": (folder / "linked" / "out.npz", ACCEPTED),
        "a dash in front": (folder / "-x.npz", ACCEPTED),
    }
    return places.get(kind, (path, None))


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
    into = writer == "save_csv" and kind in ("nothing", "a link to a folder", "a full folder")
    into = into or (writer == "save_csv" and kind in ("no name", "the current folder"))
    if ended == ACCEPTED and not into and kind not in ("nothing", "a dangling link"):
        raise Finding(what, "taken")
    return ended
