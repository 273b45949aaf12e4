"""`tinygzsl report`: one self-contained HTML page about a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..datasets import Dataset, load_dataset
from ..datasets.column_order import in_order_of
from ..estimator import EntropySeparationGZSL
from ..evaluation import evaluate, gate_of
from ..runs.load import Run
from ..stacking.stack import StackedGZSL
from ..storage.checksums import file_sha256
from ..text import one_line
from .charts import entropy_chart, score_chart
from .gate_sections import experts_section, gate_section
from .html import Html, element, page, paragraph, section
from .input_sections import data_section, environment_section, settings_section
from .result_sections import (
    classes_section,
    confusion_section,
    figures_section,
    headline,
    mistakes_section,
    reliability_section,
    routes_section,
)
from .samples import Details, inspect_samples
from .svg_charts import draw
from .warnings import find_warnings

REPORT = "report.html"
NEEDED = (
    *("S", "U", "H", "auroc", "oracle", "entropy", "routes", "per_class", "calibration"),
    "n_test",
)


class Content(NamedTuple):
    """The content of a report.

    data and details are None if the test samples were not used; notices then give the reason.
    metrics is None for a run that was not evaluated.
    """

    run: Run
    data: Dataset | None
    metrics: dict[str, Any] | None
    details: Details | None
    notices: list[str]


def gather(run: Run, source: dict[str, Any] | None = None) -> Content:
    """Collect the content of a report from the run and the test samples of its dataset.

    Test samples of a run that was not evaluated are not used, unless a source is given. If the
    run's dataset can't be loaded, only metrics.json is used.

    Parameters
    ----------
    run : Run
    source : dict, optional
        Arguments of load_dataset, for another dataset than the run's own.

    Returns
    -------
    Content

    Raises
    ------
    ValueError
        If a dataset doesn't belong to the model. Errors of load_dataset are raised for a source.
    """
    if source:
        data, metrics = load_dataset(**source), {}
        where = ", ".join(str(v) for v in source.values())
        notices = [f"All figures are of another dataset than the run's own: {where}."]
    elif run.metrics is None:
        untouched = (
            "This run has not been evaluated, so its test samples were not used. "
            f"`tinygzsl evaluate {run.folder}` does it; then write the report again."
        )
        return Content(run=run, data=None, metrics=None, details=None, notices=[untouched])
    else:
        try:
            data = load_dataset(**run.source)
        except OSError as error:
            gone = f"Histogram, confusion and single samples are left out: {error}."
            return Content(run=run, data=None, metrics=run.metrics, details=None, notices=[gone])
        metrics, notices = run.metrics, _changed(run.metrics, data)
    data, moved = in_order_of(run.model, data)
    notices += [f"Of the dataset {note}." for note in moved]
    if any(key not in metrics for key in _needed(run)):
        metrics = {**evaluate(run.model, data), **metrics}
    return Content(
        run=run,
        data=data,
        metrics=metrics,
        details=inspect_samples(run.model, data),
        notices=notices,
    )


def _needed(run: Run) -> tuple[str, ...]:
    """Return the keys of `evaluate` that the page shows."""
    of_gate = ("gate", "oracle_offset") if gate_of(run.model) == "learned" else ()
    return (*NEEDED, *of_gate, *(() if run.single is None else ("gzsl",)))


def _changed(metrics: dict[str, Any], data: Dataset) -> list[str]:
    """Return a notice if the dataset's files are not those that were evaluated."""
    then = metrics.get("inputs")
    if then is None or set(then.values()) == set(map(file_sha256, data.files)):
        return []
    return [
        "The dataset's files have changed since the run was evaluated: the figures are of the old "
        "files, histogram, confusion and single samples of the new ones. Evaluate again."
    ]


def written_page(content: Content) -> tuple[str, list[str]]:
    """Return the page, the same text for the same content, and the warnings on it.

    Parameters
    ----------
    content : Content
        See gather.

    Returns
    -------
    page : str
    warnings : list of str
    """
    name = _names(content.data)
    found = find_warnings(content.run, content.metrics, name=name)
    return report_html(content, found, name=name), found


