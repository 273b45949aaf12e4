"""The sections of a report about test samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..metrics import ROUTES
from .charts import reliability_charts
from .html import Html, breakable, element, paragraph, section, table
from .samples import WORST, Details
from .svg_charts import draw, draw_routes
from .verdict import verdict

Names = Callable[[Any], str]  # from a label to the displayed name of its class
KINDS = ("seen", "unseen")
PLAIN = {
    "supervised": "accuracy of seen samples among seen classes",
    "zsl": "accuracy of unseen samples among unseen classes",
    "ausuc": "AUSUC of eq. 2's scores",
    "auroc": "AUROC of the entropy as detector of unseen samples",
    "fpr95": "share of seen samples flagged when 95% of the unseen are",
}
OF_GATE = {
    "auroc": "AUROC of the gate as detector of unseen samples",
    "fpr95": "share of seen samples flagged by the gate when 95% of the unseen are",
}
OF_STACK = {"ausuc": "AUSUC over all offsets of the gate"}
OWN_TABLES = ("S", "U", "H", "gzsl", "oracle", "entropy", "routes", "per_class", "n_test")


def headline(metrics: dict[str, Any]) -> Html:
    """S, U, H and AUROC in large figures."""
    shown = {
        "S": "S, seen classes",
        "U": "U, unseen classes",
        "H": "H, harmonic mean",
        "auroc": "AUROC of the entropy",
    }
    figures = {title: metrics[key] for key, title in shown.items() if key in metrics}
    if "gate" in metrics:
        figures["AUROC of the gate"] = metrics["gate"]["auroc"]
    boxes = [
        element("div", element("dt", title), element("dd", f"{value:.3f}"))
        for title, value in figures.items()
    ]
    return element("dl", *boxes, class_="headline")


def figures_section(metrics: dict[str, Any], gate: str) -> Html:
    """All figures of metrics.json, including those that later versions add."""
    router = "router (eq. 10)" if gate == "hard" else f"router ({gate} gate)"
    rows = [(router, metrics), ("eq. 2 for every sample", metrics.get("gzsl"))]
    oracle, shifted = metrics.get("oracle"), metrics.get("oracle_offset")
    if oracle:
        best = f"best threshold, {oracle['threshold']:.2f} nats: chosen on the test set"
        rows.append((best, oracle))
    if shifted:
        best = f"best offset of the gate, {shifted['offset']:.2f}: chosen on the test set"
        rows.append((best, shifted))
    accuracy = [[name, *(f"{m[k]:.3f}" for k in ("S", "U", "H"))] for name, m in rows if m]
    plain = PLAIN | OF_STACK if "gate" in metrics and "gzsl" not in metrics else PLAIN
    single = [[title, f"{metrics[key]:.3f}"] for key, title in plain.items() if key in metrics]
    single += [[OF_GATE[key], f"{value:.3f}"] for key, value in metrics.get("gate", {}).items()]
    for kind, value in metrics.get("entropy", {}).items():
        title = "highest possible entropy, ln S" if kind == "max" else f"mean entropy, {kind}"
        single.append([title, f"{value:.2f} nats"])
    single += [[f"{kind} test samples", n] for kind, n in metrics.get("n_test", {}).items()]
    single += [
        [key, f"{value:.4g}"]
        for key, value in metrics.items()
        if key not in (*PLAIN, *OWN_TABLES) and isinstance(value, int | float)
    ]
    oracles = (
        "The best threshold is an oracle, for analysis only: it has seen the true labels."
        if shifted is None
        else "The best threshold and the best offset are oracles, for analysis only: they have "
        "seen the true labels."
    )
    return section(
        "figures",
        "Figures",
        table(
            ["", "S", "U", "H"],
            accuracy,
            caption="Mean per-class accuracies and their harmonic mean",
        ),
        table(["figure", "value"], single, caption="All other figures"),
        paragraph(f"Accuracies are fractions. {oracles}"),
    )


def routes_section(routes: dict[str, Any]) -> Html:
    """Route shares as bars and as a table."""
    rows = [[f"{k} test samples", *(f"{routes[k][r]:.1%}" for r in ROUTES)] for k in KINDS]
    return section(
        "routes",
        "Routes",
        draw_routes(routes),
        table(["", *ROUTES], rows, caption="Share per route"),
    )


def reliability_section(calibration: dict[str, Any], gate: str) -> Html:
    """Whether score and gate are probabilities: a sentence and a diagram for each."""
    said = [
        paragraph(
            f"The {name} is {verdict(name, found)}. Its Brier score is {found['brier']:.3f}, its "
            f"ECE {found['ece']:.3f}; the ECE of a calibrated {name} is below "
            f"{found['ece_limit']:.3f} on these samples in 95 of 100 cases."
        )
        for name, found in calibration.items()
        if found is not None
    ]
    note = "Samples weigh as in S and U, and seen and unseen classes have half of the weight each."
    if gate == "hard":
        note += (
            " The score of eq. 10 counts the candidates of a sample's route only. Its gate is 1, "
            "0.5 or 0, and no probability."
        )
    pictures = [draw(chart) for chart in reliability_charts(calibration)]
    return section("reliability", "Is the score a probability?", *said, paragraph(note), *pictures)


def classes_section(per_class: dict[str, Any], counts: dict[str, int], *, name: Names) -> Html:
    """Accuracies of seen and of unseen classes, the lowest first."""
    tables = []
    for kind in KINDS:
        found = sorted(per_class[kind].items(), key=lambda item: item[1])
        rows = [
            [breakable(name(c)), counts.get(c, "?"), f"{value:.3f}", _bar(value)]
            for c, value in found
        ]
        headers = ["class", "samples", "accuracy", ""]
        made = table(
            headers, rows, caption=f"{len(rows)} {kind} classes, the lowest accuracy first"
        )
        tables.append(element("div", made, class_=kind))
    return section("classes", "Accuracy per class", element("div", *tables, class_="pair"))


def _bar(share: float) -> Html:
    inner = element("span", style=f"width:{share:.1%}")
    return element("span", inner, class_="bar", aria_hidden="true")


def confusion_section(details: Details, unseen: list[Any], *, name: Names) -> Html:
    """Predicted against true unseen classes, in percent, as a coloured table."""
    headers = ["true class", "samples", *range(1, len(unseen) + 1), "seen"]
    rows = []
    for i, (label, counts) in enumerate(zip(unseen, details.confusion, strict=True)):
        total = int(counts.sum())
        cells = [_heat(int(n), total, on_diagonal=j == i) for j, n in enumerate(counts)]
        title = element("span", f"{i + 1} {name(label)}", title=name(label))
        rows.append([title, total, *cells])
    caption = (
        "Labels of the test samples of unseen classes, in percent of a row. Columns have the "
        "numbers of the rows; the last one counts labels of seen classes. Empty: none."
    )
    made = table(headers, rows, caption=caption)
    heat = element("div", made, class_="heat")
    return section("confusion", "Confusion among unseen classes", heat)


def _heat(count: int, total: int, *, on_diagonal: bool) -> Html:
    share = count / total if total else 0.0
    shown = "" if count == 0 else "<1" if share < 0.005 else f"{100 * share:.0f}"
    return element(
        "td",
        shown,
        style=f"background:rgba(var(--heat),{0.6 * share:.2f})" if count else None,
        class_="self" if on_diagonal else None,
    )


def mistakes_section(details: Details, gate: str, *, name: Names) -> Html:
    """The wrongly labelled samples with the highest scores, per route."""
    rows = [
        [
            w.row,
            breakable(name(w.true)),
            breakable(name(w.predicted)),
            w.route,
            f"{w.entropy:.3g}",
            f"{w.score:.6f}",
        ]
        for w in details.wrong
    ]
    headers = ["row", "true class", "predicted", "route", "entropy (nats)", "score"]
    made = table(headers, rows, caption=f"At most {WORST} wrong samples of each route, by score")
    score = (
        "The score is the probability of the label among all classes."
        if gate != "hard"
        else "The score is the probability of the label among the candidates of its route, so "
        "scores of different routes don't compare."
    )
    note = "Row counts from 0 in the dataset's X_test, where samples of seen classes come first. "
    found = [made] if rows else [paragraph("No test sample was labelled wrongly.")]
    wide = element("div", *found, class_="wide words")
    return section("mistakes", "The most confidently wrong samples", wide, paragraph(note + score))
