"""`tinygzsl demo`: what the router, entropy separation and the learned gate do on letters."""

import time
from copy import copy
from dataclasses import replace
from typing import Any

import click

from .common import emit, errors_as_sentences, json_option, note, threaded

FEATURES = ("entropy", "gap", "neighbours")  # the folds of letters prefer them
EFFECTS = (  # what is added, the row without it and the row with it
    ("the router", "baseline", "router"),
    ("entropy separation", "router", "separation"),
    ("the learned gate", "router", "learned"),
)
BINS = 24
LEVELS = (0.025, 0.975)  # quantiles of differences: a 95% interval


@click.command()
@click.option("--seed", default=0, show_default=True, help="Seed of all random numbers.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@json_option
@errors_as_sentences
@threaded
def demo(seed, device, as_json):
    """Train on 20 letters, predict 6 unseen ones too, and show what helps.

    Prints the figures of (a) the paper's baseline, eq. 2 for every sample, (b) the router of
    eq. 10, (c) this router with entropy separation, (d) the learned gate. (a), (b) and (d) are the
    same networks, trained without entropy separation.
    """
    from .. import EntropySeparationGZSL, load_dataset
    from .demo_text import text
    from .progress import Progress

    started = time.monotonic()
    data = load_dataset("letters")
    training = data.training()
    X, y, prototypes = training.X, training.y, training.prototypes
    note(f"letters (UCI Letter Recognition, CC BY 4.0): {data!r}")
    with Progress() as progress:
        common: dict[str, Any] = {
            "preset": "letters",
            "seed": seed,
            "device": device,
            "callback": progress,
        }
        gate: dict[str, Any] = {"router_gate": "learned", "router_features": FEATURES}
        learned = EntropySeparationGZSL(**common, **gate, vsmm_weight_es=0.0)
        learned.fit(X, y, prototypes)
        separated = EntropySeparationGZSL(**common).fit(X, y, prototypes)
    facts = {"seed": seed, **measure(learned, separated, data)}
    facts["seconds"] = round(time.monotonic() - started, 1)
    emit(facts, as_json=as_json, text=text(facts))


def measure(learned, separated, data):
    """Return the figures of the four rows, what each step adds, and the histograms.

    learned has no entropy separation, so rows (a) and (b) are its networks too.
    """
    import numpy as np

    from .. import evaluate
    from ..evaluation import PROXIES, decided_by

    models = {"router": by_eq_10(learned), "separation": separated, "learned": learned}
    rows = {name: evaluate(model, data) for name, model in models.items()}
    rows = {"baseline": rows["router"]["gzsl"], **rows}
    proxies = separated.sample_proxies(PROXIES)
    rows["router"]["entropy"]["proxy"] = float(learned.entropy(proxies).mean())
    of_unseen = -decided_by(learned, data).theta
    low, high = np.quantile(of_unseen, (0.01, 0.99)).tolist()
    ranges = {"router": [0.0, rows["router"]["entropy"]["max"]], "learned": [low, high]}
    is_seen = np.isin(data.y_test, data.seen_classes)
    values = {"router": learned.entropy(data.X_test), "learned": of_unseen}
    settings, source = learned.settings_, separated.proxy_source_
    return {
        **rows,
        "effects": effects(models, rows, data),
        "thresholds": [settings.router_delta_low, settings.router_delta_high],
        "gate_features": list(settings.router_features),
        "gate_folds": len(settings.router_fold_unseen),
        "cs_reference": source.reference,
        "snapshots": [s.look._asdict() for s in source.snapshots],
        "ranges": ranges,
        "histograms": {
            name: {
                "seen": _shares(values[name][is_seen], ranges[name]),
                "unseen": _shares(values[name][~is_seen], ranges[name]),
            }
            for name in ranges
        },
    }


def by_eq_10(model):
    """Return the networks of a model with the learned gate behind the router of eq. 10."""
    other = copy(model)
    other.settings_ = replace(model.settings_, router_gate="hard")
    return other


def effects(models, rows, data):
    """Return the difference in H that each step makes, and its 95% interval.

    The interval is over drawings of the test samples, the same for all rows.
    """
    import numpy as np

    from ..comparison.differences import resampled_h

    labels = {
        name: model.route(data.X_test, data.unseen_prototypes, data.unseen_classes).label
        for name, model in models.items()
    }
    classes = np.concatenate([data.seen_classes, data.unseen_classes])
    f = models["router"].compatibility(data.X_test, data.unseen_prototypes)
    labels["baseline"] = classes[f.argmax(axis=1)]  # eq. 2
    correct = np.stack([label == data.y_test for label in labels.values()], axis=1)
    drawn = resampled_h(correct, data.y_test, np.isin(data.y_test, data.seen_classes))
    h = dict(zip(labels, drawn.T, strict=True))
    found = []
    for what, without, with_it in EFFECTS:
        low, high = np.quantile(h[with_it] - h[without], LEVELS).tolist()
        found.append(
            {
                "what": what,
                "without": without,
                "with": with_it,
                "difference": rows[with_it]["H"] - rows[without]["H"],
                "low": low,
                "high": high,
            }
        )
    return found


def _shares(values, limits):
    import numpy as np

    low, high = limits
    counts, _ = np.histogram(np.clip(values, low, high), bins=BINS, range=(low, high))
    return (counts / counts.sum()).tolist()
