"""`tinygzsl train`: train on a dataset and write a run folder."""

import shlex
from pathlib import Path

import click

from ..errors import InputError
from .common import emit, errors_as_sentences, given, json_option, note, source_options, threaded
from .completion import complete_preset_or_best, complete_set


@click.command()
@click.argument("dataset", required=False)
@source_options
@click.option(
    "--preset",
    help="Named settings, auto or best; see `tinygzsl info`.  [default: paper]",
    shell_complete=complete_preset_or_best,
)
@click.option("--config", help="TOML file with settings, like a run folder's config.toml.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="One setting: gan.lr=1e-4; see `tinygzsl settings`.",
    shell_complete=complete_set,
)
@click.option("--seed", type=int, help="Seed of all random numbers.  [default: 0]")
@click.option("--device", help="cpu or cuda.  [default: cpu]")
@click.option("--dtype", help="float32 or float64.  [default: float32]")
@click.option("--out", help="Run folder to make.  [default: runs/DATASET-PRESET-SEED]")
@click.option(
    "--resume", metavar="RUN", help="Continue an interrupted run, here or on another --device."
)
@click.option(
    "--checkpoint-seconds",
    type=float,
    default=60.0,
    show_default=True,
    help="Seconds between checkpoints; 0 writes one after every step. Preset best has one after "
    "every piece of work.",
)
@json_option
@errors_as_sentences
@threaded
def train(dataset, resume, out, checkpoint_seconds, as_json, **options):
    """Train on a dataset and write a run folder.

    DATASET is a name (letters, awa1, cub, ...), an .npz file or a folder. Training uses only the
    training samples and the prototypes of seen classes. The run folder gets the model, all
    settings, curves, checksums and checkpoints. Ctrl-C and SIGTERM end training after the current
    step, with a checkpoint.

    The preset auto chooses settings by validation on the training samples. The preset best trains
    several methods, the experts, and a gate that decides by all of them (StackedGZSL). Only it
    takes several --prototypes.
    """
    from ..runs.folder import CONFIG, RunLock, check_run, create_run
    from ..storage.output import output_folder
    from .config import SOURCE, TOP
    from .train_run import run

    if not 0 <= checkpoint_seconds < float("inf"):
        raise InputError(
            f"--checkpoint-seconds is {checkpoint_seconds:g}; pass a number of seconds, 0 or more"
        )
    source = given({"name_or_path": dataset, **{k: options[k] for k in SOURCE[1:]}})
    top = given({name: options[name] for name in TOP})
    if resume is not None:
        if not resume:
            raise InputError("--resume is empty; name the run folder that is to go on")
        others = {k: v for k, v in top.items() if k != "device"}
        _refuse_with_resume(given({"out": out, "config": options["config"], **source, **others}))
        folder, again = Path(resume), _again(resume, options)
        check_run(folder)
        place = {"folder": folder, "seconds": checkpoint_seconds, "again": again}
        with RunLock(folder) as held:
            read = _read(str(folder / CONFIG), options["sets"], top=top, source=source)
            _refuse_other_device(folder / CONFIG, read["params"])
            facts = run(_training(**read, **place, resumed=True), held)
    else:
        given_folder = None if out is None else output_folder(out)
        read = _read(options["config"], options["sets"], top=top, source=source)
        folder = given_folder or _default_folder(read["data"].name, read["params"])
        again = _again(folder, {"sets": (), "device": None})
        place = {"folder": folder, "seconds": checkpoint_seconds, "again": again}
        training = _training(**read, **place, resumed=False)
        create_run(folder, training.config())
        with RunLock(folder) as held:
            facts = run(training, held)
    emit(facts, as_json=as_json, text=_text(facts))


def _read(config, sets, *, top, source):
    """Return the training set, its files, the parameters and the source to record."""
    from ..datasets import check_training, load_dataset
    from .config import absolute_source, refuse_views, resolve

    params, source = resolve(config, sets, top=top, source=source)
    data = load_dataset(**source)
    training, files, source = data.training(), data.files, absolute_source(data.source)
    del data  # from here on no data of unseen classes or test samples can be reached
    check_training(training)
    refuse_views(params["preset"], training.prototypes)
    for line in (*training.notes, f"preset: {params['preset']}"):
        note(f"note: {line}")
    return {"data": training, "files": files, "params": params, "source": source}


def _training(*, params, **others):
    """Return the training of the preset's kind of model."""
    from ..settings import BEST
    from .train_single import SingleTraining
    from .train_stack import StackTraining

    kind = StackTraining if params["preset"] == BEST else SingleTraining
    return kind(params=params, **others)


def _refuse_other_device(config, params):
    """ValueError if a run of preset best is to go on elsewhere: its pieces belong together."""
    from ..runs.config import read_config
    from ..settings import BEST

    began, device = read_config(config)[0].get("device", "cpu"), params.get("device", "cpu")
    if params["preset"] == BEST and device != began:
        raise InputError(
            f"--device {device} would mix pieces of two devices, as the run began on {began}; "
            "leave it out, or start a new run"
        )


def _refuse_with_resume(options):
    if options:
        names = ", ".join(options).replace("name_or_path", "DATASET")
        raise InputError(
            f"--resume takes all but --set and --device from the run folder; leave out {names}, "
            "or start a new run"
        )


def _again(resume, options):
    """Return the command that continues this one."""
    words = ["tinygzsl", "train", "--resume", str(resume)]
    words += ["--device", options["device"]] if options["device"] else []
    for pair in options["sets"]:
        words += ["--set", pair]
    return shlex.join(words)


def _default_folder(name, params):
    return Path("runs") / f"{name}-{params['preset']}-{params.get('seed', 0)}"


def _text(facts):
    lines = [f"trained in {facts['seconds']:.1f} s; run folder {facts['run']}"]
    lines += _of_stack(facts) if "experts" in facts else _of_single(facts)
    lines.append(f"next: tinygzsl evaluate {facts['run']}")
    return "\n".join(lines)


def _of_stack(facts):
    """Return lines with each expert's weights, and what the gate looks at."""
    width = max(len("expert"), *(len(expert["name"]) for expert in facts["experts"]))
    lines = [f"{'expert':{width}}  weight among seen  among unseen"]
    lines += [
        f"{expert['name']:{width}}  {expert['seen_weight']:17.3f}  {expert['unseen_weight']:12.3f}"
        for expert in facts["experts"]
    ]
    kinds = dict.fromkeys(name.split(" of ")[0] for name in facts["features"])
    return [*lines, f"the gate looks at: {', '.join(kinds)}"]


def _of_single(facts):
    """Return lines about the CWGAN and the gate."""
    lines = []
    if facts["cs_reference"]:
        looks = ", ".join(
            f"step {s['step']} (CS {s['cs']:.2f}, r {s['relative']:.2f})"
            for s in facts["snapshots"]
        )
        lines.append(f"CS of held-out real samples {facts['cs_reference']:.2f}; proxies of {looks}")
    used = facts["thresholds"] or {}
    if "median_seen" in used:
        lines.append(
            f"thresholds {used['delta_low']:.3f} and {used['delta_high']:.3f} nats; median entropy "
            f"of held-out seen samples {used['median_seen']:.3f}, of fresh proxies "
            f"{used['median_proxy']:.3f}"
        )
    if facts["gate"]:
        pairs = zip(facts["gate"]["features"], facts["gate"]["weights"], strict=True)
        weighed = ", ".join(f"{name} {weight:+.2f}" for name, weight in pairs)
        lines.append(f"the gate looks at: {weighed} (weights of standardised features)")
    return lines
