"""Which experts preset "best" should have, judged on folds of the training samples only.

    python bench/experts.py SOURCE --seeds 0-2 --checkpoint DIR --out bench/experts/NAME.jsonl

Every candidate is trained on the folds of StackedGZSL. A row of a candidate has its accuracy among
the pseudo-unseen classes and its own H; a row of a stack of some candidates has H of each fold with
the weights and the gate that the other folds fit, with and without neighbours, and the accuracy of
its mixture among pseudo-unseen classes, its weights fitted on the other folds too. No test sample
and no unseen class is used. What is trained stays in DIR, so that another stack is tried in
seconds. Rows of --out are not measured again. The table is printed at the end.
"""

import json
from pathlib import Path

import click
import numpy as np

import tinygzsl as tz
from tinygzsl.baselines import DEM, ESZSL, SADLE, SJE, SYNC, ClassNormalization, PrototypeRidge
from tinygzsl.cli.sweep_plan import numbers
from tinygzsl.datasets.views import ONE
from tinygzsl.gates.mixing import Scored, mixed, mixing_weights
from tinygzsl.gates.panel import Fold, Panel, held_out_h
from tinygzsl.metrics import per_class_accuracy
from tinygzsl.runtime.threads import workers
from tinygzsl.stacking.checkpoints import StackCheckpoint
from tinygzsl.stacking.experts import with_views
from tinygzsl.stacking.training import Plan, fold_panels

VSMM = {"preset": "small", "vsmm_weight_es": 0.0, "router_gate": "soft"}
SMOOTH = {"gamma": 0.25, "shrink": 3.0}  # the ridge's validated settings on CUB100_effl2
CANDIDATES = {
    "vsmm": tz.EntropySeparationGZSL(**VSMM, scale_features="minmax"),
    "vsmm standard": tz.EntropySeparationGZSL(
        **VSMM, scale_features="standard", gan_output="linear"
    ),
    "eszsl": ESZSL(features="minmax"),
    "eszsl standard": ESZSL(features="standard"),
    "eszsl l2": ESZSL(features="l2", regularize_features=0.0),
    "ridge": PrototypeRidge(features="minmax"),
    "ridge standard": PrototypeRidge(features="standard"),
    "smooth": PrototypeRidge(features="minmax", **SMOOTH),
    "smooth standard": PrototypeRidge(features="standard", **SMOOTH),
    "smooth .01": PrototypeRidge(features="minmax", ridge=0.01, **SMOOTH),
    "cn": ClassNormalization(features="minmax"),
    "sync": SYNC(regularize=-18.0, scale=0.0),
    "sje": SJE(features="l2", lr=1.0, margin=4.0),
    "dem": DEM(features="minmax"),
    "sadle": SADLE(features="minmax", structure_weight=1.0, class_weight=1.0),
}
FIRST = ("vsmm", "vsmm standard", "cn", "eszsl", "eszsl standard", "ridge", "ridge standard")
SIX = ("vsmm", "vsmm standard", "cn", "eszsl l2", "smooth .01", "smooth standard")
CHOSEN = (*SIX, "sync")
STACKS = {
    "methods at their defaults": FIRST,
    "the same, smooth ridges": (*FIRST[:5], "smooth", "smooth standard"),
    "six, ridge .03": (*SIX[:4], "smooth", "smooth standard"),
    "six": SIX,
    "six and sje": (*SIX, "sje"),
    "six and both ridges": (*SIX, "ridge", "ridge standard"),
    "six and sync": CHOSEN,
    "six and sync, without vsmm": CHOSEN[2:],
    "six and sync, without cn": tuple(name for name in CHOSEN if name != "cn"),
    "all": tuple(CANDIDATES),
}
WITHOUT, WITH = ("entropy", "gap"), ("entropy", "gap", "neighbours")


