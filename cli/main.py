"""The `tinygzsl` command; each sub-command has a file of its own."""

import os
import sys
import warnings
from typing import Any

import click

from ..text import printable
from ..version import __version__
from .bench import bench
from .common import BAD_INPUT, Failure, drop_stdout, sentence
from .compare import compare
from .data import data
from .demo import demo
from .evaluate import evaluate
from .explain import explain
from .gradcheck import gradcheck
from .info import info
from .plot import plot
from .predict import predict
from .report import report
from .reproduce import reproduce
from .settings import settings
from .sweep import sweep
from .train import train
from .tune import tune


class _Tinygzsl(click.Group):
    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; click itself writes --help and --version, and lets errors through."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            drop_stdout()
            Failure(sentence(error), BAD_INPUT).show()
            sys.exit(BAD_INPUT)


@click.group(
    cls=_Tinygzsl,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, package_name="tinygzsl")
@click.option("--debug", is_flag=True, help="Show where in the code an error came from.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Generalized zero-shot learning by proxy samples and entropy separation, in NumPy.

    Start with `tinygzsl demo`.
    """
    ctx.with_resource(warnings.catch_warnings())  # undone when the command ends
    warnings.formatwarning = lambda message, *_: f"warning: {printable(str(message))}\n"
    warnings.simplefilter("default", UserWarning)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed; a file could get its number
            nowhere = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115 - as long as we run
            setattr(sys, name, nowhere)


for command in (
    demo,
    train,
    evaluate,
    predict,
    plot,
    report,
    tune,
    sweep,
    compare,
    reproduce,
    data,
    settings,
    explain,
    gradcheck,
    bench,
    info,
):
    main.add_command(command)
