"""The rows of bench/study/*.csv by setting, and their differences to no separation."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from study_parts import DEFAULT, GAMMAS, NO_GAN

HERE = Path(__file__).parent
TITLES = {"cub100": "100 classes of CUB", "awa1_classic": "AWA1, classic", "letters": "letters"}
FEATURES = {"minmax": "min-max", "standard": "standardised"}
KEY = ("scaler", "source", "window", "gamma", "weight", "count")
NUMBERS = ("gamma", "weight", "count")
MEASURES = {
    "H": "H, the preset's thresholds",
    "auroc": "AUROC of the entropy",
    "area": "area under S and U",
    "H_best": "H, best threshold (oracle)",
}


class Results:
    """The rows of a dataset by setting and seed; those of "none" by scaler and seed."""

    def __init__(self, path):
        self.name, rows = path.stem, defaultdict(dict)
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(file):
                key = tuple(float(row[k]) if k in NUMBERS else row[k] for k in KEY)
                rows[key][int(row["seed"])] = {
                    k: float(v) for k, v in row.items() if v and k not in (*KEY, "seed")
                }
        none = {key[0]: found for key, found in rows.items() if key[1] == "none"}
        self.scaler = next(iter(none))
        self.seeds = sorted(none[self.scaler])
        self.none = {scaler: found for scaler, found in none.items() if self._complete(found)}
        self.rows = {key: found for key, found in rows.items() if self._complete(found)}
        crossed = self.rest()[0]
        self.base = crossed[0][3]
        self.windows = sorted({key[2] for key in crossed if self.reached(key)})
        self.gammas = sorted({key[3] for key in crossed if self.reached(key)})

    def _complete(self, found):
        return sorted(found) == self.seeds

    def rest(self):
        """Return the settings that vary window and margin, and all others with proxies."""
        crossed, others = [], []
        for key in self.rows:
            scaler, source, _, _, weight, count = key
            default = (scaler, source, weight, count) == (self.scaler, "single", 1, 4000)
            if source != "none":
                (crossed if default else others).append(key)
        return crossed, others

    def reached(self, key):
        """Return whether the CWGAN of every seed reached the window."""
        return key in self.rows and all("H" in row for row in self.rows[key].values())

    def mean(self, key, column):
        """Return the mean over the seeds."""
        return float(np.mean([row[column] for row in self.rows[key].values()]))

    def gains(self, key, column):
        """Return the differences to no separation, one per seed."""
        none = self.none[key[0]]
        return np.array([self.rows[key][s][column] - none[s][column] for s in self.seeds])

    def gain(self, key, column):
        """Return the differences as text."""
        return in_words(self.gains(key, column))


def in_words(gains):
    """Return mean ± standard deviation (number above zero) as text."""
    return f"{gains.mean():+.3f} ± {gains.std(ddof=1):.3f} ({int((gains > 0).sum())})"


def label(results, key):
    """Return the name of a setting that changes one factor."""
    scaler, source, window, gamma, weight, count = key
    margin = f", γ = {gamma:g}" if gamma != results.base else ""
    if scaler != results.scaler:
        return f"the other scaler{margin}"
    if source not in ("single", "pool"):
        return f"no GAN: {source}{margin}"
    if source == "pool":
        return f"pool, {window.replace('-', ' < r < ')}"
    if weight != 1:
        return f"weight of L_ES {weight:g}"
    return f"{count:g} proxies" if count != 4000 else "default"


def gamma_name(gamma):
    """Return the margin as text; one that isn't in GAMMAS is ln S."""
    return f"{gamma:g}" if gamma in GAMMAS else "ln S"


def default(results):
    return (results.scaler, "single", DEFAULT, results.base, 1.0, 4000.0)


def place(results, key):
    """Return a sort key for settings that change one factor: by kind."""
    scaler, source, _, gamma, weight, count = key
    kinds = ("single", "pool", *NO_GAN)
    changes = gamma != results.base, count != 4000, weight != 1
    return scaler != results.scaler, kinds.index(source), *changes, weight, count


def one_factor(results):
    """Return the default and all settings that change one factor of it, by kind."""
    others = [key for key in results.rest()[1] if results.reached(key)]
    return [default(results), *sorted(others, key=lambda key: place(results, key))]


def load(folder=HERE / "study"):
    """Return the datasets in the order of TITLES, then any others."""
    paths = sorted(folder.glob("*.csv"), key=lambda p: (*TITLES, p.stem).index(p.stem))
    return [Results(path) for path in paths]
