"""`tinygzsl tune`: choose settings on pseudo-unseen classes, for `train --config`."""

import time

import click

from ..errors import InputError
from .common import (
    emit,
    errors_as_sentences,
    given,
    json_option,
    note,
    output_file,
    source_options,
    threaded,
)
from .completion import complete_preset, complete_set

COLUMN = "gate: unit, or features"


@click.command()
@click.argument("dataset")
@source_options
@click.option(
    "--preset",
    default="small",
    show_default=True,
    help="Where the search starts.",
    shell_complete=complete_preset,
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting that is not searched: gan.lr=1e-4.",
    shell_complete=complete_set,
)
@click.option(
    "--recalibrate",
    is_flag=True,
    help="Thresholds between entropies that training measures on a tenth of the samples.",
)
@click.option(
    "--folds",
    type=int,
    metavar="N",
    help="Folds, each with a quarter, a third or a fifth of the classes pseudo-unseen.  "
    "[default: five disjoint groups of classes]",
)
@click.option("--seed", default=0, show_default=True, help="Seed of all random numbers.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--out", default="tuned.toml", show_default=True, help="TOML file to write.")
@json_option
@errors_as_sentences
@threaded
def tune(dataset, preset, sets, recalibrate, folds, seed, device, out, as_json, **source):
    """Choose settings by validation and write them for `tinygzsl train --config`.

    On each of several folds some of the seen classes are pseudo-unseen. Test samples and unseen
    classes are not used. All trials are written to a CSV file beside the TOML file, unless that is
    a pipe.
    """
    from ..datasets import check_training, load_dataset
    from ..settings import BEST
    from ..tuning.auto import BASE
    from ..tuning.tune import tune as search
    from .config import absolute_source, parse_set, refuse_views
    from .progress import Progress

    if preset == BEST:
        raise InputError(
            f"preset {BEST!r} has no settings to search for; run `tinygzsl train {dataset} "
            f"--preset {BEST}`, which fits it on folds, or tune from another preset"
        )
    file = output_file(out, as_json=as_json)
    trials = None if file.is_stream else output_file(_beside(file.path), as_json=as_json)
    _refuse_existing(file, trials)
    data = load_dataset(**given({"name_or_path": dataset, **source}))
    training, source = data.training(), absolute_source(data.source)
    del data  # from here on no data of unseen classes or test samples can be reached
    check_training(training)
    refuse_views(preset, training.prototypes)
    for line in training.notes:
        note(f"note: {line}")
    preset = BASE if preset == "auto" else preset  # with "auto", `train` would search again
    started = time.monotonic()
    with Progress() as progress:

        def show(step, logs):
            if "trial" not in logs:
                progress(step, logs)
            elif not progress.on:  # a terminal shows the progress line instead
                note(_line(logs["trial"]))

        options = {"folds": folds, "seed": seed, "device": device, "callback": show}
        found = search(training, preset, parse_set(sets), recalibrate=recalibrate, **options)
    _write(
        file,
        trials=trials,
        found=found,
        top={"preset": preset, "seed": seed, "device": device},
        source=source,
    )
    facts = {
        "config": str(file.path),
        "trials_file": trials and str(trials.path),
        "seconds": round(time.monotonic() - started, 3),
        "H": found.H,
        "chosen": found.chosen,
        "edges": found.edges,
        "gates": found.gates,
        "trials": found.trials,
    }
    emit(facts, as_json=as_json, text=_text(facts), beside=file)


def _beside(out):
    return out.with_name(f"{out.stem}.trials.csv")


def _refuse_existing(*files):
    """Raise an error before the search if it would take the place of other results."""
    for file in files:
        if file and not file.is_stream and file.path.exists():
            raise FileExistsError(f"{file.path} exists; choose another --out, or delete it")


def _write(file, *, trials, found, top, source):
    """Write the trials, then the TOML file: if this exists, both are complete."""
    from ..runs.config import config_text
    from ..tuning.tune import trials_csv

    if trials:
        trials.write(trials_csv(found.trials))
    file.write(config_text(top, source, found.settings))


def _line(trial):
    tried = {k: v for k, v in trial.items() if k not in ("stage", "H", "H_by_fold")}
    return f"{trial['stage']}: H {trial['H']:.4f}  {_pairs(tried)}"


def _pairs(settings):
    return " ".join(f"{k.replace('_', '.', 1)}={v}" for k, v in settings.items())


def _label(gate):
    return f"{gate['kind']}: {gate['unit']}"


def _text(facts):
    width = max(len(text) for text in (COLUMN, *map(_label, facts["gates"])))
    lines = [
        f"validation H {facts['H']:.3f} after {facts['seconds']:.0f} s, mean over the folds",
        f"chosen: {_pairs(facts['chosen']) or 'what the preset has'}",
        f"{COLUMN:{width}}  H      H of each fold with the gate of the others",
    ]
    for gate in facts["gates"]:
        left_out = "  –" if gate["left_out"] is None else f"{gate['left_out']:.3f}"
        taken = "  (taken)" if gate["taken"] else ""
        lines.append(f"{_label(gate):{width}}  {gate['H']:.3f}  {left_out}{taken}")
    lines += [f"warning: {name} is the least or greatest value tried" for name in facts["edges"]]
    if facts["trials_file"]:
        lines.append(f"all trials: {facts['trials_file']}")
    return "\n".join([*lines, f"next: tinygzsl train --config {facts['config']}"])
