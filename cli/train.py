"""`tinygzsl train`: from a dataset to a run folder."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from .common import emit, errors_as_sentences, json_option, note, source_options


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
@click.option("--resume", metavar="RUN", help="Continue an interrupted run in its folder.")
@json_option
@errors_as_sentences
def train(dataset, resume, out, as_json, **options):
    """Train on a dataset and write a run folder.

    DATASET is a name (letters, awa1, cub, ...), an .npz file or a folder. Looks at training samples
    of seen classes and at their prototypes only. The run folder gets the model, the effective
    configuration, curves, checksums and checkpoints.
    """
    from ..datasets import check_training, load_dataset
    from ..runs import CONFIG, create_run

    if resume:
        _refuse_with_resume(dataset=dataset, out=out, **options)
        options["config"] = str(Path(resume) / CONFIG)
    params, source = _plan(dataset, options)
    data = load_dataset(**source)
    training, files, source = data.training(), data.files, _absolute(data.source)
    del data  # from here on nothing of an unseen class or of a test sample is reachable
    check_training(training)
    folder = Path(resume) if resume else create_run(out or _default_folder(training.name, params))
    for line in training.notes:
        note(f"note: {line}")
    try:
        facts = _train_into(folder, training, files, params, source)
    except KeyboardInterrupt:
        note(f"\nstopped; continue with: tinygzsl train --resume {folder}")
        raise
    except Exception:
        _remove_if_nothing_was_trained(folder)
        raise
    emit(facts, as_json, _text(facts))


def _plan(dataset, options):
    from .config import TOP, resolve

    top = {name: options[name] for name in TOP}
    source = {name: options[name] for name in ("root", "split")} | {"name_or_path": dataset}
    if options["prototypes"] != "att":
        source["prototypes"] = options["prototypes"]
    return resolve(options["config"], options["sets"], top, source)


def _refuse_with_resume(**options):
    given = [k for k, v in options.items() if v and (k, v) != ("prototypes", "att")]
    if given:
        raise ValueError(
            f"--resume takes everything from the run folder; leave out {', '.join(given)}"
        )


def _absolute(source):
    """The source with absolute paths, so that the run folder works from anywhere."""
    source, name = dict(source), source["name_or_path"]
    base = Path(source.get("root") or ".")
    if source.get("root"):
        source["root"] = str(base.resolve())
    elif Path(name).exists():
        source["name_or_path"] = str(Path(name).resolve())
    return source


def _default_folder(name, params):
    return Path("runs") / f"{name}-{params['preset']}-{params.get('seed', 0)}"


def _train_into(folder, training, files, params, source):
    from .. import EntropySeparationGZSL
    from ..persist import GanCheckpoint
    from ..presets import settings_for
    from ..runs import CHECKPOINT, CONFIG, config_text, fingerprint, write_text
    from .progress import Progress

    started, clock = datetime.now(UTC), time.monotonic()
    model = EntropySeparationGZSL(**params)
    settings = settings_for(model.preset, model._overrides())
    top = {name: getattr(model, name) for name in ("preset", "seed", "device", "dtype")}
    write_text(folder / CONFIG, config_text(top, source, settings))
    arrays = (training.X, training.y, training.prototypes)
    checkpoint = GanCheckpoint(
        folder / CHECKPOINT, fingerprint(*arrays, settings, model.seed, model.dtype)
    )
    with Progress() as model.callback:
        model.fit(*arrays, checkpoint=checkpoint)
    model.callback = None
    return _write_results(
        folder, model, files, source, fingerprint(*arrays), started, time.monotonic() - clock
    )


def _write_results(folder, model, files, source, training_sha256, started, seconds):
    from ..runs import (
        CONFIG,
        CURVES,
        MANIFEST,
        MODEL,
        environment,
        file_sha256,
        write_curves,
        write_json,
    )

    model.save(folder / MODEL)
    write_curves(folder / CURVES, model)
    manifest = {
        **environment(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "seed": model.seed,
        "device": model.device,
        "dtype": model.dtype,
        "preset": model.preset,
        "config": {"data": source, **model.settings_.sections()},
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
        "cs_reference": chosen and chosen.reference,
        "snapshots": [s.look._asdict() for s in chosen.snapshots] if chosen else [],
        "last_epoch": model.history_[-1],
    }


def _remove_if_nothing_was_trained(folder):
    """A run that failed before its first checkpoint leaves no folder in the way of the next."""
    from ..runs import CHECKPOINT, CONFIG

    if (folder / CHECKPOINT).exists():
        return
    with suppress(OSError):
        (folder / CONFIG).unlink(missing_ok=True)
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
    lines.append(f"next: tinygzsl evaluate {facts['run']}")
    return "\n".join(lines)
