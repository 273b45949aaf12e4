"""`tinygzsl plot`: the curves of a run as PNG and SVG."""

import click

from .common import emit, errors_as_sentences, json_option, note, threaded

FIGURES = "figures"


@click.command()
@click.argument("run")
@click.option("--out", help="Folder for the figures.  [default: RUN/figures]")
@json_option
@errors_as_sentences
@threaded
def plot(run, out, as_json):
    """Draw the curves of a run as PNG and SVG.

    RUN is a folder made by `train`. Draws the confidence score, the critic, the VSMM's losses and,
    if the run was evaluated, the entropies of its test samples, and what a learned gate says of
    them. Needs matplotlib.
    """
    from ..report.charts import run_charts
    from ..report.figures import draw, new_figure, save_figures
    from ..runs.load import load_run
    from ..storage.output import output_folder

    new_figure(1, 1.0)  # raises if Matplotlib is missing, before the run is loaded
    folder = None if out is None else output_folder(out)
    found = load_run(run, "cpu")
    folder = folder or output_folder(found.folder / FIGURES)
    figures = {chart.name: draw(chart) for chart in run_charts(found, **_histograms(found))}
    paths = save_figures(figures, folder)
    names = [str(path) for path in paths]
    emit({"figures": names}, as_json=as_json, text="\n".join(f"wrote {name}" for name in names))


def _histograms(run):
    """Return those of the test samples, or none, with a note, if the samples aren't available."""
    from ..datasets import load_dataset
    from ..datasets.column_order import in_order_of
    from ..report.samples import entropy_histogram, theta_histogram

    if run.metrics is None:
        note(f"note: no entropy histogram before `tinygzsl evaluate {run.folder}`")
        return {}
    try:
        data = load_dataset(**run.source)
    except OSError as error:
        note(f"note: no entropy histogram: {error}")
        return {}
    data, moved = in_order_of(run.model, data)
    for line in moved:
        note(f"note: {line}")
    of_entropy, of_theta = entropy_histogram(run.model, data), theta_histogram(run.model, data)
    return {"histogram": of_entropy, "theta": of_theta}
