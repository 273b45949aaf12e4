"""`tinygzsl bench`: speed compared with the reference, PyTorch, JAX and the machine's limits."""

import click

from ..errors import InputError
from .common import emit, errors_as_sentences, json_option, note


@click.command()
@click.option("--peers", is_flag=True, help="Compare with PyTorch and JAX, where installed.")
@click.option("--full", is_flag=True, help="The large sizes of bench/README.md; needs 12 GB.")
@click.option("--only", metavar="TEXT", help="Only work with TEXT in its name.")
@click.option("--threads", type=int, help="Threads for every version.  [default: BLAS's number]")
@click.option("--repeat", type=int, default=7, show_default=True, help="Rounds of timing.")
@json_option
@errors_as_sentences
def bench(peers, full, only, threads, repeat, as_json):
    """Time a selection of steps in several versions, and print a table of ratios.

    Every version starts from the same parameters and inputs, and is timed only after its result
    has been checked. Takes less than a minute; with --full several minutes.
    """
    from ..benchmarks import report, selection
    from ..runtime.threads import check_threads

    check_threads(threads)
    if not 1 <= repeat <= 1000:
        raise InputError(f"repeat is {repeat}; pass a number of rounds from 1 to 1000")
    items = selection.chosen(selection.FULL if full else selection.SHORT, only)
    names, missing = report.installed_peers() if peers else ([], [])
    for package in missing:
        note(f"{package} is not installed, so it is left out; pip install {package}")
    facts = report.measure(
        items, names, threads=threads, rounds=repeat, progress=lambda text: note(f"  {text}")
    )
    emit(facts, as_json=as_json, text=report.table(facts))
