"""Compare the thresholds of runs with the best ones for their test samples.

    python bench/gates.py RUN [RUN ...]

The best gates are chosen on the test samples that they are measured on: an oracle, for analysis
only. They are searched on the grids of `tinygzsl tune`. Prints, per run, S, U and H with the run's
own gate, the best H of eq. 10 and of the soft gate, and the difference to the better of them.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

import tinygzsl as tz
from tinygzsl.runs.folder import MANIFEST
from tinygzsl.tuning.gate_grids import best_gate, gate_settings, make_grids, make_scores


def compare(folder):
    """Return the figures of a run folder made by `tinygzsl train`."""
    model = tz.load_model(Path(folder) / "model.npz")
    manifest = json.loads((Path(folder) / MANIFEST).read_text())
    data = tz.load_dataset(**manifest["config"]["data"])
    return {"run": str(folder), **figures(model, data)}


def figures(model, data):
    """Return S, U, H of a fitted model with its own gate, and the best H for these samples."""
    m = tz.evaluate(model, data)
    log_p = np.log(np.maximum(model.predict_proba(data.X_test), 1e-30))
    f = model.compatibility(data.X_test, data.unseen_prototypes)
    entropy = model.entropy(data.X_test)
    scores = make_scores(data, log_p, entropy, f, scale=model.score_scale_)
    n_seen = len(data.seen_classes)
    grids = make_grids(model.settings_, frozenset(), log_s=[math.log(n_seen)])
    best = {
        kind: best_gate([scores], grids, kind=kind, unit="fraction") for kind in ("hard", "soft")
    }
    oracle = max(gate.h for gate in best.values())
    return {
        **{name: m[name] for name in ("S", "U", "H", "auroc")},
        "gate": model.settings_.router_gate,
        "unit": model.settings_.router_unit,
        "thresholds": m["thresholds"],
        "oracle": oracle,
        **{f"oracle_{kind}": gate.h for kind, gate in best.items()},
        "below_oracle": oracle - m["H"],
        **{kind: gate_settings(gate, grids, n_seen=n_seen) for kind, gate in best.items()},
    }


if __name__ == "__main__":
    for run in sys.argv[1:]:
        print(json.dumps(compare(run)), flush=True)
