"""Does training survive SIGKILL? `tinygzsl train letters` is killed many times and resumed.

    python bench/kill.py [--kills 200] [--seed 0]

Trains `letters` with small networks and a checkpoint after every step: once without interruption,
then many times with kills. Each of these runs is killed one to four times (at random steps, in the
middle of random writes, before or after random renames, or at random times) and resumed by
`train --resume` until it is finished. Its folder must load after every kill. In the end weights,
curves and metrics must equal those of the uninterrupted run bit for bit. Linux and macOS.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "robust"))

from killing.runs import KILLED, check_tidy, check_whole, differences, finish, result, start

OPTIONS = (
    *("--threads", "1", "--checkpoint-seconds", "0"),
    *("--set", "gan.generator_hidden=[32]", "--set", "gan.critic_hidden=[32]"),
    *("--set", "gan.max_epochs=4", "--set", "cs.low=0.001", "--set", "cs.high=0.1"),
    *("--set", "proxy.count=300", "--set", "vsmm.epochs=2", "--set", "vsmm.latent=16"),
)
RESUME = ("--threads", "1", "--checkpoint-seconds", "0")


def main():
    """Kill, resume, compare, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, started = np.random.default_rng(options.seed), time.monotonic()
    kills, phases, finished, bad = Counter(), Counter(), 0, []
    with tempfile.TemporaryDirectory() as folder:
        whole = undisturbed(Path(folder))
        while kills.total() < options.kills:
            run = Path(folder) / f"run{finished}"
            for _ in range(min(rng.integers(1, 5), options.kills - kills.total())):
                how, phase = kill(run, rng, whole=whole)
                if how is None:
                    break
                kills[how] += 1
                phases[phase] += 1
            train(run, "none:", 0)
            check_tidy(run)
            finished += 1
            bad += differences(whole["result"], result(run, evaluate))
            show(kills, finished, bad=bad)
    summary = {
        "kills": kills.total(),
        "by_way": dict(kills),
        "by_phase": dict(phases),
        "runs_finished": finished,
        "differences": bad,
        "seconds": round(time.monotonic() - started),
    }
    print(json.dumps(summary, indent=2))
    sys.exit(bool(bad))


def undisturbed(folder):
    """Return the Result of a run without kills, and its numbers of renames and steps."""
    counts, run, started = folder / "counts", folder / "whole", time.monotonic()
    train(run, f"count:{counts}", 0)
    seconds = time.monotonic() - started
    renames, steps = map(int, counts.read_text().split())
    found = {"result": result(run, evaluate), "renames": renames, "steps": steps}
    return found | {"seconds": seconds}


def train(run, act, *codes):
    """Train into the folder, or resume if it exists; the exit code must be one of these."""
    process = begin(run, act)
    finish(process, *codes)
    return process.returncode


def begin(run, act):
    """Start the training process."""
    if run.exists():
        return start(act, "train", "--resume", run, *RESUME)
    return start(act, "train", "letters", *OPTIONS, "--out", run)


def kill(run, rng, *, whole):
    """Kill the run; return how and in which phase, or (None, None) if it had finished before."""
    how = str(rng.choice(["step", "write", "before", "after", "clock", "end"]))
    if how == "clock":
        process = begin(run, "none:")
        time.sleep(rng.random() * whole["seconds"])
        process.kill()
        finish(process, KILLED, 0)
        code = process.returncode
    else:
        done = done_renames(run, whole)
        left = whole["renames"] - done
        if how == "end":  # the final save: its files are the last four
            number = left - int(rng.integers(0, 4))
            act = f"{rng.choice(['write', 'before', 'after'])}:{max(1, number)}"
        else:
            act = f"{how}:{1 + int(rng.integers(0, max(1, left - 5)))}"
        code = train(run, act, KILLED, 0)
    if code == 0:
        return None, None
    return how, phase_of(run)


def done_renames(run, whole):
    """Return about how many renames of the uninterrupted run are already done: one per step."""
    done = 0
    for name in ("gan", "vsmm"):
        path = run / "checkpoints" / f"{name}.npz"
        if path.exists():
            with np.load(path) as file:
                done += 1 + int(file["step"])
    return min(done, whole["renames"] - 5)


def phase_of(run):
    """Return the phase, judged by the files in the folder."""
    if not run.exists():
        return "before the folder"
    names = check_whole(run)
    for name, phase in (
        ("manifest.json", "finished"),
        ("curves.csv", "final save"),
        ("checkpoints/vsmm.npz", "VSMM"),
        ("checkpoints/gan.npz", "CWGAN"),
    ):
        if name in names:
            return phase
    return "start"


def evaluate(run):
    """Return the metrics of a finished run."""
    command = [sys.executable, "-m", "tinygzsl", "evaluate", str(run), "--json", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def show(kills, finished, *, bad):
    """Print a line of progress."""
    line = f"{kills.total()} kills, {finished} runs finished, {len(bad)} differences"
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
