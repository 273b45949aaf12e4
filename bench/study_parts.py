"""The factors of bench/study.py: settings, proxies without a GAN, and windows of CS."""

from typing import NamedTuple

import numpy as np

from tinygzsl.settings import settings_for
from tinygzsl.snapshots import SnapshotKeeper

WINDOWS = (
    "0.10-0.25",
    "0.25-0.40",
    "0.40-0.55",
    "0.55-0.70",
    "0.70-0.80",
    "0.80-0.90",
    "0.90-1.00",
)
DEFAULT = "0.40-0.55"
GAMMAS = (0.5, 1.0, 2.0, 3.0)  # and ln S
WEIGHTS = (0.1, 0.3, 3.0, 10.0)
COUNTS = (250, 1000, 16000)
MIXTURES = ("mixture 1:1", "mixture")
NO_GAN = (*MIXTURES, "noise", "uniform", "normal")


class Variant(NamedTuple):
    """The settings of a row; others are the preset's. source: none, single, pool or of NO_GAN."""

    scaler: str
    source: str = "none"
    window: str = ""
    gamma: float = 0.0
    weight: float = 0.0
    count: int = 0

    def needs_gan(self):
        """Return whether its proxies come from the CWGAN."""
        return self.source in ("single", "pool")


def variants(scaler, gammas, *, base):
    """Return all variants of (default window, margin `base`, weight 1, 4000 proxies, one snapshot).

    The most informative come first, since all seeds of a variant are measured before the next.
    """
    default = Variant(scaler, "single", DEFAULT, base, 1.0, 4000)
    early = [DEFAULT, *(w for w in WINDOWS if w < DEFAULT)]
    late = [w for w in WINDOWS if w > DEFAULT]
    other = "standard" if scaler == "minmax" else "minmax"

    def change(name, values, **others):
        return [default._replace(**{name: value}, **others) for value in values]

    every = [
        *(Variant(scaler), *change("window", early)),
        *change("source", (*MIXTURES, "noise"), window=""),
        *change("weight", WEIGHTS),
        *change("window", early, gamma=1.0),
        *change("count", COUNTS),
        *change("source", ["pool"]),
        *change("window", late[:1]),
        *change("window", late[:1], gamma=1.0),
        *change("source", NO_GAN, window=""),
        *change("source", MIXTURES, window="", gamma=1.0),
        *change("window", late),
        *change("window", late, gamma=1.0),
        *(Variant(other), *change("gamma", (base, 1.0), scaler=other)),
        *(v for gamma in reversed(gammas) for v in change("window", WINDOWS, gamma=gamma)),
    ]
    return list(dict.fromkeys(every))


def made_of_samples(kind, X, y, count, *, seed, draw):
    """Return proxies (count, d) without a GAN, from training samples X (n, d), labels y (n,).

    mixture        l x + (1 - l) x' of samples of two classes, l uniform in [0, 1)
    mixture 1:1    the same with l = 1/2
    noise          a sample plus normal noise with the standard deviation of each feature
    uniform        each feature uniform between its minimum and its maximum
    normal         each feature normal with its mean and standard deviation
    """
    rng = np.random.default_rng([seed, draw, NO_GAN.index(kind)])
    shape = (count, X.shape[1])
    if kind == "uniform":
        return rng.uniform(X.min(axis=0), X.max(axis=0), shape)
    if kind == "normal":
        return rng.normal(X.mean(axis=0), X.std(axis=0), shape)
    first = rng.integers(len(X), size=count)
    if kind == "noise":
        return X[first] + rng.normal(0, X.std(axis=0), shape)
    second = np.array([rng.choice(np.flatnonzero(y != y[i])) for i in first])
    share = rng.uniform(size=(count, 1)) if kind == "mixture" else 0.5
    return share * X[first] + (1 - share) * X[second]


def keepers(settings):
    """Return {(source, window): keeper} for every window of CS, for use in one training."""
    places = [*(("single", window) for window in WINDOWS), ("pool", DEFAULT)]
    found = {}
    for source, window in places:
        low, high = map(float, window.split("-"))
        own = {**settings, "cs_low": low, "cs_high": high, "proxy_from": source}
        found[source, window] = SnapshotKeeper(settings_for("small", own))
    return found
