"""`tinygzsl report`: a run as one HTML page."""

from pathlib import Path

import click

from .common import emit, errors_as_sentences, given, json_option, source_options, threaded


@click.command()
@click.argument("run")
@click.option("--data", "dataset", help="Dataset; by default the one the run was trained on.")
@source_options
@click.option("--device", help="cpu or cuda.  [default: the run's]")
@click.option("--out", help="HTML file to write; needed with --data.  [default: RUN/report.html]")
@json_option
@errors_as_sentences
@threaded
def report(run, dataset, root, split, prototypes, device, out, as_json):
    """Write one self-contained HTML page about a run.

    RUN is a folder made by `train`. If the run was evaluated, its test samples are loaded again and
    shown in detail. The page has no scripts and loads no other files.
    """
    from ..report.page import REPORT, gather, write_report
    from ..runs.load import load_run

    how = given({"root": root, "split": split, "prototypes": prototypes})
    if how and not dataset:
        raise ValueError(
            f"{', '.join(how)} would be ignored: a report shows the run's own dataset; name "
            "another one with --data"
        )
    if dataset and not out:
        raise ValueError(
            f"the report of {dataset} would take the place of {Path(run) / REPORT}, which is that "
            "of the run's own dataset; name another file with --out"
        )
    found = load_run(run, device)
    source = {"name_or_path": dataset, **how} if dataset else None
    content = gather(found, source)
    path = Path(out) if out else found.folder / REPORT
    warnings = write_report(content, path)
    facts = {
        "report": str(path),
        "evaluated": content.metrics is not None,
        "notices": content.notices,
        "warnings": warnings,
    }
    lines = [*content.notices, *(f"warning: {w}" for w in warnings), f"wrote {path}"]
    emit(facts, as_json=as_json, text="\n".join(lines))
