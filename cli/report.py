"""`tinygzsl report`: a run as one HTML page."""

from pathlib import Path

import click

from ..errors import InputError
from .common import (
    emit,
    errors_as_sentences,
    given,
    json_option,
    output_file,
    source_options,
    threaded,
)


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

    RUN is a folder made by `train`, not its model file. If the run was evaluated, its test samples
    are loaded again and shown in detail. The page has no scripts and loads no other files.
    """
    from ..report.page import REPORT, gather, written_page
    from ..runs.load import load_run
    from ..storage.checksums import write_text
    from ..storage.output import try_place

    how = given({"root": root, "split": split, "prototypes": prototypes})
    if how and dataset is None:
        raise InputError(
            f"{', '.join(how)} would be ignored: a report shows the run's own dataset; name "
            "another one with --data"
        )
    if dataset is not None and out is None:
        raise InputError(
            f"the report of {dataset} would take the place of {Path(run) / REPORT}, which is that "
            "of the run's own dataset; name another file with --out"
        )
    file = output_file(out, as_json=as_json) if out is not None else None
    found = load_run(run, device)
    path = file.path if file else found.folder / REPORT
    if not file:
        try_place(path)
    source = {"name_or_path": dataset, **how} if dataset is not None else None
    content = gather(found, source)
    page, warnings = written_page(content)
    if file:
        file.write(page)
    else:
        write_text(path, page)
    facts = {
        "report": str(path),
        "evaluated": content.metrics is not None,
        "notices": content.notices,
        "warnings": warnings,
    }
    lines = [*content.notices, *(f"warning: {w}" for w in warnings), f"wrote {path}"]
    emit(facts, as_json=as_json, text="\n".join(lines), beside=file)
