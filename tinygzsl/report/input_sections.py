"""The sections of a report about a run's inputs: dataset, split, environment, settings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..datasets import Dataset
from ..datasets.views import widths
from ..estimator import EntropySeparationGZSL
from ..gates.units import thresholds
from ..runs.load import Run
from ..settings import PRESETS, Settings, settings_for
from ..stacking.stack import StackedGZSL
from .html import Html, element, paragraph, section, table

NOT_SHOWN = ("experts", "callback")  # they have tables of their own, or are no setting
FACTS = ("started", "seconds", "device", "dtype", "seed", "threads", "cores", "platform", "commit")


def settings_section(run: Run) -> Html:
    """The settings that differ from the preset, then all of them."""
    if isinstance(run.model, StackedGZSL):
        return _stack_section(run.model)
    settings = run.model.settings_
    preset = str(run.manifest.get("preset", run.model.preset))
    base = settings_for(preset) if preset in PRESETS else Settings()
    named = preset if preset in PRESETS else "paper"
    usual = asdict(base)
    changed = [
        [_dotted(key), _shown(value), _shown(usual[key])]
        for key, value in asdict(settings).items()
        if value != usual[key]
    ]
    first = (
        table(
            ["setting", "this run", named],
            changed,
            caption=f"Settings that differ from preset {named}",
        )
        if changed
        else paragraph(f"No setting differs from preset {named}.")
    )
    groups = [
        table(
            ["setting", "value"], [[k, _shown(v)] for k, v in values.items()], caption=f"[{group}]"
        )
        for group, values in settings.sections().items()
    ]
    return section(
        "settings",
        "Configuration",
        paragraph("Preset ", element("strong", preset), ". Entropies are in nats."),
        first,
        *_measured(run.model),
        element("h3", "All settings"),
        element("div", *groups, class_="many words"),
    )


def _stack_section(model: StackedGZSL) -> Html:
    """The parameters of a stack, and those of its experts that are not None."""
    tables = []
    for name, expert in {"The stack": model, **model.experts_}.items():
        params = expert.get_params().items()
        rows = [[k, _shown(v)] for k, v in params if v is not None and k not in NOT_SHOWN]
        tables.append(table(["parameter", "value"], rows, caption=name))
    return section("settings", "Configuration", element("div", *tables, class_="many words"))


def _measured(model: EntropySeparationGZSL) -> list[Html]:
    """Return the thresholds in nats if the settings give positions on a measured scale."""
    used = thresholds(model.routing_, model.entropy_scale_)
    if used is None or "median_seen" not in used:
        return []
    low, high, seen, proxy = (f"{value:.3f}" for value in used.values())
    return [
        paragraph(
            f"With router.unit = measured the thresholds came to {low} and {high} nats: position "
            f"0 is the median entropy of seen samples kept out of training, {seen}, and position "
            f"1 that of fresh proxies, {proxy}."
        )
    ]


def data_section(run: Run, data: Dataset | None, *, metrics: dict[str, Any] | None) -> Html:
    """Dataset and split: from the manifest, and from the dataset if it was loaded."""
    config = _mapping(run.manifest.get("config"))
    source = _mapping(config.get("data")) or run.source
    rows = [[_spaced(k), v] for k, v in source.items() if v is not None]
    if data is not None:
        rows += _counts(data)
    else:
        rows += [["features", run.model.n_features_in_], ["seen classes", len(run.model.classes_)]]
        tested = (metrics or {}).get("n_test", {})
        rows += [[f"{kind} test samples", n] for kind, n in tested.items()]
    inputs = _mapping(run.manifest.get("inputs"))
    files = [[Path(name).name, _checksum(value)] for name, value in inputs.items()]
    notes = [element("li", note) for note in data.notes] if data is not None else []
    return section(
        "data",
        "Dataset and split",
        element("div", table(["", "value"], rows, caption="Trained on"), class_="words"),
        *([element("ul", *notes)] if notes else []),
        element(
            "div",
            table(["file", "SHA-256"], files, caption="Input files of the training"),
            class_="words",
        ),
    )


def environment_section(run: Run) -> Html:
    """Seed, device, versions and checksums, from the manifest."""
    rows = [[_spaced(k), run.manifest[k]] for k in FACTS if run.manifest.get(k) is not None]
    versions = _mapping(run.manifest.get("versions"))
    rows += [[name, value] for name, value in versions.items() if value is not None]
    outputs = _mapping(run.manifest.get("outputs"))
    rows += [[name, _checksum(value)] for name, value in outputs.items()]
    made = table(
        ["", "value"],
        rows,
        caption="How the run was made; checksums are the first 16 digits of SHA-256",
    )
    return section("environment", "Environment", element("div", made, class_="words"))


def _counts(data: Dataset) -> list[list[Any]]:
    n_seen = len(data.y_test_seen)
    return [
        ["training samples", len(data.y_train)],
        ["test samples of seen classes", n_seen],
        ["test samples of unseen classes", len(data.y_test) - n_seen],
        ["seen classes", len(data.seen_classes)],
        ["unseen classes", len(data.unseen_classes)],
        ["features", data.n_features],
        ["attributes", widths(data.seen_prototypes)],
    ]


def _mapping(value: Any) -> dict[str, Any]:
    """Return the value if it is a JSON object, else {}; missing entries aren't shown."""
    return value if isinstance(value, dict) else {}


def _dotted(name: str) -> str:
    return name.replace("_", ".", 1)


def _spaced(name: str) -> str:
    return str(name).replace("_", " ")


def _shown(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _checksum(value: Any) -> str:
    return str(value)[:16]
