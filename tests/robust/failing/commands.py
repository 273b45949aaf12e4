"""Commands that are refused memory once at each line of the package that makes an array.

Each must end in a sentence, leave nothing half-written, and give the same bits when it is repeated.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinygzsl.storage.arrays_file import read_npz
from tinygzsl.storage.checksums import read_json

from .allocations import LEAST, watched


@dataclass(frozen=True)
class Command:
    """A command: its arguments in a folder, and what must be the same when it is repeated.

    before(folder) makes what it needs; result(folder, stdout) is compared.
    """

    name: str
    arguments: Callable[[Path], list]
    result: Callable[[Path, str], object]
    before: Callable[[Path], None] = lambda folder: None


class Sweep:
    """Refuses memory at each line in turn; run(*arguments) -> click's Result, on one thread."""

    def __init__(self, run, folder, *, least=LEAST):
        self.run, self.folder, self.least = run, folder, least
        self.counts: Counter[str] = Counter()

    def over(self, command, *, every=1):
        """Fail the command at every so many of its lines; AssertionError if one isn't survived."""
        self._once(command)  # caches are filled, so that the lines are those of any later run
        with watched(least=self.least) as watch:
            wanted = self._once(command)
            sites = list(watch.sites)
        assert sites, command.name
        for site in sites[::every]:
            self._refused(command, site, wanted)
        self.counts[f"{command.name}: lines"] += len(sites)

    def _fresh(self, command):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        command.before(self.folder)
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def _once(self, command):
        self._fresh(command)
        found = self.run(*command.arguments(self.folder))
        assert found.exit_code == 0, found.output
        return command.result(self.folder, found.stdout)

    def _refused(self, command, site, wanted):
        old = self._fresh(command)
        with watched(refused=site, least=self.least) as watch:
            found = self.run(*command.arguments(self.folder))
            fired = watch.fired
        if found.exit_code == 0:  # nothing was refused, or the package did without it
            self.counts[f"{command.name}: {'done without' if fired else 'not reached'}"] += 1
            assert command.result(self.folder, found.stdout) == wanted, site
            return
        check_sentence(found, site)
        check_whole(self.folder, old)
        again = command.arguments(self.folder)
        if (self.folder / "run" / "config.toml").exists() and again[0] == "train":
            again = ["train", "--resume", self.folder / "run", "--threads", 1]
            self.counts[f"{command.name}: resumed"] += 1
        found = self.run(*again)
        assert found.exit_code == 0, (site, found.output)
        assert command.result(self.folder, found.stdout) == wanted, site
        self.counts[f"{command.name}: refused"] += 1


def check_sentence(found, place):
    """AssertionError unless a command ended in one sentence."""
    last = found.stderr.splitlines()[-1]
    assert found.exit_code in (1, 2), (place, found.output)
    assert last.startswith("Error: ") and len(last) > 30, (place, last)
    assert "Traceback" not in found.output, (place, found.output)
    assert found.exception is None or isinstance(found.exception, SystemExit), place


def check_whole(folder, old):
    """AssertionError unless all files can be read, old ones are as they were, and none is left."""
    for path, content in old.items():
        assert path.read_bytes() == content, path
    for path in folder.rglob("*"):
        assert not path.name.endswith((".tmp", ".lock")), path
        if path.suffix == ".npz" and path not in old:
            read_npz(path, "model", "checkpoint", "VSMM checkpoint", "baseline", "stack")
        if path.suffix == ".json":
            read_json(path, "again")


def trained(folder, stdout):
    """The model and the curves of a run."""
    run = folder / "run"
    return (run / "model.npz").read_bytes(), (run / "curves.csv").read_text()


def evaluated(folder, stdout):
    """The figures of evaluate --json."""
    return json.loads(stdout)


def predicted(folder, stdout):
    """The file of predict --out."""
    return (folder / "p.csv").read_bytes()
