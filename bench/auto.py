"""Does validation help? Preset "auto" compared with its base preset and with the best gate.

    python bench/auto.py SOURCE --seeds 0-4 --out rows.jsonl
    python bench/auto.py SOURCE --class-splits 5 --out rows.jsonl

Without --class-splits the dataset's own split is used, once per seed. With --class-splits N, N new
splits of the classes are drawn, with as many unseen classes as the dataset's own split; a fifth of
the samples of each seen class is held out for testing. Split i is trained with seed i.

Per run: S, U, H and AUROC of the base preset and of `auto`, the chosen settings, and the best H of
both kinds of gates, chosen on the test samples that they are measured on: an oracle, for analysis
only. Rows are appended to --out, and those present are not measured again. The table is printed at
the end.
"""

import json
import time
import warnings
from pathlib import Path

import click
import numpy as np
from gates import figures

import tinygzsl as tz
from tinygzsl.cli.config import parse_set
from tinygzsl.cli.sweep_plan import numbers
from tinygzsl.datasets import Dataset
from tinygzsl.datasets.hold_out import hold_out_rows
from tinygzsl.nn.random import Purpose
from tinygzsl.runtime.threads import workers
from tinygzsl.tuning.folds import TEST_SHARE

DRAW = 20261123  # plus the number of a split: the seed of its draw


def class_split(data, i):
    """Return split i of all samples and classes of data, drawn anew."""
    x, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    classes = np.concatenate([data.seen_classes, data.unseen_classes])
    prototypes = np.concatenate([data.seen_prototypes, data.unseen_prototypes])
    order = np.argsort(classes)
    classes, prototypes = classes[order], prototypes[order]
    rng = np.random.default_rng([DRAW, i])
    unseen = np.isin(classes, rng.choice(classes, len(data.unseen_classes), replace=False))
    is_seen = np.isin(y, classes[~unseen])
    held = np.ones(len(y), bool)
    held[is_seen] = hold_out_rows(
        np.searchsorted(classes, y[is_seen]),
        share=TEST_SHARE,
        seed=DRAW + i,
        purpose=Purpose.PTC_HOLD_OUT,  # any would do; the rows in bench/auto are of these splits
    )
    test = np.concatenate([np.flatnonzero(held & is_seen), np.flatnonzero(~is_seen)])
    return Dataset(
        name=f"{data.name}, class split {i}",
        X_train=x[~held],
        y_train=y[~held],
        X_test=x[test],
        y_test=y[test],
        seen_classes=classes[~unseen],
        seen_prototypes=prototypes[~unseen],
        unseen_classes=classes[unseen],
        unseen_prototypes=prototypes[unseen],
    )


def measure(data, preset, *, sets, seed):
    """Return one row: the preset unchanged, and with settings chosen by validation."""
    training = data.training()
    seen = {"X": training.X, "y": training.y, "prototypes": training.prototypes}
    plain = tz.EntropySeparationGZSL(preset=preset, seed=seed, **sets).fit(**seen)
    started = time.monotonic()
    found = tz.tune(training, preset, sets, seed=seed)
    seconds = time.monotonic() - started
    auto = tz.EntropySeparationGZSL(preset=preset, seed=seed, **{**sets, **found.chosen})
    auto.fit(**seen)
    return {
        "preset": figures(plain, data),
        "auto": figures(auto, data),
        "chosen": found.chosen,
        "validation_H": found.H,
        "left_out": {g["kind"]: g["left_out"] for g in found.gates if g["taken"]},
        "tune_seconds": round(seconds, 1),
    }


@click.command()
@click.argument("source")
@click.option("--preset", default="small", show_default=True)
@click.option("--set", "sets", multiple=True)
@click.option("--seeds", default="0-4", show_default=True)
@click.option("--class-splits", default=0, help="Draw so many splits instead.")
@click.option("--threads", type=int)
@click.option("--out", default="auto.jsonl", show_default=True)
def main(source, preset, sets, seeds, class_splits, threads, out):
    """Measure on the dataset at SOURCE."""
    warnings.simplefilter("ignore")
    data, out, sets = tz.load_dataset(source), Path(out), parse_set(sets)
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    for i in range(class_splits) if class_splits else numbers(seeds, "--seeds"):
        mine = class_split(data, i) if class_splits else data
        if any((row["data"], row["seed"]) == (mine.name, i) for row in rows):
            continue
        with workers(threads):
            row = {"data": mine.name, "seed": i, **measure(mine, preset, sets=sets, seed=i)}
        rows.append(row)
        with open(out, "a") as file:
            file.write(json.dumps(row) + "\n")
        click.echo(json.dumps(row), err=True)
    click.echo(table(rows))


COLUMNS = ("data", "seed", "preset, H", "auto, S", "U", "H", "best gate, H", "gate", "seconds")


def table(rows):
    """Return a line per run, then mean and standard deviation, in Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for row in rows:
        auto = row["auto"]
        h = [row["preset"]["H"], auto["S"], auto["U"], auto["H"], auto["oracle"]]
        cells = [row["data"], str(row["seed"]), *(f"{value:.3f}" for value in h)]
        cells += [auto["gate"], f"{row['tune_seconds']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    if len(rows) > 1:
        gain = [row["auto"]["H"] - row["preset"]["H"] for row in rows]
        below = [row["auto"]["below_oracle"] for row in rows]
        h = [row["auto"]["H"] for row in rows]
        lines += [
            "",
            f"auto: H {_spread(h)}; above its preset by {_spread(gain)}; "
            f"below the best gate by {_spread(below)}",
        ]
    return "\n".join(lines)


def _spread(values):
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


if __name__ == "__main__":
    main()