def scalings(names):
    """Return the scalings of these candidates, in which a stack of them looks for neighbours."""
    given = {"seed": 0, "device": "cpu", "dtype": "float32", "threads": None}
    experts = with_views({name: CANDIDATES[name] for name in names}, [ONE], given=given)
    return list(dict.fromkeys(expert.scaling for expert in experts))


def panels_of(data, seed, checkpoint):
    """Return the folds with the panel of all candidates."""
    given = {"seed": seed, "device": "cpu", "dtype": "float32", "threads": None}
    plan = Plan(
        experts=with_views(CANDIDATES, [ONE], given=given),
        features=None,
        seed=seed,
        dtype="float32",
        callback=lambda done, logs: click.echo(f"{done}/{logs['total']} {logs['piece']}", err=True),
        checkpoint=StackCheckpoint(checkpoint / f"{data.name}-{seed}"),
        scalings=scalings(CANDIDATES),
    )
    return fold_panels(data.training(), plan)


def of_experts(folds, names):
    """Return the folds with the panel of these candidates only."""
    mine = scalings(names)
    return [
        Fold(
            panel=Panel(
                experts={name: fold.panel.experts[name] for name in names},
                similarities={scaling: fold.panel.similarities[scaling] for scaling in mine},
            ),
            y=fold.y,
        )
        for fold in folds
    ]


def zero_shot(folds):
    """Return the mean accuracy among pseudo-unseen classes, weights fitted on the other folds."""
    parts, found = [], []
    for fold in folds:
        unseen, y = fold.panel.unseen, fold.y - fold.panel.seen.shape[2]
        parts.append(Scored(scores=unseen[:, y >= 0], y=y[y >= 0]))
    for i, part in enumerate(parts):
        w = mixing_weights(parts[:i] + parts[i + 1 :])
        label = mixed(part.scores, w).argmax(axis=1)
        found.append(per_class_accuracy(part.y, label)[1].mean())
    return float(np.mean(found))


def rows_of(data, seed, checkpoint, known):
    """Yield the rows of all candidates and stacks that are not known."""
    folds = None
    singles = {name: (name,) for name in CANDIDATES}
    for name, experts in {**singles, **STACKS}.items():
        key = {"data": data.name, "seed": seed, "stack": name, "experts": list(experts)}
        if any(key.items() <= row.items() for row in known):
            continue
        folds = folds or panels_of(data, seed, checkpoint)
        mine = of_experts(folds, experts)
        has_entropy = any(e.entropy is not None for e in mine[0].panel.experts.values())
        kinds = {"H": WITH, "without neighbours": WITHOUT}
        found = {
            what: float(np.mean(held_out_h(mine, k if has_entropy else k[1:])))
            for what, k in kinds.items()
        }
        yield {**key, **found, "zsl": zero_shot(mine)}


@click.command()
@click.argument("source")
@click.option("--seeds", default="0-2", show_default=True)
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True)
@click.option("--threads", type=int)
@click.option("--out", default="experts.jsonl", show_default=True, type=click.Path(path_type=Path))
def main(source, seeds, checkpoint, threads, out):
    """Compare stacks on the folds of the dataset at SOURCE."""
    data = tz.load_dataset(source)
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    with workers(threads):
        for seed in numbers(seeds, "--seeds"):
            for row in rows_of(data, seed, checkpoint, list(rows)):
                rows.append(row)
                with open(out, "a") as file:
                    file.write(json.dumps(row) + "\n")
    click.echo(table(rows))


def table(rows):
    """Return a line per candidate and stack, means over the seeds, in Markdown."""
    lines = ["| stack | experts | seeds | H | without neighbours | zero-shot |", "|---" * 6 + "|"]
    by_stack = {}
    for row in rows:
        by_stack.setdefault((row["stack"], len(row["experts"])), []).append(row)
    for (name, count), mine in by_stack.items():
        means = (np.mean([row[key] for row in mine]) for key in ("H", "without neighbours", "zsl"))
        cells = [name, str(count), str(len(mine)), *(f"{mean:.4f}" for mean in means)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
