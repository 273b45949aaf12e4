"""One case: made of (reader, seed, index) alone, read, and judged."""

import random
import shutil
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tinygzsl.settings import Settings

from .bases import PLACE
from .invariants import REFUSALS, check_refusal
from .readers import READERS

SECONDS, BYTES = 5.0, 200 << 20
MEMORY = Path("/dev/shm")  # files there cost no time
WORDS = (
    *("X_train", "y_train", "X_test", "y_test", "prototypes", "classes", "class_names", "features"),
    *("labels", "label", "_loc", "split", "train.csv", "test.csv", "validation", "att", "device"),
    *(
        "dtype",
        "seed",
        "preset",
        "setting",
        "key",
        "section",
        "dataset",
        "X has",
        "X is",
        "X[",
        *("no known name", "a class needs"),
    ),
    *(field for field in Settings.__dataclass_fields__),
)


class Outcome(NamedTuple):
    """How a case ended: "loaded", "refused" or "finding"; what was said or is wrong."""

    kind: str
    text: str
    seconds: float


@cache
def files_of(reader):
    """The valid files that a reader's cases are made of."""
    with tempfile.TemporaryDirectory() as folder:
        return READERS[reader].files(Path(folder))


def damaged(reader, seed, index):
    """The files of a case, by name."""
    rng = random.Random(f"{seed} {reader} {index}")
    files = dict(rng.choice(files_of(reader)))
    name = rng.choice(list(files))
    files[name] = READERS[reader].damage(rng, name, files[name])
    return files


@contextmanager
def written(files):
    """A folder with these files, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="case", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder)


def run(reader, seed, index):
    """The Outcome of a case."""
    files = damaged(reader, seed, index)
    with written(files) as folder, warnings.catch_warnings():
        warnings.simplefilter("error")  # of NumPy; this one is ours, and right
        warnings.filterwarnings("ignore", "classes .* have the same prototype")
        started = time.perf_counter()
        kind, text = _judged(READERS[reader], folder, (str(folder), str(PLACE), *WORDS))
        seconds = time.perf_counter() - started
    if seconds > SECONDS:
        return Outcome("finding", f"took {seconds:.1f} s", seconds)
    return Outcome(kind, text, seconds)


def _judged(reader, folder, words):
    try:
        reader.read(folder)
    except REFUSALS as error:
        try:
            check_refusal(error, words)
        except AssertionError as wrong:
            return "finding", f"{wrong}: {type(error).__name__}: {str(error)[:300]!r}"
        return "refused", str(error)
    except Exception as error:
        trace, last = error.__traceback__, None
        while trace:
            trace, last = trace.tb_next, trace
        where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}"
        return "finding", f"{type(error).__name__} at {where}: {str(error)[:300]!r}"
    return "loaded", ""


@contextmanager
def limited_memory(extra=BYTES):
    """No more than `extra` bytes beside what the process has now, where the system can say so."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
