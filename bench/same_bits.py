"""Do two versions of the code compute the same bits? SHA-256 of weights and labels.

    python bench/same_bits.py DATASET... --out before.json      # in the one version
    python bench/same_bits.py DATASET... --against before.json  # in the other

A DATASET is an argument of `tinygzsl train`, a comma and a preset: `letters,letters` or
`PATH,small`. Each is trained by the command with seeds 0 and 1 and with one and two threads, and
its samples are labelled by `route`. Both versions of the code need the same Python, NumPy, SciPy
and Numba, on which the bits depend. Prints what differs; the exit status is then 1.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import click
import numpy as np

import tinygzsl as tz

SEEDS, THREADS = (0, 1), (1, 2)


def sha256(array):
    """Return the SHA-256 of the dtype, the shape and the bytes of an array."""
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.tobytes())
    return digest.hexdigest()


def digests(path, preset, *, seed, threads, folder):
    """Return the SHA-256 of all arrays of a trained model, and of `route`'s results, by name."""
    run = folder / f"{seed}-{threads}"
    command = [sys.executable, "-m", "tinygzsl", "train", path, "--preset", preset]
    options = ["--seed", str(seed), "--threads", str(threads), "--out", str(run)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    with np.load(run / "model.npz") as file:
        found = {name: sha256(file[name]) for name in sorted(file.files) if name != "header"}
    data, model = tz.load_dataset(path), tz.load_model(run / "model.npz")
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    columns = ("label", "route", "entropy", "score")
    return found | {column: sha256(getattr(result, column)) for column in columns}


@click.command()
@click.argument("datasets", nargs=-1, required=True)
@click.option("--out", type=click.Path(dir_okay=False), help="Write the digests to this file.")
@click.option("--against", type=click.Path(exists=True), help="Compare with those of this file.")
def main(datasets, out, against):
    """Train, take the digests, write them or compare them."""
    names = ("numpy", "scipy", "numba")
    found = {"versions": [sys.version, *(metadata.version(name) for name in names)]}
    for dataset in datasets:
        path, _, preset = dataset.rpartition(",")
        for seed in SEEDS:
            for threads in THREADS:
                with tempfile.TemporaryDirectory() as folder:
                    got = digests(path, preset, seed=seed, threads=threads, folder=Path(folder))
                key = f"{Path(path).name} {preset}, seed {seed}, {threads} threads"
                found[key] = got
                print(key, hashlib.sha256("".join(got.values()).encode()).hexdigest(), flush=True)
    if out:
        Path(out).write_text(json.dumps(found, indent=1) + "\n")
    if against:
        compare(json.loads(Path(against).read_text()), found)


def compare(before, after):
    """Print the names of what differs, and exit with 1 if anything does."""
    different = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    for key in sorted(different):
        print(f"{key} differs")
    if different:
        sys.exit(1)
    print(f"the same bits in all {len(after) - 1} trainings")


if __name__ == "__main__":
    main()
