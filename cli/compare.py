"""`tinygzsl compare`: the methods of the paper's tables on one dataset, in one table."""

from contextlib import nullcontext

import click

from .common import (
    FAILED,
    emit,
    errors_as_sentences,
    given,
    json_option,
    note,
    source_options,
    threaded,
)


@click.command()
@click.argument("dataset")
@source_options
@click.option("--methods", metavar="A,B", help="Which ones: ours,eszsl,f-clswgan.  [default: all]")
@click.option(
    "--seeds", default="3", show_default=True, metavar="N", help="How many: 3; or which: 0-4."
)
@click.option("--routed", is_flag=True, help="Each method behind our router as well.")
@click.option("--tune", is_flag=True, help="First choose settings on pseudo-unseen classes.")
@click.option("--settings", metavar="FILE", help="TOML file with settings, as --tune writes one.")
@click.option("--out", metavar="FOLDER", help="Folder for the rows and the table.")
@json_option
@errors_as_sentences
@threaded
def compare(dataset, methods, seeds, routed, tune, settings, out, as_json, **source):
    """Train and evaluate the methods of the paper's tables beside ours.

    Settings are those stored for the dataset, or each method's defaults. Calibrated figures have
    the offset that validation chooses. With --out, rows are written as they are measured, and the
    same command goes on where it was stopped.
    """
    from ..comparison.measure import Comparison, keys
    from ..comparison.rows import Conditions, Rows
    from ..datasets import check_test, check_training, load_dataset
    from ..datasets.find import canonical
    from ..runtime.threads import current
    from ..storage.locks import FolderLock
    from .compare_plan import (
        check_useful,
        chosen_settings,
        folder_for,
        method_names,
        seed_numbers,
        tuned,
    )
    from .progress import Progress

    names, seeds, label = method_names(methods), seed_numbers(seeds), canonical(dataset)
    folder = folder_for(out)
    check_useful(names, routed, tune, folder)
    chosen = chosen_settings(names, dataset, label, settings)
    data = load_dataset(**given({"name_or_path": dataset, **source}))
    check_test(data)
    check_training(data.training())
    sha256 = data.sha256()
    conditions = Conditions(dataset=label, data_sha256=sha256, threads=current().count)
    if folder:  # one that can't be made shows now, not after the first row
        folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder) if folder else nullcontext(), Progress() as progress:

        def say(line):
            progress.close()
            note(line)

        callback = _phases(progress)
        if tune:
            chosen = tuned(chosen, names, data.training(), label, folder, sha256, say)
        comparison = Comparison(data, chosen, callback=callback, say=say)
        rows = Rows(folder, comparison, conditions)
        wanted = keys(names, seeds, routed=routed)
        _measure(comparison, rows, wanted, say)
        facts = _facts(label, [rows.found[key] for key in wanted], seeds)
        files = _write(folder, facts) if folder else []
    emit({**facts, "files": files}, as_json, _text(facts, files))
    if facts["failed"]:
        raise SystemExit(FAILED)


def _phases(progress):
    """The callback of fit: a progress line where a method says how far it is."""

    def callback(step, logs):
        if "phase" in logs and "total" in logs:
            progress(step, logs)

    return callback


def _measure(comparison, rows, wanted, say):
    """All rows that are missing, each announced when it is there."""
    missing = [key for key in wanted if key not in rows.found]
    for key in wanted:
        if key in rows.found and rows.found[key]["error"] is None:
            comparison.offsets.setdefault(key.method, rows.found[key]["offset"])
    if len(missing) < len(wanted):
        say(f"{len(wanted) - len(missing)} of {len(wanted)} rows are in {rows.path} already")
    try:
        for number, row in enumerate(comparison.rows(missing), 1):
            rows.add(row)
            say(f"[{number}/{len(missing)}] {_line(row)}")
    except KeyboardInterrupt:
        if rows.path:
            say(f"stopped with {len(rows.found)} rows in {rows.path}; the same command goes on")
        raise


def _line(row):
    name = f"{'router + ' if row['routed'] else ''}{row['title']}, seed {row['seed']}"
    if row["error"]:
        return f"{name} failed: {row['error']}"
    return f"{name}: S {row['S']:.3f} U {row['U']:.3f} H {row['H']:.3f} ({row['seconds']:.1f} s)"


def _facts(label, rows, seeds):
    from ..comparison.table import summarize

    table = summarize(rows)
    return {
        "dataset": label,
        "seeds": seeds,
        "rows": table,
        "runs": rows,
        "failed": sum(row["error"] is not None for row in rows),
    }


def _write(folder, facts):
    """table.txt, .json, .csv and .md in the folder; returns the paths."""
    from ..comparison.table import as_csv, as_markdown, as_text
    from ..storage.checksums import write_json, write_text

    texts = {"txt": as_text, "csv": as_csv, "md": as_markdown}
    for suffix, formatted in texts.items():
        text = formatted(facts["rows"])
        write_text(folder / f"table.{suffix}", text if text.endswith("\n") else text + "\n")
    write_json(folder / "table.json", facts)
    return [str(folder / f"table.{suffix}") for suffix in (*texts, "json")]


def _text(facts, files):
    from ..comparison.table import as_text

    n = len(facts["seeds"])
    seeds = f"mean ± standard deviation over {n} seeds" if n > 1 else f"seed {facts['seeds'][0]}"
    return "\n".join(
        [f"{facts['dataset']}, {seeds}", "", as_text(facts["rows"]), "", *_wrote(files)]
    ).rstrip()


def _wrote(files):
    return [f"wrote {path}" for path in files]
