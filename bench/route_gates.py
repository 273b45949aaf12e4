"""What the gates cost: `route` of one trained model under each kind of gate.

    python bench/route_gates.py [--rows 100000] [--d 2048] [--times 9] [--threads 2]

The networks are the same; only the gate's settings differ. The learned gate's labels must first be
those of gates.panel.decide, its definition in NumPy, but for ties. Then the gates are timed in
turns in one process. The medians are shown, with the ratio to the soft gate.
"""

import argparse
import copy
import time
from dataclasses import replace
from statistics import median

import numpy as np

from tinygzsl.benchmarks.work_route import Route
from tinygzsl.gates.neighbours import fit_neighbours
from tinygzsl.gates.panel import decide
from tinygzsl.router import sample_rows
from tinygzsl.runtime.threads import workers

FEATURES = {
    "learned, entropy and gap": ("entropy", "gap"),
    "learned, neighbours too": ("entropy", "gap", "neighbours"),
}


def with_gate(model, **settings):
    """Return a model with the same networks and another gate."""
    other = copy.copy(model)
    other.settings_ = replace(model.settings_, **settings)
    return other


def with_learned_gate(model, features, x, y):
    """Return a model with a learned gate of made-up numbers; x (n, d) and y (n,) are its training
    samples.
    """
    numbers = {
        "router_weights": (-1.0, 2.0, -1.0)[: len(features)],
        "router_means": (0.3, 0.5, -0.5)[: len(features)],
        "router_deviations": (0.2, 0.8, 0.1)[: len(features)],
    }
    other = with_gate(model, router_gate="learned", router_features=features, **numbers)
    if "neighbours" in features:
        scaled = model._feature_scaler.apply(x)
        other._neighbours = fit_neighbours(scaled, y, rows=sample_rows(scaled))
    return other


def check(model, work, name):
    """AssertionError unless the model's labels are those of the gate's definition."""
    x = work.x[:5000]
    classes = work.classes
    seen = work.sizes["seen"]
    found = model.route(x, work.unseen_prototypes, classes[seen:]).label
    expected = classes[decide(model.decision_, model.panel(x, work.unseen_prototypes)).index]
    differ = float((found != expected).mean())
    assert differ < 1e-3, f"{name}: {differ:.2%} of the labels differ from the definition's"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--d", type=int, default=2048)
    parser.add_argument("--m", type=int, default=512)
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    work = Route(rows=asked.rows, d=asked.d, m=asked.m)
    models = {
        "eq. 10": with_gate(work.model, router_gate="hard"),
        "soft": with_gate(work.model, router_gate="soft"),
    }
    for name, features in FEATURES.items():
        models[name] = with_learned_gate(work.model, features, *work.training)
        check(models[name], work, name)
    unseen = work.classes[work.sizes["seen"] :]
    seconds = {name: [] for name in models}
    with workers(asked.threads):
        for turn in range(asked.times + 1):  # the first is to warm up
            for name, model in models.items():
                started = time.perf_counter()
                model.route(work.x, work.unseen_prototypes, unseen)
                if turn:
                    seconds[name].append(time.perf_counter() - started)
    print(f"route of {asked.rows} x {asked.d}, {len(work.classes)} classes, {asked.times} times")
    ratios = {n: np.divide(times, seconds["soft"]) for n, times in seconds.items()}
    for name, times in seconds.items():
        print(f"{name:26} {1e3 * median(times):8.1f} ms, {median(ratios[name]):.2f} x soft")


if __name__ == "__main__":
    main()
