"""Run the jobs of a target one after the other, and keep the table on disk up to date."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..comparison.chosen import OURS
from ..datasets import check_test, check_training, load_dataset
from ..estimator import EntropySeparationGZSL
from ..storage.checksums import write_json, write_text
from ..tuning.auto import tuned
from .experiments import Job
from .records import Outcome, Record
from .targets import Target

TABLE = "table"


def outcomes(target: Target, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome | str]]:
    """(job, its Outcome), or the sentence of a training that failed (it diverged, no snapshot was
    in the window): the others go on.

    Jobs of one source should follow each other: it is loaded once. Raises ValueError or OSError
    for data that can't be used.
    """
    source, data = None, None
    for job in jobs:
        if job.source != source:
            data = None  # before the next one is loaded
            source, data = job.source, load_dataset(**job.source)
            check_test(data)
            check_training(data.training())
        try:
            yield job, target.measure(_chosen(job, data) if target.trains else job, data)
        except (ValueError, FloatingPointError) as error:
            yield job, " ".join(str(error).split())


def _chosen(job, data):
    """The job with what preset auto finds, so that it searches once and not per fit."""
    if job.params["preset"] != "auto" or job.method != OURS:
        return job
    found = tuned(data.training(), EntropySeparationGZSL(**job.params).get_params())
    return replace(job, params={**job.params, **found.settings, "preset": found.preset})


def write_table(folder: Path, facts: dict[str, Any], records: list[Record]) -> list[Path]:
    """Write folder/table.csv and .json, aside and renamed; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{TABLE}.csv", folder / f"{TABLE}.json"]
    rows = [record.as_dict() for record in records]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(paths[0], text.getvalue())
    write_json(paths[1], facts)
    return paths


def progress(jobs: list[Job], note: Callable[[str], None]) -> Iterator[Job]:
    """The jobs, each announced by a line."""
    for number, job in enumerate(jobs, 1):
        note(f"[{number}/{len(jobs)}] {job.dataset}, {job.label}, {job.what}")
        yield job
