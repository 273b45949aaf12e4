"""One case: made of (family, seed, index) alone, run in a folder of its own, and judged."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

from . import forged, labels, layouts, names, options, outputs, resume
from .judge import SECONDS, Finding, Hang

# By family: its cases, functions of (rng, folder) that return the kind of outcome.
FAMILIES = {
    module.__name__.rpartition(".")[2]: module.case
    for module in (layouts, labels, names, forged, options, resume, outputs)
}


class Outcome(NamedTuple):
    """How a case ended: "accepted", "refused" or "finding"; which kind of case, what is wrong."""

    kind: str
    what: str
    text: str
    seconds: float


def run(family, seed, index, *, keep=None):
    """The Outcome of a case; its folder is removed unless it is to be kept as `keep`."""
    rng = random.Random(f"{seed} {family} {index}")
    with _own_folder(keep) as folder, warnings.catch_warnings(), _limited_time():
        warnings.simplefilter("ignore")
        started, what, text = time.perf_counter(), "", ""
        try:
            kind = FAMILIES[family](rng, folder)
        except Finding as found:
            kind, what, text = "finding", found.what, str(found)
        except Hang:
            kind, what, text = "finding", "making the case", f"no end after {SECONDS} s"
        return Outcome(kind, what, text, time.perf_counter() - started)


@contextlib.contextmanager
def _own_folder(keep):
    """A new folder that is the current one, gone afterwards."""
    before = Path.cwd()
    folder = Path(keep or tempfile.mkdtemp(prefix="attack"))
    folder.mkdir(exist_ok=True)
    folder = folder.resolve()
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)
        if not keep:
            shutil.rmtree(folder)


@contextlib.contextmanager
def _limited_time():
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def hang(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
