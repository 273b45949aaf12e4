"""Readers of results: run folders, sweeps and comparisons, whose files carry checksums."""

import json
from functools import cache
from pathlib import Path

import numpy as np

from tinygzsl import evaluate
from tinygzsl.comparison.chosen import Chosen
from tinygzsl.comparison.measure import FIGURES as COMPARED
from tinygzsl.comparison.measure import Comparison, Key
from tinygzsl.comparison.predictions import Labels, PredictionFiles
from tinygzsl.comparison.rows import Conditions, Rows
from tinygzsl.runs.config import config_text
from tinygzsl.runs.load import load_run
from tinygzsl.storage import rows
from tinygzsl.storage.checksums import CHECKSUM, _sha256, file_sha256, write_json
from tinygzsl.sweeps.results import Results, plan_path
from tinygzsl.sweeps.run import FIGURES, Run

from . import arrays, bases
from .mutate import mutated_text, mutated_value


def damage_sealed(rng, name, content):
    """JSON, or a row: its text, or a value under a checksum that is made right again."""
    suffix = Path(name).suffix
    if suffix == ".npz":
        return arrays.mutated_archive(rng, content)
    if suffix in (".json", ".jsonl") and rng.random() < 0.6:
        try:
            return (_other_object if suffix == ".json" else _other_row)(rng, content)
        except ValueError:  # too large a number for JSON
            pass
    return mutated_text(rng, content)


def _other_row(rng, content):
    lines = content.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    row = json.loads(lines[at])
    row.pop(rows.CHECKSUM)
    lines[at] = rows.json_line(mutated_value(rng, row))
    return b"".join(lines)


def _other_object(rng, content):
    value = json.loads(content)
    value.pop(CHECKSUM)
    value = mutated_value(rng, value)
    sealed = {**value, CHECKSUM: _sha256(value)} if isinstance(value, dict) else value
    return json.dumps(sealed, indent=2).encode()


def run_files(folder):
    """A run folder after `evaluate`."""
    model, data = bases.trained(bases.PLACE)[0], bases.dataset()
    model.save(folder / "model.npz")
    top = {"preset": "small", "seed": 0, "device": "cpu", "dtype": "float32"}
    text = config_text(top, {"name_or_path": "d.npz"}, model.settings_)
    (folder / "config.toml").write_text(text)
    sha256 = file_sha256(folder / "model.npz")
    manifest = {**top, "versions": {"numpy": "2"}, "outputs": {"model.npz": sha256}}
    manifest |= {"config": model.settings_.sections(), "inputs": {"d.npz": "0"}, "seconds": 1.5}
    write_json(folder / "manifest.json", manifest)
    metrics = evaluate(model, data)
    write_json(folder / "metrics.json", {**metrics, "model_sha256": sha256, "inputs": {"d": "0"}})
    names = ("model.npz", "config.toml", "manifest.json", "metrics.json")
    return [{name: (folder / name).read_bytes() for name in names}]


def read_run_folder(folder):
    run = load_run(folder)
    if run.metrics is not None:
        for name in ("S", "U", "H"):
            assert np.isfinite(run.metrics[name])


RUNS = [
    Run(
        key={"dataset": "a", "split": split, "vsmm.hidden": hidden, "seed": 0}, source={}, params={}
    )
    for split in (1, None)
    for hidden in ((), (8, 8))
]
PLAN = {"tinygzsl": "1", "seeds": [0], "set": {"vsmm.hidden": [(), (8, 8)]}}


def sweep_files(folder):
    found = []
    for name in ("rows.jsonl", "rows.csv"):
        results = Results(folder / name, PLAN, runs=RUNS)
        for i, run in enumerate(RUNS):
            row = {**run.key, **dict.fromkeys(FIGURES, 0.1 * i), "error": None, "host": "here"}
            row |= {"model_sha256": "m", "data_sha256": "d", "seconds": 0.5}
            if i == 2:
                row |= {**dict.fromkeys((*FIGURES, "model_sha256")), "error": "it failed, sadly"}
            results.append(row)
        plan = plan_path(folder / name)
        found.append({path.name: path.read_bytes() for path in (folder / name, plan)})
    return found


def read_sweep(folder):
    (path,) = [p for p in folder.iterdir() if not p.name.endswith(".json")]
    results = Results(path, PLAN, runs=RUNS)
    for row in results.rows.values():
        if row["error"] is None:
            assert all(np.isfinite(row[name]) for name in FIGURES)


@cache
def _comparison():
    return Comparison(
        bases.dataset(), {"ours": Chosen({}), "ESZSL": Chosen({"regularize_features": 1.0})}
    )


CONDITIONS = Conditions(dataset="tiny", data_sha256="abc", threads=1)


def compare_files(folder):
    kept = Rows(folder, _comparison(), CONDITIONS)
    for seed in (0, 1):
        facts = _comparison().facts(Key("ESZSL", False, seed))
        kept.add({**facts, "error": None, **dict.fromkeys(COMPARED, 0.5)})
    return [{"rows.jsonl": (folder / "rows.jsonl").read_bytes()}]


def read_compare(folder):
    for row in Rows(folder, _comparison(), CONDITIONS).found.values():
        assert all(row[name] is None or np.isfinite(row[name]) for name in COMPARED)


LABELLED = {"method": "ESZSL", "routed": False, "seed": 0, "settings": {"regularize_features": 1.0}}


def labels_files(folder):
    files, y = PredictionFiles(folder=folder, data=bases.dataset()), bases.dataset().y_test
    path, found = files.path(LABELLED), []
    for labels in (Labels(y), Labels(y, y[::-1].copy())):
        files.write(LABELLED, labels)
        found.append({str(path.relative_to(folder)): path.read_bytes()})
    return found


def read_labels(folder):
    y = bases.dataset().y_test
    for label in PredictionFiles(folder=folder, data=bases.dataset()).read(LABELLED) or ():
        assert label is None or (label.shape == y.shape and label.dtype.kind == y.dtype.kind)
