"""`train --resume` of folders that are no run, or not this one: left as they are, to the byte."""

import os
import re
import shutil
from contextlib import contextmanager, nullcontext
from fcntl import LOCK_EX, LOCK_NB, flock  # before locks are ignored on purpose
from functools import cache

from fuzzing.bases import dataset

from tinygzsl.datasets import save_npz

from .judge import Finding, check_ended, check_unchanged, invoke, snapshot
from .models import place, run_folder, sources

RESULTS = ("model.npz", "manifest.json", "curves.csv")
# What `train` writes into a run folder that it resumes.
WRITTEN = (*RESULTS, "config.toml", "checkpoints/gan.npz", "checkpoints/vsmm.npz")
LOCK = ".lock"
STRANGERS = (
    *("notes.txt", "model.npz.bak", ".model.npz.tmp", ".model.npz.12x.tmp", "model.npz.123.tmp"),
    *(".lock.old", ".LOCK", "checkpoints/mine.npz", ".notes.txt.123.tmp", "a\nb", ".hidden"),
)


@cache
def _plain_model():
    """The bytes of the model of the run, which each sound resume must end with."""
    return (run_folder(gan=True) / "model.npz").read_bytes()


def case(rng, folder):
    """--resume of a folder; all of `folder` must stay, but what belongs to a sound run."""
    target = folder / rng.choice(("run", "name with spaces", "ü", "-x", "r" * 200))
    kind, make = rng.choice(list(KINDS.items()))
    sound = make(rng, folder, target)
    if target.is_dir():
        _add_strangers(rng, target)
    what = f"--resume of {kind}"
    before = snapshot(folder)
    with _held(target / LOCK) if make is _locked else nullcontext():
        ended = _resumed(what, sound if isinstance(sound, str) else target)
    after = snapshot(folder)
    if sound is not True:
        kind = check_ended(what, ended, kind="refused")
        check_unchanged(what, before, after)
        return kind
    check_ended(what, ended, kind="accepted")
    ours = {os.path.join(target.name, name) for name in WRITTEN}
    check_unchanged(what, before, after, may_change=ours, may_add=ours)
    if (target / "model.npz").read_bytes() != _plain_model():
        raise Finding(what, "the model differs from that of an undisturbed run")
    return "accepted"


def _resumed(what, target):
    return invoke(what, "train", f"--resume={target}", "--threads", "1")


def _add_strangers(rng, target):
    """Files of others, which no command may touch."""
    for name in rng.sample(STRANGERS, rng.randint(0, 3)):
        if (target / name).parent.is_dir():
            (target / name).write_bytes(b"not ours")
            os.utime(target / name, ns=(10**18, 10**18))


def _interrupted(rng, folder, target):
    """A run that was stopped after its CWGAN, or before, or has finished."""
    shutil.copytree(run_folder(gan=True), target)
    gone = rng.choice(((), RESULTS, (*RESULTS, "checkpoints/vsmm.npz"), RESULTS[1:2]))
    for name in gone:
        (target / name).unlink()
    return True


def _is_no_run(rng, folder, target):
    """A folder without config.toml, perhaps with files of a run's names."""
    target.mkdir()
    names = (*RESULTS, ".config.toml.123.tmp", ".model.npz.77.tmp", "checkpoints/gan.npz")
    for name in rng.sample(names, rng.randint(0, 3)):
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(b"of another program")
    (folder / f".{target.name}.123.tmp").mkdir()
    (folder / f".{target.name}.123.tmp" / "x").write_bytes(b"of another program")
    _foreign_lock(rng, folder, target)


def _foreign_lock(rng, folder, target):
    """A .lock that isn't a run's: a file of another program, a link, a folder or a pipe."""
    lock, other = target / LOCK, folder / "outside.txt"
    other.write_bytes(b"precious\n")
    kind = rng.choice(("none", "file", "empty", "link", "dangling", "folder", "pipe"))
    if kind == "file":
        lock.write_bytes(b"locked by another program\n")
    elif kind == "empty":
        lock.write_bytes(b"")
    elif kind in ("link", "dangling"):
        lock.symlink_to(other if kind == "link" else folder / "nowhere")
    elif kind == "folder":
        lock.mkdir()
    elif kind == "pipe":
        os.mkfifo(lock)
    return kind


