"""The time of a whole fit beside that of another checkout, in turns, and what both models give.

    python bench/fit.py DATASET --preset small --seeds 0,1,2 --against OTHER_CHECKOUT

Every fit runs in a process of its own, with its kernels compiled before; loading is not timed. The
packages of both checkouts are imported from where they lie, kernels/ and cli/ included, so nothing
is installed. Prints a line per fit and, per seed, the ratio of the times.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

HERE = Path(__file__).resolve().parents[1]
FIT = """
import json, sys, time, warnings
import tinygzsl as tz
warnings.simplefilter("ignore")
path, preset, seed, threads = json.loads(sys.argv[1])
letters = tz.load_dataset("letters")
warm = tz.EntropySeparationGZSL(preset="small", gan_max_epochs=1, cs_low=1e-9, vsmm_epochs=1)
try:
    warm.fit(letters.X_train, letters.y_train, letters.seen_prototypes)
except ValueError:
    pass  # no snapshot after one epoch; the kernels are compiled
data = tz.load_dataset(path)
model = tz.EntropySeparationGZSL(preset=preset, seed=seed, threads=threads)
started = time.perf_counter()
model.fit(data.X_train, data.y_train, data.seen_prototypes)
seconds = time.perf_counter() - started
m = tz.evaluate(model, data)
steps = model.proxy_source_.looks[-1].step if model.proxy_source_ else 0
found = {"imported": tz.__file__, "seconds": seconds, "steps": steps}
print(json.dumps({**found, **{k: m[k] for k in ("S", "U", "H")}}))
"""


def fit(packages, arguments):
    """Return the figures of one fit with the packages in that folder."""
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    command = [sys.executable, "-c", FIT, json.dumps(arguments)]
    options = {"env": environment, "cwd": packages}  # Python looks for modules there first
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options)
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found.pop("imported")).parent.parent == packages, "another tinygzsl was imported"
    return found


def laid_out(checkout, folder):
    """Link the checkout's packages into a folder as they are installed; return the folder."""
    package = folder / "tinygzsl"
    package.mkdir(parents=True)
    for part in (checkout / "tinygzsl").iterdir():
        (package / part.name).symlink_to(part)
    for name in ("kernels", "cli"):
        (package / name).symlink_to(checkout / name)
    return folder


@click.command()
@click.argument("dataset")
@click.option("--preset", default="small", show_default=True)
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--threads", type=int, help="Default: as many as BLAS would use.")
@click.option("--against", type=click.Path(exists=True, path_type=Path), required=True)
def main(dataset, preset, seeds, threads, against):
    """Time the fits in turns."""
    if Path(dataset).exists():
        dataset = str(Path(dataset).resolve())
    with tempfile.TemporaryDirectory() as folder:
        checkouts = {"other": against.resolve(), "this": HERE}
        packages = {n: laid_out(path, Path(folder) / n) for n, path in checkouts.items()}
        for seed in map(int, seeds.split(",")):
            arguments = [dataset, preset, seed, threads]
            found = {name: fit(place, arguments) for name, place in packages.items()}
            for name, one in found.items():
                figures = "  ".join(f"{key} {one[key]:.4f}" for key in ("S", "U", "H"))
                steps = f"{one['steps']} steps of the CWGAN"
                click.echo(f"seed {seed}  {name:5}  {one['seconds']:6.1f} s  {steps}  {figures}")
            ratio = found["this"]["seconds"] / found["other"]["seconds"]
            click.echo(f"seed {seed}  this / other {ratio:.2f}")


if __name__ == "__main__":
    main()
