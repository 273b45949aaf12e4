"""What must hold: the same bits or one sentence; what stays in a folder; how a command ends."""

import inspect
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from tinygzsl.cli.main import main
from tinygzsl.errors import InputError

SECONDS = 20  # after which a case counts as hanging
ACCEPTED, REFUSED = "accepted", "refused"
LONGEST = 800  # characters of a sentence
USAGE, FAILED = 2, 1


class Hang(BaseException):
    """A case took SECONDS; raised by its alarm."""


class Finding(Exception):
    """What is wrong, and in which kind of case."""

    def __init__(self, what, text):
        super().__init__(f"{what}: {text}")
        self.what = what


def check_sentence(what, error):
    """Finding unless the message of the error is one sentence of printable characters."""
    message = str(error)
    leaked = isinstance(error, UnicodeError)  # Python's own words
    if leaked or not 20 < len(message) <= LONGEST or not message.isprintable():
        raise Finding(what, f"no sentence: {type(error).__name__}: {message[:200]!r}")


def outcome(what, call, *, errors=(InputError,)):
    """Return (ACCEPTED, the result) or (REFUSED, the sentence); Finding for any other error."""
    try:
        return ACCEPTED, call()
    except errors as error:
        check_sentence(what, error)
        return REFUSED, str(error)
    except Finding:
        raise
    except Hang:
        raise Finding(what, f"no end after {SECONDS} s") from None
    except Exception as error:
        at, last = error.__traceback__, None
        while at:
            at, last = at.tb_next, at
        where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}"
        text = f"{type(error).__name__} at {where}: {str(error)[:200]!r}"
        raise Finding(what, text) from error


def same_or_refused(what, call, wanted, *, exact=True):
    """Return the kind of outcome; Finding if the result differs from `wanted`."""
    kind, found = outcome(what, call)
    if kind == ACCEPTED and not same(found, wanted, exact=exact):
        raise Finding(what, f"another result: {_short(found)}, not {_short(wanted)}")
    return kind


def same_as(what, call, wanted):
    """As same_or_refused, but a refusal is a finding too."""
    kind = same_or_refused(what, call, wanted)
    if kind == REFUSED:
        raise Finding(what, f"refused: {outcome(what, call)[1][:300]}")
    return kind


def must_refuse(what, call, *words):
    """Finding unless the call is refused by a sentence with all the words."""
    kind, found = outcome(what, call)
    if kind == ACCEPTED:
        raise Finding(what, f"taken, with the result {_short(found)}")
    for word in words:
        if str(word) not in found:
            raise Finding(what, f"{str(word)!r} is not in the sentence {found[:300]!r}")
    return kind


def same(found, wanted, *, exact=True):
    """Whether two results, arrays or tuples of them, have the same types, shapes and bits."""
    if isinstance(wanted, tuple):
        pairs = zip(found, wanted, strict=True)
        return len(found) == len(wanted) and all(same(a, b, exact=exact) for a, b in pairs)
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.dtype.kind != wanted.dtype.kind or found.shape != wanted.shape:
        return False
    if exact or wanted.dtype.kind != "f":
        return found.tobytes() == wanted.astype(found.dtype).tobytes()
    return np.allclose(found, wanted, rtol=1e-4, atol=1e-5)


def _short(result):
    return " ".join(str(result).split())[:160]


@dataclass(frozen=True)
class Entry:
    """What lies at a path: its kind, its content or where a link leads, and when it was changed."""

    kind: int
    content: bytes | str
    changed: int


def snapshot(folder):
    """The Entry of every path in a folder by its relative path, links not followed."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(at, name)
            found[os.path.relpath(path, folder)] = _entry(path)
    return found


def _entry(path):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFREG:
        return Entry(kind, Path(path).read_bytes(), status.st_mtime_ns)
    if kind == stat.S_IFLNK:
        return Entry(kind, os.readlink(path), status.st_mtime_ns)
    return Entry(kind, b"", 0)  # a folder's time changes with its entries


def check_unchanged(what, before, after, *, may_change=(), may_add=()):
    """Finding unless all that was there is there, and nothing else but what may be added."""
    for path, entry in before.items():
        if path in may_change:
            continue
        if path not in after:
            raise Finding(what, f"{path!r} is gone")
        if after[path] != entry:
            parts = [k for k in vars(entry) if vars(entry)[k] != vars(after[path])[k]]
            raise Finding(what, f"{path!r} was changed ({', '.join(parts)})")
    files = {path for path, entry in after.items() if entry.kind != stat.S_IFDIR}
    added = sorted(files - {*before, *may_change, *may_add})
    if added:
        raise Finding(what, f"{added[0]!r} was left behind")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: str


def invoke(what, *args):
    """Run the command in this process; Finding if it ends by a traceback."""
    mixes = "mix_stderr" in inspect.signature(CliRunner).parameters  # click before 8.2
    runner = CliRunner(mix_stderr=False) if mixes else CliRunner()
    try:
        result = runner.invoke(main, [os.fspath(arg) for arg in args])
    except Hang:
        raise Finding(what, f"no end after {SECONDS} s") from None
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        raise Finding(what, f"a traceback: {type(error).__name__}: {str(error)[:200]!r}")
    return Ended(result.exit_code, result.stdout_bytes, result.stderr)


def check_ended(what, ended, *, kind=None):
    """Return the kind of end; Finding for a wrong exit code, no sentence, or another kind."""
    if ended.code == 0:
        if kind == REFUSED:
            raise Finding(what, f"exit code 0, with the output {ended.out[:160]!r}")
        return ACCEPTED
    lines = ended.err.splitlines()
    said = [line for line in lines if line.startswith("Error: ")]
    if ended.code not in (FAILED, USAGE):
        raise Finding(what, f"exit code {ended.code}: {lines[-1:]}")
    if len(said) != 1 or lines[-1] != said[0]:
        raise Finding(what, f"not one line of Error: {ended.err[-300:]!r}")
    if not said[0].isprintable() or len(said[0]) > LONGEST:
        raise Finding(what, f"no sentence: {said[0][:300]!r}")
    if kind == ACCEPTED:
        raise Finding(what, f"refused: {said[0][:300]}")
    return REFUSED
