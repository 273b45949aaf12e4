"""What validation gives: presets auto and best, and the baselines with a validated offset.

    python bench/auto.py SOURCE --method auto --seeds 0-4 --out rows.jsonl
    python bench/auto.py SOURCE --method best --draw 1a2b3c4d --class-splits 5 --out rows.jsonl

Without --class-splits the dataset's own split is used, once per seed. With --class-splits N, N new
splits of the classes are drawn from the hexadecimal number DRAW, with as many unseen classes as the
dataset's own split; a fifth of the samples of each seen class is held out for testing. Split i is
trained with seed i.

A row has S, U and H; the accuracies of seen samples among seen classes and of unseen ones among
unseen classes; the best H that another offset of the same model would give, chosen on the test
samples that it is measured on (an oracle, for analysis only); and the seconds of fit. The method
"calibrated" is every baseline, or those of --baselines, with the dataset's stored settings and an
offset validated on folds, a row each. With --save DIR the splits are only written, for another
version of this package to be measured on. Rows are appended to --out, and those present are not
measured again. The table is printed at the end.
"""

import json
import re
import time
import warnings
from pathlib import Path

import click
import numpy as np

import tinygzsl as tz
from tinygzsl.baselines import METHODS
from tinygzsl.baselines.common.calibration import choose_offset, fit_on
from tinygzsl.baselines.methods import method as baseline
from tinygzsl.cli.config import parse_set
from tinygzsl.cli.sweep_plan import numbers
from tinygzsl.comparison.chosen import chosen_for
from tinygzsl.datasets import Dataset, save_npz
from tinygzsl.datasets.hold_out import hold_out_rows
from tinygzsl.datasets.views import as_prototypes, as_views
from tinygzsl.metrics import harmonic_mean, seen_unseen_curve
from tinygzsl.nn.random import Purpose
from tinygzsl.runtime.threads import workers
from tinygzsl.stacking import StackedGZSL
from tinygzsl.tuning.folds import TEST_SHARE, disjoint_folds


def class_split(data, i, *, draw):
    """Return split i of all samples and classes of data, drawn anew by the number `draw`."""
    x, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    classes = np.concatenate([data.seen_classes, data.unseen_classes])
    seen, unseen_of = as_views(data.seen_prototypes), as_views(data.unseen_prototypes)
    views = {name: np.concatenate([seen[name], unseen_of[name]]) for name in seen}
    order = np.argsort(classes)
    classes, views = classes[order], {name: rows[order] for name, rows in views.items()}
    rng = np.random.default_rng([draw, i])
    unseen = np.isin(classes, rng.choice(classes, len(data.unseen_classes), replace=False))
    is_seen = np.isin(y, classes[~unseen])
    held = np.ones(len(y), bool)
    held[is_seen] = hold_out_rows(
        np.searchsorted(classes, y[is_seen]),
        share=TEST_SHARE,
        seed=draw + i,
        purpose=Purpose.FOLD_HOLD_OUT,
    )
    test = np.concatenate([np.flatnonzero(held & is_seen), np.flatnonzero(~is_seen)])
    return Dataset(
        name=f"{data.name}, class split {i}",
        X_train=x[~held],
        y_train=y[~held],
        X_test=x[test],
        y_test=y[test],
        seen_classes=classes[~unseen],
        seen_prototypes=as_prototypes({name: rows[~unseen] for name, rows in views.items()}),
        unseen_classes=classes[unseen],
        unseen_prototypes=as_prototypes({name: rows[unseen] for name, rows in views.items()}),
    )


def of_auto(data, seed, sets):
    """Return the row of preset "auto"."""
    model = tz.EntropySeparationGZSL(preset="auto", seed=seed, **sets)
    training = data.training()
    given = {"validation_classes": data.validation_classes} if data.validation else {}
    started = time.monotonic()
    model.fit(training.X, training.y, training.prototypes, **given)
    settings = model.settings_
    chosen = {
        "scale": settings.scale_features,
        "epochs": settings.vsmm_epochs,
        "weight_es": settings.vsmm_weight_es,
        "gamma": settings.vsmm_gamma,
        "gate": settings.router_gate,
        "features": settings.router_features if settings.router_gate == "learned" else (),
    }
    return {**figures(model, data, started), "chosen": chosen}


def of_best(data, seed, sets):
    """Return the row of preset "best"."""
    if sets:
        raise click.UsageError("--set is for the method auto; leave it out")
    model, training = StackedGZSL(seed=seed), data.training()
    started = time.monotonic()
    model.fit(training.X, training.y, training.prototypes)
    decision = model.decision_
    chosen = {
        "features": decision.gate.features,
        "unseen_weights": dict(zip(model.experts_, decision.unseen_weights, strict=True)),
        "seen_weights": dict(zip(model.experts_, decision.seen_weights, strict=True)),
    }
    return {**figures(model, data, started), "chosen": chosen}


def of_baselines(data, seed, sets, methods):
    """Yield the row of each of these baselines, with its stored settings and a validated offset."""
    name = data.name.split(",")[0]
    parts = disjoint_folds(data.training(), seed=seed)  # as auto and best
    for method in methods:
        params = {k: v for k, v in chosen_for(method, name).params.items() if k != "offset"}
        model = baseline(method)(**{**params, **sets, "seed": seed})
        started = time.monotonic()
        model.set_params(offset=choose_offset(model, parts).offset)
        fit_on(model, data)
        yield {"baseline": method, "strict": model.strict, **figures(model, data, started)}