def _lock_in_run(rng, folder, target):
    """A run whose .lock is a link, a folder or a pipe."""
    _interrupted(rng, folder, target)
    while _foreign_lock(rng, folder, target) in ("none", "file", "empty"):
        (target / LOCK).unlink(missing_ok=True)


def _locked(rng, folder, target):
    """A run that another process works on; here another descriptor of the same file."""
    _interrupted(rng, folder, target)
    (target / LOCK).write_text("1\n")


@contextmanager
def _held(path):
    with open(path, "r+b") as file:
        flock(file, LOCK_EX | LOCK_NB)
        yield


def _config_changed(rng, folder, target):
    """A config.toml of other data, of another version, damaged or of another program."""
    _interrupted(rng, folder, target)
    path = target / "config.toml"
    text = path.read_text(encoding="utf-8")
    changed = {
        "empty": "",
        "of another program": "[tool]\nname = 'x'\n",
        "cut": text[: len(text) // 3] + "\n[",
        "a new key": text.replace("[gan]", "[gan]\nwings = 2", 1),
        "a new section": text + "\n[wings]\nn = 2\n",
        "a huge number": re.sub(r"(?m)^batch = \d+", "batch = 99999999999999999999", text),
        "missing data": text.replace("d.npz", "gone.npz"),
        "no data": re.sub(r"(?s)\[data\].*?(?=\n\[|\Z)", "", text),
        "no UTF-8": None,
    }
    how = rng.choice(list(changed))
    if changed[how] == text:
        raise AssertionError(f"{how}: nothing was changed")
    path.write_bytes(b"preset = '\xff'\n" if changed[how] is None else changed[how].encode())


def _other_data(rng, folder, target):
    """A run in the middle of training whose data have changed since: its checkpoints don't fit."""
    shutil.copytree(run_folder(gan=True), target)
    for name in RESULTS:
        (target / name).unlink()
    path = target / "config.toml"
    data = sources() / "d.npz"
    save_npz(dataset(text=True), folder / "other.npz")
    text = path.read_text(encoding="utf-8").replace(str(data), str(folder / "other.npz"))
    path.write_text(text, encoding="utf-8")


def _checkpoint(rng, folder, target):
    """A run whose checkpoint is damaged, of another kind, a folder or a link to nowhere."""
    shutil.copytree(run_folder(gan=True), target)
    for name in RESULTS:
        (target / name).unlink()
    path = target / "checkpoints" / rng.choice(("gan.npz", "vsmm.npz"))
    content = path.read_bytes()
    how = rng.choice(("cut", "of a model", "text", "bits"))
    changed = {
        "cut": content[: len(content) // 2],
        "of a model": _plain_model(),
        "text": b"no checkpoint\n",
        "bits": content[:-200] + bytes(b ^ 1 for b in content[-200:]),
    }
    path.write_bytes(changed[how])


def _no_folder(rng, folder, target):
    """Nothing, a file, a link to nowhere, or a name that can't be."""
    how = rng.choice(("nothing", "file", "dangling", "empty name", "long name", "bytes"))
    if how == "file":
        target.write_bytes((place() / "sources" / "d.npz").read_bytes())
    elif how == "dangling":
        target.symlink_to(folder / "nowhere")
    return {"empty name": "", "long name": "x" * 300, "bytes": "\udcff"}.get(how)


KINDS = {
    "an interrupted run": _interrupted,
    "a folder that is no run": _is_no_run,
    "a run with a foreign .lock": _lock_in_run,
    "a run that is locked": _locked,
    "a run with another config.toml": _config_changed,
    "a run of other data": _other_data,
    "a run with a bad checkpoint": _checkpoint,
    "no folder": _no_folder,
}
