"""Run the jobs of a target one after the other, and keep the table on disk up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..comparison.chosen import OURS
from ..datasets import Dataset, check_test, check_training, load_dataset
from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..storage.checksums import write_json, write_text
from ..storage.rows import csv_text
from ..tuning.auto import tuned
from .experiments import Job
from .records import Outcome, Record
from .targets import Target

TABLE = "table"


def outcomes(target: Target, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome | str]]:
    """Yield each job and its Outcome, or the error message if its training failed.

    Training fails if it diverges or no snapshot is in the window; the other jobs still run. A
    source is loaded once if its jobs follow each other. Raises ValueError or OSError for data that
    can't be used.
    """
    source: dict[str, Any] | None = None
    data: Dataset | None = None
    for job in jobs:
        if data is None or job.source != source:
            data = None  # frees it before the next one is loaded
            source, data = job.source, load_dataset(**job.source)
            check_test(data)
            check_training(data.training())
        try:
            yield job, target.measure(_chosen(job, data) if target.trains else job, data)
        except (InputError, FloatingPointError) as error:
            yield job, " ".join(str(error).split())


def _chosen(job: Job, data: Dataset) -> Job:
    """Return the job with the settings that preset auto finds, so that the search runs once."""
    if job.params["preset"] != "auto" or job.method != OURS:
        return job
    found = tuned(data.training(), EntropySeparationGZSL(**job.params).get_params())
    return replace(job, params={**job.params, **found.settings, "preset": found.preset})


def write_table(folder: Path, facts: dict[str, Any], *, records: list[Record]) -> list[Path]:
    """Write folder/table.csv and .json, each complete or not at all; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{TABLE}.csv", folder / f"{TABLE}.json"]
    write_text(paths[0], csv_text(record.as_dict() for record in records))
    write_json(paths[1], facts)
    return paths


def progress(jobs: list[Job], note: Callable[[str], None]) -> Iterator[Job]:
    """Yield the jobs, after a note for each."""
    for number, job in enumerate(jobs, 1):
        note(f"[{number}/{len(jobs)}] {job.dataset}, {job.label}, {job.what}")
        yield job
