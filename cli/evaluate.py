"""`tinygzsl evaluate`: the figures of a run on the test samples of its dataset."""

from pathlib import Path

import click

from ..errors import InputError
from .common import emit, errors_as_sentences, given, json_option, note, source_options, threaded


@click.command()
@click.argument("run")
@click.option("--data", "dataset", help="Dataset; by default the one the run was trained on.")
@source_options
@click.option("--device", help="cpu or cuda.  [default: the run's]")
@json_option
@errors_as_sentences
@threaded
def evaluate(run, dataset, root, split, prototypes, device, as_json):
    """Evaluate a run on its dataset's test samples.

    RUN is a folder made by `train`, or a model file, with --data; a file may hold a baseline too.
    Prints S, U and H; all figures of a run on its own dataset go to RUN/metrics.json.
    """
    from .. import evaluate as evaluate_model
    from .. import load_dataset, load_model
    from ..datasets.column_order import in_order_of
    from ..runs.folder import METRICS, MODEL
    from ..runs.manifest import check_model_file
    from ..storage.checksums import file_sha256, write_json
    from ..storage.output import try_place

    folder = Path(run) if not Path(run).is_file() else None
    path = folder / MODEL if folder else Path(run)
    model = load_model(path, device)
    if folder:
        check_model_file(folder)
    if folder and dataset is None:
        try_place(folder / METRICS)
    how = given({"root": root, "split": split, "prototypes": prototypes})
    source = (
        {"name_or_path": dataset, **how} if dataset is not None else _own_source(folder, run, how)
    )
    data, moved = in_order_of(model, load_dataset(**source))
    for line in moved:
        note(f"note: {line}")
    metrics = evaluate_model(model, data)
    metrics["model_sha256"] = file_sha256(path)
    metrics["inputs"] = {str(file): file_sha256(file) for file in data.files}
    if folder and dataset is None:
        _warn_if_changed(folder, metrics["inputs"])
        write_json(folder / METRICS, metrics)
        note(f"wrote {folder / METRICS}")
    emit(metrics, as_json=as_json, text=_text_for(model, metrics))


def _own_source(folder, run, how):
    """Return the arguments of load_dataset for the dataset that the run was trained on."""
    from ..runs.config import read_source
    from ..runs.folder import CONFIG

    if folder is None:
        raise InputError(f"{run} is a model file, which doesn't name a dataset; pass --data")
    if how:
        raise InputError(
            f"{', '.join(how)} would be ignored: a run is evaluated on its own dataset; name "
            "another one with --data"
        )
    return read_source(folder / CONFIG)


def _warn_if_changed(folder, inputs):
    """Print a warning if the dataset's files are not those that the run was trained on."""
    from ..runs.folder import MANIFEST
    from ..runs.manifest import read_manifest

    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else {}
    trained = manifest.get("inputs", inputs)
    if set(trained.values()) != set(inputs.values()):
        note("warning: the dataset's files are not those that the run was trained on")


def _text_for(model, metrics):
    """Return the figures of a model of any kind as text."""
    from ..baselines.common.base import Baseline
    from ..evaluation import gate_of
    from ..stacking.routed import RoutedGZSL

    if isinstance(model, Baseline):
        lines = _text_of_scores(metrics, model.title)
    else:
        scores = model.expert.title if isinstance(model, RoutedGZSL) else "eq. 2"
        lines = text(metrics, gate_of(model), scores=scores)
    if not getattr(model, "strict", True):
        lines += "\nnot strict: trained with the prototypes of the unseen classes"
    return lines


def _text_of_scores(metrics, title):
    """Return the figures of a method without a router as text."""
    lines = [f"{'':24}     S      U      H"]
    for name, m in (
        (f"{title}, offset {metrics['offset']:.3g}", metrics),
        ("offset 0", metrics["no_offset"]),
    ):
        lines.append(f"{name:24}{m['S']:6.3f} {m['U']:6.3f} {m['H']:6.3f}")
    return "\n".join([*lines, _of_kinds(metrics)])


def _of_kinds(metrics):
    return (
        f"supervised (seen only) {metrics['supervised']:.3f}, "
        f"zero-shot (unseen only) {metrics['zsl']:.3f}, AUSUC {metrics['ausuc']:.3f}"
    )


def text(metrics, gate, *, scores="eq. 2"):
    """Return the figures as text.

    gate is the router's, "hard", "soft" or "learned"; scores says whose scores label all samples
    without it, which a stack can't.
    """
    from ..report.verdict import verdict

    routes, entropy = metrics["routes"], metrics["entropy"]
    router = "router (eq. 10)" if gate == "hard" else f"router ({gate} gate)"
    rows = [(router, metrics)]
    if "gzsl" in metrics:
        rows.append((f"{scores} for every sample", metrics["gzsl"]))
    lines = [f"{'':24}     S      U      H"]
    lines += [f"{name:24}{m['S']:6.3f} {m['U']:6.3f} {m['H']:6.3f}" for name, m in rows]
    lines += [
        _of_kinds(metrics),
        *_of_detectors(metrics),
        "mean entropy (nats): "
        + ", ".join(f"{kind} {value:.2f}" for kind, value in entropy.items()),
    ]
    for kind in ("seen", "unseen"):
        shares = ", ".join(f"{name} {share:.1%}" for name, share in routes[kind].items())
        lines.append(f"{kind:6} test samples routed to {shares}")
    for name, found in metrics["calibration"].items():
        if found is not None:
            lines.append(
                f"{name}: Brier {found['brier']:.3f}, ECE {found['ece']:.3f} (if calibrated, below "
                f"{found['ece_limit']:.3f}); {verdict(name, found)}"
            )
    return "\n".join([*lines, *_of_oracles(metrics)])


def _of_detectors(metrics):
    """Return a line for each detector of unseen samples."""
    detectors = {"entropy": metrics} | ({"gate": metrics["gate"]} if "gate" in metrics else {})
    return [
        f"{name} as detector of unseen: AUROC {found['auroc']:.3f}, FPR at 95% TPR "
        f"{found['fpr95']:.3f}"
        for name, found in detectors.items()
    ]


def _of_oracles(metrics):
    """Return a line for each number that is chosen on the test set."""
    oracle, shifted = metrics["oracle"], metrics.get("oracle_offset")
    found = [f"best threshold {oracle['threshold']:.2f} nats gives H {oracle['H']:.3f}"]
    if shifted is not None:
        found.append(
            f"best offset of the gate {shifted['offset']:.2f} gives H {shifted['H']:.3f} "
            f"(S {shifted['S']:.3f}, U {shifted['U']:.3f})"
        )
    return [f"for analysis only, chosen on the test set: {line}" for line in found]