def report_html(content: Content, warnings: list[str], *, name: Callable[[Any], str]) -> str:
    """Return the page as text; name(label) is a class's displayed name."""
    run, data, metrics, details, notices = content
    title, gate = f"Run {run.folder.resolve().name}", gate_of(run.model)
    sections = {"warnings": _warnings(warnings)}
    if metrics is not None:
        sections["figures"] = figures_section(metrics, gate)
    if gate == "learned":
        sections["gate"] = gate_section(run.model, details)
    if isinstance(run.model, StackedGZSL):
        sections["experts"] = experts_section(run.model, details)
    if details is not None:
        sections["entropy"] = _entropy_section(run, details)
    if metrics is not None and "routes" in metrics:
        sections["routes"] = routes_section(metrics["routes"])
    if metrics is not None and "calibration" in metrics:
        sections["reliability"] = reliability_section(metrics["calibration"], gate)
    if run.single is not None:
        sections["score"] = _score_section(run.single)
    if metrics is not None and "per_class" in metrics:
        counts = details.counts if details else {}
        sections["classes"] = classes_section(metrics["per_class"], counts, name=name)
    if details is not None and data is not None:
        unseen = data.unseen_classes.tolist()
        sections["confusion"] = confusion_section(details, unseen, name=name)
        sections["mistakes"] = mistakes_section(details, gate, name=name)
    sections["data"] = data_section(run, data, metrics=metrics)
    sections["settings"] = settings_section(run)
    sections["environment"] = environment_section(run)
    head = [element("h1", title), _subtitle(run), *(paragraph(n) for n in notices)]
    head += [_navigation(sections), *([headline(metrics)] if metrics else [])]
    return page(f"{title} - tinygzsl", Html("\n".join([*head, *sections.values()])))


def _names(data: Dataset | None) -> Callable[[Any], str]:
    """Return a function from a label to the displayed name: name and label, or the label alone."""
    known = {str(k): str(v) for k, v in data.class_names.items()} if data is not None else {}

    def name(label: Any) -> str:
        label = str(label)
        called = f"{known[label]} ({label})" if known.get(label, label) != label else label
        return one_line(called)

    return name


def _subtitle(run: Run) -> Html:
    manifest = run.manifest
    source = run.source.get("name_or_path", "a dataset")
    facts = [f"{key} {manifest[key]}" for key in ("preset", "seed", "device") if key in manifest]
    return element("p", ", ".join([str(source), *facts]), class_="soft")


NAVIGATION = {
    "warnings": "Warnings",
    "figures": "Figures",
    "gate": "Gate",
    "experts": "Experts",
    "entropy": "Entropy",
    "routes": "Routes",
    "reliability": "Reliability",
    "score": "Confidence score",
    "classes": "Classes",
    "confusion": "Confusion",
    "mistakes": "Mistakes",
    "data": "Dataset",
    "settings": "Configuration",
    "environment": "Environment",
}


def _navigation(sections: dict[str, Html]) -> Html:
    links = [element("li", element("a", NAVIGATION[n], href=f"#{n}")) for n in sections]
    return element("nav", element("ul", *links), aria_label="Sections")


def _warnings(found: list[str]) -> Html:
    if not found:
        return section("warnings", "Warnings", paragraph("None."))
    items = element("ul", *(element("li", w) for w in found), class_="warnings")
    return section("warnings", "Warnings", items)


def _entropy_section(run: Run, details: Details) -> Html:
    return section("entropy", "Entropy", draw(entropy_chart(run, details.histogram)))


def _score_section(model: EntropySeparationGZSL) -> Html:
    source = model.proxy_source_
    if source is None:
        note = "The run has no CWGAN (vsmm.weight_es = 0), hence no proxies and no such score."
        return section("score", "Confidence score", paragraph(note))
    chart = score_chart(source, model.settings_)
    return section("score", "Confidence score", draw(chart))
