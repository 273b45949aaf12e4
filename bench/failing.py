"""Do commands survive a refusal? Memory, and each step of writing, is refused once at each place.

    python bench/failing.py [--quick]

Memory: each line of the package that makes an array of 64 KiB or more is refused it once, in train,
evaluate, predict and tune on synthetic data of 1200 samples. Files: each write, fsync and rename of
a training with a checkpoint after every step is refused once, as by a full disk. Each time the
command must end in one sentence and leave no half-written file, and the repeated or resumed command
must give the same bits. With --quick, every tenth place. Linux only.
"""

import argparse
import errno
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "robust"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # whose conftest comes first

from conftest import _run_cli as run_cli
from failing.allocations import LEAST
from failing.commands import (
    Command,
    Sweep,
    check_sentence,
    check_whole,
    evaluated,
    predicted,
    trained,
)
from failing.files import counted

CLASSES, SEEN, D, K, PER_CLASS = 12, 9, 80, 20, 100
SETS = (
    *("gan.generator_hidden=[64]", "gan.critic_hidden=[64]", "gan.lr=3e-3", "gan.batch=300"),
    *("gan.max_epochs=2", "gan.output=linear", "cs.low=1e-9", "cs.high=0.9", "proxy.count=500"),
    *("scale.features=standard", "vsmm.latent=64", "vsmm.batch=300", "vsmm.epochs=2"),
)
OPTIONS = ("--preset", "small", *(part for s in SETS for part in ("--set", s)), "--threads", "1")


def main():
    """Refuse, repeat, compare, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every tenth place only")
    every, started = (10 if parser.parse_args().quick else 1), time.monotonic()
    warnings.simplefilter("ignore")
    os.fsync = lambda descriptor: None  # refused, but not done: thousands would take an hour
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data.npz", folder / "x.npy")
        memory = Sweep(run_cli, folder / "work", least=LEAST)
        for command in commands(folder):
            memory.over(command, every=every)
            print(dict(memory.counts), file=sys.stderr)
        files = refuse_steps(folder, every=every)
    seconds = round(time.monotonic() - started)
    print(json.dumps({"memory": memory.counts, "files": files, "seconds": seconds}, indent=1))


def write_data(path, features):
    """Write a dataset whose features are noisy linear maps of prototypes, and test features."""
    rng = np.random.default_rng(0)
    a, y = rng.random((CLASSES, K)), np.repeat(np.arange(CLASSES), PER_CLASS)
    x = (a[y] @ rng.normal(size=(K, D)) + 0.2 * rng.normal(size=(len(y), D))).astype(np.float32)
    test = (y >= SEEN) | (np.arange(len(y)) % 5 == 0)
    split = {"X_train": x[~test], "y_train": y[~test], "X_test": x[test], "y_test": y[test]}
    np.savez(path, **split, prototypes=a, classes=np.arange(CLASSES))
    np.save(features, x[test])


def commands(folder):
    """The commands; evaluate and predict start from a finished run."""
    run, data, threads = folder / "trained", folder / "data.npz", ("--threads", 1)
    found = run_cli("train", data, *OPTIONS, "--out", run)
    assert found.exit_code == 0, found.output

    def copied(work):
        shutil.copytree(run, work / "run")
        (work / "p.csv").write_text("old\n")

    saving = ("--checkpoint-seconds", 0)
    train = ["train", data, *OPTIONS, *saving, "--out"]
    predict = ["predict", run, folder / "x.npy", *threads, "--out"]
    tune = ["tune", data, "--folds", 2, *OPTIONS[2:], "--out"]
    return (
        Command("train", lambda work: [*train, work / "run"], trained),
        Command(
            "evaluate", lambda w: ["evaluate", w / "run", "--json", *threads], evaluated, copied
        ),
        Command("predict", lambda work: [*predict, work / "p.csv"], predicted, copied),
        Command("tune", lambda work: [*tune, work / "t.toml"], tuned),
    )


def tuned(folder, stdout):
    """The configuration that tune writes."""
    return (folder / "t.toml").read_bytes()


def refuse_steps(folder, *, every):
    """Refuse each step of writing a training; return the counts."""
    work, counts, place = folder / "work", Counter(), 0
    options = (*OPTIONS, "--checkpoint-seconds", 0)
    train, wanted = ["train", folder / "data.npz", *options, "--out", work / "run"], None
    while True:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        number = errno.ENOSPC if place % 2 else errno.EIO
        with counted(folder=work, refused=place, number=number) as steps:
            found = run_cli(*train)
        if found.exit_code:
            check_sentence(found, place)
            check_whole(work, {})
            resumes = (work / "run" / "config.toml").exists()
            found = run_cli(*(["train", "--resume", work / "run"] if resumes else train))
            assert found.exit_code == 0, found.output
            counts[f"{steps.names[place]} refused"] += 1
            counts["resumed" if resumes else "repeated"] += 1
        elif place < len(steps.names):
            counts["done without"] += 1
        curves = (work / "run" / "curves.csv").read_text()
        wanted = wanted or curves
        assert curves == wanted, place
        if place >= len(steps.names):
            return counts
        place += every


if __name__ == "__main__":
    main()
