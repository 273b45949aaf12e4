"""`tinygzsl train`: from a dataset to a run folder."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from .common import emit, errors_as_sentences, given, json_option, note, source_options, threaded


@click.command()
@click.argument("dataset", required=False)
@source_options
@click.option("--preset", help="Named settings; see `tinygzsl info`.  [default: paper]")
@click.option("--config", help="TOML file with settings, like a run folder's config.toml.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="One setting: gan.lr=1e-4.")
@click.option("--seed", type=int, help="Seed of everything random.  [default: 0]")
@click.option("--device", help="cpu or cuda.  [default: cpu]")
@click.option("--dtype", help="float32 or float64.  [default: float32]")
@click.option("--out", help="Run folder to make.  [default: runs/DATASET-PRESET-SEED]")
@click.option(
    "--resume", metavar="RUN", help="Continue an interrupted run, here or on another --device."
)
@json_option
@errors_as_sentences
@threaded
def train(dataset, resume, out, as_json, **options):
    """Train on a dataset and write a run folder.

    DATASET is a name (letters, awa1, cub, ...), an .npz file or a folder. Looks at training samples
    of seen classes and at their prototypes only. The run folder gets the model, the effective
    configuration, curves, checksums and checkpoints.
    """
    from ..datasets import check_training, load_dataset
    from ..runs import CONFIG, create_run
    from .config import SOURCE, TOP, resolve

    source = given({"name_or_path": dataset, **{k: options[k] for k in SOURCE[1:]}})
    top = given({name: options[name] for name in TOP})
    if resume:
        others = {k: v for k, v in top.items() if k != "device"}
        _refuse_with_resume(given({"out": out, "config": options["config"], **source, **others}))
        options["config"] = str(Path(resume) / CONFIG)
    params, source = resolve(options["config"], options["sets"], top, source)
    data = load_dataset(**source)
    training, files, source = data.training(), data.files, _absolute(data.source)
    del data  # from here on nothing of an unseen class or of a test sample is reachable
    check_training(training)
    folder = Path(resume) if resume else create_run(out or _default_folder(training.name, params))
    for line in (*training.notes, f"preset: {params['preset']}"):
        note(f"note: {line}")
    if params["preset"] == "auto":
        params = _tuned(folder, params, training)
    try:
        facts = _train_into(folder, training, files, params, source, bool(resume))
    except KeyboardInterrupt:
        note(f"\nstopped; continue with: tinygzsl train --resume {folder}")
        raise
    except Exception as error:
        _leave(folder, _next_options(error, params.get("device")))
        raise
    emit(facts, as_json, _text(facts))


def _tuned(folder, params, training):
    """The parameters that a search on the training samples finds: the run then needs no other."""
    from .. import EntropySeparationGZSL
    from ..auto import tuned
    from ..runs import TRIALS, write_text
    from ..tuning import trials_csv
    from .progress import Progress

    try:
        with Progress() as callback:
            model = EntropySeparationGZSL(**params, callback=callback)
            preset, settings, found = tuned(model, training)
        write_text(folder / TRIALS, trials_csv(found.trials))
    except BaseException:
        _leave(folder, "")
        raise
    return {**params, **settings, "preset": preset}


def _refuse_with_resume(options):
    if options:
        names = ", ".join(options).replace("name_or_path", "DATASET")
        raise ValueError(
            f"--resume takes all but --set and --device from the run folder; leave out {names}, "
            "or train anew"
        )


def _absolute(source):
    """The source with absolute paths, so that the run folder works from anywhere."""
    from ..datasets.find import FOLDERS

    name, base = source["name_or_path"], Path(source.get("root") or ".")
    if name.casefold() == "letters":
        return source
    if name.casefold() in FOLDERS:
        return {**source, "root": str(base.resolve())}
    return {**source, "name_or_path": str((base / name).resolve()), "root": None}


def _default_folder(name, params):
    return Path("runs") / f"{name}-{params['preset']}-{params.get('seed', 0)}"


def _train_into(folder, training, files, params, source, resumed):
    from .. import EntropySeparationGZSL
    from ..checkpoint import GanCheckpoint
    from ..presets import settings_for
    from ..runs import CHECKPOINT, CONFIG, config_text, fingerprint, gan_settings, write_text
    from .progress import Progress

    started, clock = datetime.now(UTC), time.monotonic()
    model = EntropySeparationGZSL(**params)
    settings = settings_for(model.preset, model._overrides())
    top = {name: getattr(model, name) for name in ("preset", "seed", "device", "dtype")}
    config = config_text(top, source, settings)
    if not resumed:  # else only once the checkpoint has been found to belong to it
        write_text(folder / CONFIG, config)
    arrays = (training.X, training.y, training.prototypes)
    checkpoint = GanCheckpoint(
        folder / CHECKPOINT, fingerprint(*arrays, gan_settings(settings), model.seed, model.dtype)
    )
    with Progress() as model.callback:
        model.fit(*arrays, checkpoint=checkpoint)
    model.callback = None
    write_text(folder / CONFIG, config)
    return _write_results(
        folder, model, files, source, fingerprint(*arrays), started, time.monotonic() - clock
    )


def _write_results(folder, model, files, source, training_sha256, started, seconds):
    from ..recalibration import thresholds
    from ..runs import (
        CONFIG,
        CURVES,
        MANIFEST,
        MODEL,
        environment,
        file_sha256,
        write_curves,
    )
    from ..sealed import write_json

    model.save(folder / MODEL)
    write_curves(folder / CURVES, model)
    manifest = {
        **environment(model.device),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "seed": model.seed,
        "device": model.device,
        "dtype": model.dtype,
        "preset": model.preset,
        "config": {"data": source, **model.settings_.sections()},
        "thresholds": thresholds(model),
        "inputs": {str(path): file_sha256(path) for path in files},
        "training_sha256": training_sha256,
        "outputs": {name: file_sha256(folder / name) for name in (MODEL, CONFIG, CURVES)},
    }
    write_json(folder / MANIFEST, manifest)
    chosen = model.proxy_source_
    return {
        "run": str(folder),
        "seconds": manifest["seconds"],
        "model_sha256": manifest["outputs"][MODEL],
        "thresholds": manifest["thresholds"],
        "cs_reference": chosen and chosen.reference,
        "snapshots": [s.look._asdict() for s in chosen.snapshots] if chosen else [],
        "last_epoch": model.history_[-1],
    }


def _next_options(error, device):
    """What to change when the run goes on: the device, where the GPU failed, else the epochs."""
    if device == "cuda" and isinstance(error, MemoryError | RuntimeError):
        return "--device cpu"
    return "--set gan.max_epochs=N"


def _leave(folder, options):
    """After a failure: a run without a checkpoint leaves no folder in the way of the next one."""
    from ..runs import CHECKPOINT, CONFIG, TRIALS

    if (folder / CHECKPOINT).exists():
        note(f"kept the CWGAN: tinygzsl train --resume {folder} {options} goes on")
        return
    with suppress(OSError):
        for name in (CONFIG, TRIALS):
            (folder / name).unlink(missing_ok=True)
        (folder / CHECKPOINT).parent.rmdir()
        folder.rmdir()


def _text(facts):
    lines = [f"trained in {facts['seconds']:.1f} s; run folder {facts['run']}"]
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
    lines.append(f"next: tinygzsl evaluate {facts['run']}")
    return "\n".join(lines)