def figures(model, data, started):
    """Return S, U, H of a fitted model, and what is behind them."""
    seconds = time.monotonic() - started
    m = tz.evaluate(model, data)
    if "oracle_offset" in m:
        oracle = m["oracle_offset"]["H"]
    else:  # eq. 10 and the soft gate have no offset
        oracle = None if "oracle" in m else best_offset_h(model, data)
    return {
        **{name: m[name] for name in ("S", "U", "H", "supervised", "zsl")},
        "auroc": m["gate"]["auroc"] if m.get("gate") else m.get("auroc"),
        "oracle": oracle,
        "below_oracle": None if oracle is None else oracle - m["H"],
        "seconds": round(seconds, 1),
    }


def best_offset_h(model, data):
    """Return the best H of a baseline over all offsets, on the test samples: an oracle."""
    f = model.decision_function(data.X_test, data.unseen_prototypes).astype(float)
    seen, unseen = f[:, : len(data.seen_classes)], f[:, len(data.seen_classes) :]
    right_seen = data.seen_classes[seen.argmax(axis=1)] == data.y_test
    right_unseen = data.unseen_classes[unseen.argmax(axis=1)] == data.y_test
    behind = unseen.max(axis=1) - seen.max(axis=1)
    _, s, u = seen_unseen_curve(behind, right_seen, right_unseen, data.y_test, data.seen_classes)
    return float(np.max(harmonic_mean(s, u)))


@click.command()
@click.argument("source")
@click.option("--method", type=click.Choice(["auto", "best", "calibrated"]), required=True)
@click.option("--prototypes", help="att, or several views like att,sent, for best.")
@click.option("--baselines", help="Which ones: SYNC,DEM.  [default: all]")
@click.option("--set", "sets", multiple=True)
@click.option("--seeds", default="0-4", show_default=True)
@click.option("--class-splits", default=0, help="Draw so many splits instead.")
@click.option("--draw", help="The number that the splits are drawn by, in hexadecimal.")
@click.option("--save", help="Only write the splits as .npz files into this folder.")
@click.option("--threads", type=int)
@click.option("--out", default="auto.jsonl", show_default=True)
def main(
    source, method, prototypes, baselines, sets, seeds, class_splits, draw, save, threads, out
):
    """Measure on the dataset at SOURCE."""
    if bool(class_splits) != bool(draw):
        raise click.UsageError("--class-splits and --draw go together; pass both or neither")
    warnings.simplefilter("ignore")
    views = {"prototypes": prototypes} if prototypes else {}
    data, out, sets = tz.load_dataset(source, **views), Path(out), parse_set(sets)
    names = baselines.split(",") if baselines else METHODS
    if save:
        for i in range(class_splits):
            save_npz(class_split(data, i, draw=int(draw, 16)), Path(save) / f"split-{i}.npz")
        return
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    for i in range(class_splits) if class_splits else numbers(seeds, "--seeds"):
        mine = class_split(data, i, draw=int(draw, 16)) if class_splits else data
        key = {"data": mine.name, "method": method, "prototypes": prototypes or "att", "seed": i}
        if any(key.items() <= row.items() for row in rows):
            continue
        with workers(threads):
            if method == "calibrated":
                found = of_baselines(mine, i, sets, names)
            else:
                found = [{"auto": of_auto, "best": of_best}[method](mine, i, sets)]
            new = [{**key, **row} for row in found]
        rows += new
        with open(out, "a") as file:
            file.writelines(json.dumps(row) + "\n" for row in new)
        for row in new:
            click.echo(json.dumps(row), err=True)
    click.echo(table(rows))


NUMBERS = ("S", "U", "H", "supervised", "zsl", "below_oracle")
COLUMNS = ("S", "U", "H", "supervised", "zero-shot", "below its best offset", "seconds")


def table(rows):
    """Return a table of all rows and one of means and deviations per method, in Markdown."""
    lines = [_line("data", "method", "seed", *COLUMNS), _line(*["---"] * 10)]
    by_method = {}
    for row in rows:
        views = "" if row["prototypes"] == "att" else f", {row['prototypes']}"
        name = row.get("baseline", row["method"]) + views
        data = re.sub(r" split \d+$", " splits", row["data"])
        by_method.setdefault((data, name), []).append(row)
        cells = [_cell(row[key]) for key in NUMBERS]
        lines.append(_line(row["data"], name, row["seed"], *cells, f"{row['seconds']:.0f}"))
    lines += ["", _line("data", "method", "runs", *COLUMNS), _line(*["---"] * 10)]
    for (data, name), mine in by_method.items():
        cells = [_spread([row[key] for row in mine]) for key in NUMBERS]
        seconds = f"{np.mean([row['seconds'] for row in mine]):.0f}"
        lines.append(_line(data, name, len(mine), *cells, seconds))
    return "\n".join(lines)


def _line(*cells):
    return f"| {' | '.join(map(str, cells))} |"


def _cell(number):
    return "–" if number is None else f"{number:.3f}"


def _spread(values):
    values = [value for value in values if value is not None]
    if len(values) < 2:
        return _cell(values[0] if values else None)
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


if __name__ == "__main__":
    main()
