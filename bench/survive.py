"""Does a sweep survive kills? 30 splits; a worker and the sweep are killed, the sweep resumed.

    python bench/survive.py

Makes a synthetic dataset in the layout of HMDB51 in a temporary folder: 51 classes, 25 of them
unseen per split, 300-dimensional prototypes, 30 splits; the features have 64 dimensions, with 20
samples per class, so that a training takes a second. Runs a sweep without interruption. Then runs
it again: a worker gets SIGKILL, the sweep gets Ctrl-C, the resumed sweep gets SIGKILL, and the same
command runs to the end. Except for seconds and host, all rows must be equal to the bit. Linux only.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.io import savemat

from tinygzsl.storage.rows import CHECKSUM
from tinygzsl.sweeps.run import TIMING

CLASSES, UNSEEN, K, D, PER_CLASS, SPLITS = 51, 25, 300, 64, 20, 30
SETS = (
    *("gan.generator_hidden=[64]", "gan.critic_hidden=[64]", "gan.lr=1e-3", "gan.max_epochs=40"),
    *("cs.low=0.05", "cs.high=0.3", "proxy.count=500", "vsmm.latent=32", "vsmm.lr=1e-2"),
)


def write_dataset(folder):
    """Write i3d.mat and split_<n>/att_splits.mat: features are noisy linear maps of prototypes."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(CLASSES, K)) / np.sqrt(K)
    labels = np.repeat(np.arange(CLASSES), PER_CLASS)
    x = a[labels] @ rng.normal(size=(K, D)) + 0.5 * rng.normal(size=(len(labels), D))
    folder.mkdir()
    savemat(folder / "i3d.mat", {"features": x.T, "labels": labels[:, None] + 1})
    for split in range(1, SPLITS + 1):
        unseen = np.isin(labels, np.random.default_rng(split).permutation(CLASSES)[:UNSEEN])
        held = np.arange(len(labels)) % PER_CLASS < PER_CLASS // 5
        masks = {"trainval_loc": ~unseen & ~held, "test_seen_loc": ~unseen & held}
        rows = {k: np.flatnonzero(m)[:, None] + 1 for k, m in masks.items()}
        rows["test_unseen_loc"] = np.flatnonzero(unseen)[:, None] + 1
        (folder / f"split_{split}").mkdir()
        savemat(folder / f"split_{split}" / "att_splits.mat", {"att": a.T, **rows})


def start(data, out):
    """Start the sweep as a process in its own session."""
    sets = [part for pair in SETS for part in ("--set", pair)]
    options = ["--preset", "small", *sets, "--processes", "2", "--threads", "1"]
    command = ["sweep", data, "--splits", f"1-{SPLITS}", *options, "--out", out]
    command = [sys.executable, "-m", "tinygzsl", *map(str, command)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, start_new_session=True, **quiet)


def workers(process):
    """Return the process ids of the sweep's workers, read from /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process.pid and "spawn_main" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:
            continue  # it has ended
    return found


def wait_for(out, rows, *, process):
    """Wait until the file has that many rows; the process must be alive until then."""
    while not out.exists() or out.read_bytes().count(b"\n") < rows:
        if process.poll() is not None:
            raise SystemExit(f"the sweep ended with {process.returncode} before row {rows}")
        time.sleep(0.02)


def disturb(data, out):
    """Run the sweep with its interruptions; yield what happened."""
    process = start(data, out)
    wait_for(out, 6, process=process)
    os.kill(workers(process)[0], signal.SIGKILL)
    yield "SIGKILL to a worker after 6 rows"
    wait_for(out, 12, process=process)
    os.killpg(process.pid, signal.SIGINT)
    yield f"Ctrl-C after 12 rows: exit code {process.wait()}"
    process = start(data, out)
    wait_for(out, 20, process=process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    yield "SIGKILL to the sweep after 20 rows"
    yield f"the same command again: exit code {start(data, out).wait()}"


def comparable(path):
    """Return the rows without seconds and host."""
    return [
        {k: v for k, v in row.items() if k not in (*TIMING, CHECKSUM)}
        for row in map(json.loads, path.open())
    ]


def main():
    """Print what was done and whether the rows are equal."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "hmdb51"
        write_dataset(data)
        straight, disturbed = (
            Path(folder) / name for name in ("straight.jsonl", "disturbed.jsonl")
        )
        if start(data, straight).wait():
            raise SystemExit("the undisturbed sweep failed")
        for line in disturb(data, disturbed):
            print(line, flush=True)
        one, other = comparable(straight), comparable(disturbed)
    h = [row["H"] for row in one]
    print(f"{len(one)} rows without disturbance, H {np.mean(h):.3f} ± {np.std(h, ddof=1):.3f}")
    print(f"{len(other)} rows after it, equal to the bit: {'yes' if one == other else 'NO'}")
    return one != other


if __name__ == "__main__":
    sys.exit(main())
