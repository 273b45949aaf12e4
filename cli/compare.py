"""`tinygzsl compare`: methods on one dataset, in one table: those of the paper's tables, yours."""

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
@click.option("--methods", metavar="A,B", help="Which ones: ours,best,eszsl.  [default: all]")
@click.option(
    "--method",
    "classes",
    multiple=True,
    metavar="MODULE:CLASS",
    help="A class of yours beside them, like my_methods:MyMethod. May be repeated.",
)
@click.option(
    "--seeds", default="3", show_default=True, metavar="N", help="How many: 3; or which: 0-4."
)
@click.option("--routed", is_flag=True, help="Also run each method behind our router.")
@click.option("--tune", is_flag=True, help="First choose settings on pseudo-unseen classes.")
@click.option("--settings", metavar="FILE", help="TOML file with settings, as written by --tune.")
@click.option(
    "--against",
    metavar="METHOD",
    help="Show differences to this method.  [default: ours, else the first of --methods]",
)
@click.option(
    "--predictions", is_flag=True, help="Keep the label of every test sample, in --out FOLDER."
)
@click.option("--traceback", is_flag=True, help="Show where a class of --method raised an error.")
@click.option("--out", metavar="FOLDER", help="Folder for the rows and the table.")
@json_option
@errors_as_sentences
@threaded
def compare(
    dataset,
    methods,
    classes,
    seeds,
    routed,
    tune,
    settings,
    against,
    predictions,
    traceback,
    out,
    as_json,
    **source,
):
    """Train and evaluate our method and others, those in the paper's tables among them.

    Ours is EntropySeparationGZSL, and best a StackedGZSL of several methods. Settings are those
    stored for the dataset, or each method's defaults. Calibrated figures use the
    offset chosen by validation. With --out, rows are written as they are measured, and the same
    command continues an interrupted comparison.

    A class of --method is imported from the current folder or from what is installed, and its code
    runs. It needs a constructor without arguments, fit(X, y, seen_prototypes), and
    decision_function(X, unseen_prototypes), which returns scores of the seen classes, sorted, and
    then of the unseen ones, or predict(X, unseen_prototypes, unseen_classes), which returns labels.

    Several views of the prototypes, --prototypes att,sent, are for best and for classes of yours.

    Differences in H are paired by seed and have 95% intervals: over seeds, or with --predictions
    over test samples too.
    """
    from ..comparison.differences import students_t
    from ..comparison.measure import Comparison, keys
    from ..comparison.rows import Conditions, Rows
    from ..datasets import check_test, check_training, load_dataset
    from ..datasets.find import canonical
    from ..runtime.threads import current
    from ..storage.locks import FolderLock
    from .compare_plan import (
        check_useful,
        check_views,
        chosen_settings,
        folder_for,
        importing_from_here,
        method_names,
        own_methods,
        reference,
        seed_numbers,
        tuned,
    )
    from .config import check_utf8
    from .progress import Progress

    names, seeds, label = method_names(methods), seed_numbers(seeds), canonical(dataset)
    if classes:  # their modules may import others until the end
        click.get_current_context().with_resource(importing_from_here())
    own = own_methods(classes, on_traceback=note if traceback else None)
    names = [*own, *names]  # yours first, as new code is the likeliest to fail
    folder = folder_for(out)
    if folder:
        check_utf8(label)
    check_useful(names, routed=routed, tune=tune, predictions=predictions, folder=folder)
    against = reference(against, names, own=own)
    if len(seeds) > 1 and not predictions:
        students_t()  # an error comes before the first row
    chosen = chosen_settings(names, own=own, dataset=dataset, label=label, path=settings)
    data = load_dataset(**given({"name_or_path": dataset, **source}))
    check_test(data)
    check_training(data.training())
    check_views(data.seen_prototypes, names, own=own)
    sha256 = data.sha256()
    conditions = Conditions(dataset=label, data_sha256=sha256, threads=current().count)
    if folder:  # create it now, so that an error comes before the first row
        folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder) if folder else nullcontext(), Progress() as progress:

        def say(line):
            progress.close()
            note(line)

        callback = _phases(progress)
        if tune:
            assert folder is not None  # or check_useful would have refused it
            chosen = tuned(
                chosen,
                names,
                data.training(),
                own=own,
                label=label,
                folder=folder,
                sha256=sha256,
                say=say,
            )
        comparison = Comparison(data, chosen, own=own, callback=callback, say=say)
        rows = Rows(folder, comparison, conditions, predictions=predictions)
        wanted = keys(names, seeds, routed=routed, own=own)
        _measure(comparison, rows, wanted, say=say)
        facts = _facts(label, rows, wanted, seeds=seeds, against=against)
        files = _write(folder, facts) if folder else []
    emit({**facts, "files": files}, as_json=as_json, text=_text(facts, files))
    if facts["failed"]:
        raise SystemExit(FAILED)


def _phases(progress):
    """Return a callback for fit that draws a progress line if the method reports its steps."""

    def callback(step, logs):
        if "phase" in logs and "total" in logs:
            progress(step, logs)

    return callback


def _measure(comparison, rows, wanted, *, say):
    """Measure all missing rows, with a note for each."""
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
            say(f"stopped with {len(rows.found)} rows in {rows.path}; the same command continues")
        raise


def _line(row):
    name = f"{'router + ' if row['routed'] else ''}{row['title']}, seed {row['seed']}"
    if row["error"]:
        return f"{name} failed: {row['error']}"
    return f"{name}: S {row['S']:.3f} U {row['U']:.3f} H {row['H']:.3f} ({row['seconds']:.1f} s)"


def _facts(label, rows, wanted, *, seeds, against):
    from ..comparison.differences import resampled_rows, with_differences
    from ..comparison.table import summarize

    measured = {key: rows.found[key] for key in wanted}
    resampled = None
    if rows.predictions:
        labels = {key: rows.labels[key] for key in wanted if key in rows.labels}
        resampled = resampled_rows(labels, rows.comparison.data)
    table = summarize(list(measured.values()))
    return {
        "dataset": label,
        "seeds": seeds,
        "rows": with_differences(table, measured, against=against, resampled=resampled),
        "runs": list(measured.values()),
        "failed": sum(row["error"] is not None for row in measured.values()),
    }


def _write(folder, facts):
    """Write table.txt, .json, .csv and .md into the folder; return the paths."""
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
