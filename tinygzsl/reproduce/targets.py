"""The tables and figures by name, with their datasets and measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..datasets import Dataset
from . import evolution, experiments
from .experiments import Job
from .records import Outcome

IMAGES, ACTIONS = ("awa1", "cub"), ("hmdb51", "ucf101")
ALL_SPLITS = None


@dataclass(frozen=True)
class Target:
    """A table or figure of the paper.

    splits is the default number of splits of action recognition (None: all).
    """

    title: str
    datasets: tuple[str, ...]
    measure: Callable[[Job, Dataset], Outcome]
    splits: int | None = 1
    trains: bool = True


TARGETS = {
    "table1": Target(
        "the datasets",
        datasets=IMAGES + ACTIONS,
        measure=experiments.counts,
        splits=1,
        trains=False,
    ),
    "table2": Target(
        "S, U and H on AWA1 and CUB beside other methods",
        datasets=IMAGES,
        measure=experiments.accuracies,
    ),
    "table3": Target(
        "S, U and H on HMDB51 and UCF101 beside other methods",
        datasets=ACTIONS,
        measure=experiments.accuracies,
        splits=ALL_SPLITS,
    ),
    "table4": Target(
        "H with and without entropy separation, spread over snapshots",
        datasets=IMAGES + ACTIONS,
        measure=experiments.separation,
        splits=ALL_SPLITS,
    ),
    "figure2": Target(
        "entropies of test samples without entropy separation",
        datasets=("awa1", "hmdb51"),  # the first in its caption, the second in the text
        measure=experiments.without_separation,
    ),
    "figure3": Target(
        "t-SNE of generated samples among real ones", datasets=("hmdb51",), measure=evolution.maps
    ),
    "figure4": Target(
        "entropies in training and testing with entropy separation",
        datasets=("awa1",),
        measure=experiments.with_separation,
    ),
    "figure5": Target(
        "CS and H against the epochs of the CWGAN",
        datasets=("hmdb51",),
        measure=evolution.curve,
        splits=2,
    ),
    "figure6": Target(
        "share of test samples per route",
        datasets=IMAGES + ACTIONS,
        measure=experiments.shares,
        splits=ALL_SPLITS,
    ),
    "figure7": Target(
        "H against the number of proxies",
        datasets=IMAGES + ACTIONS,
        measure=experiments.proxy_counts,
    ),
}
