"""The sections of a report about the learned gate: what it looks at, and a stack's experts."""

from __future__ import annotations

from typing import Any

from ..gates.learned import LearnedGate
from ..stacking.stack import StackedGZSL
from .charts import gate_chart
from .html import Html, element, paragraph, section, table
from .samples import Details, Model
from .svg_charts import draw

IN_WORDS = {
    "entropy": "entropy of the classifier of seen classes, as a share of ln S",
    "gap": "by how much the best seen class fits better than the best unseen one, in deviations of "
    "the scores",
    "neighbours": "minus the mean cosine with the nearest training samples",
}
SIGNS = (
    "Weights are for standardised features, so they can be compared. A positive weight means: the "
    "larger the feature, the more a sample looks like one of a seen class. With a negative weight "
    "it looks more like one of an unseen class. Features that say nearly the same share their "
    "evidence, sometimes with opposite signs."
)


def gate_section(model: Model, details: Details | None) -> Html:
    """How the learned gate separates the test samples, and what it looks at."""
    gate = model.decision_.gate
    pictures = [draw(gate_chart(details.theta))] if details and details.theta else []
    return section(
        "gate",
        "Gate",
        *pictures,
        _features(gate),
        _legend(gate),
        paragraph(SIGNS),
        _sum(model),
        *_choice(model),
    )


def _features(gate: LearnedGate) -> Html:
    found = zip(gate.features, gate.weights, gate.means, gate.deviations, strict=True)
    rows = [
        [name, f"{weight:+.3f}", f"{mean:.3f}", f"{deviation:.3f}"]
        for name, weight, mean, deviation in sorted(found, key=lambda row: -abs(row[1]))
    ]
    return table(
        ["feature", "weight", "mean", "deviation"],
        rows,
        caption="What the gate looks at, the largest weight first",
    )


def _legend(gate: LearnedGate) -> Html:
    kinds = dict.fromkeys(name.partition(" of ")[0] for name in gate.features)
    return element("ul", *(element("li", f"{kind}: {IN_WORDS[kind]}") for kind in kinds))


def _sum(model: Model) -> Html:
    gate = model.decision_.gate
    if isinstance(model, StackedGZSL):
        numbers = model.fold_unseen_
    else:
        numbers = model.settings_.router_fold_unseen
    few, many = min(numbers, default=0), max(numbers, default=0)
    fitted = f" with {few if few == many else f'{few} to {many}'} pseudo-unseen classes"
    return paragraph(
        f"g is the weighted sum of the standardised features plus {gate.intercept:.3g}, and θ = κ "
        f"g - o with κ = {gate.kappa:g} and o = {gate.offset:.3g}. All this was fitted on folds of "
        f"the training samples{fitted if numbers else ''}."
    )


def _choice(model: Model) -> list[Html]:
    """Return a table of what a stack's folds have chosen between."""
    if not isinstance(model, StackedGZSL) or len(model.held_out_h_) < 2:
        return []
    rows = [
        [", ".join(kinds), f"{sum(h) / len(h):.3f}", f"{min(h):.3f} to {max(h):.3f}"]
        for kinds, h in model.held_out_h_.items()
    ]
    caption = "H of the folds, each with a decision fitted on the others"
    return [table(["features", "mean", "range"], rows, caption=caption)]


def experts_section(model: StackedGZSL, details: Details | None) -> Html:
    """The experts of a stack: their weights, whether they are strict, their own accuracies."""
    views = model.views_ if len(model.views_) > 1 else ()
    headers = ["expert", *(["view"] if views else []), "strict"]
    headers += ["weight, unseen", "weight, seen"]
    own = details.experts if details else {}
    headers += ["zero-shot", "supervised"] if own else []
    decision, rows = model.decision_, []
    weights = zip(decision.unseen_weights, decision.seen_weights, strict=True)
    for (name, expert), (w, v) in zip(model.experts_.items(), weights, strict=True):
        row: list[Any] = [name, *([_view(name, views)] if views else []), _strict(expert)]
        row += [_weight(w), _weight(v)]
        row += [f"{own[name].zsl:.3f}", f"{own[name].supervised:.3f}"] if own else []
        rows.append(row)
    notes = (
        "A weight multiplies an expert's scores among unseen or among seen classes. Folds of the "
        "training samples chose it. An expert whose weight is 0 says nothing there, but the gate "
        "may look at it."
    )
    if own:
        notes += (
            " Zero-shot is its own accuracy of unseen test samples among unseen classes, "
            "supervised that of seen ones among seen classes."
        )
    return section(
        "experts", "Experts", table(headers, rows, caption="The experts"), paragraph(notes)
    )


def _view(name: str, views: tuple[str, ...]) -> str:
    return next((view for view in views if name.endswith(f", {view}")), "")


def _strict(expert: Any) -> Html | str:
    return "yes" if getattr(expert, "strict", True) else element("strong", "no")


def _weight(value: float) -> str:
    return "0" if value == 0 else f"{value:.3f}"
