"""What every command shares: errors as one sentence, results as text or one JSON object."""

import errno
import json
from collections.abc import Callable
from functools import wraps

import click

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


def errors_as_sentences(command: Callable) -> Callable:
    """Turn errors into one line on stderr: exit code 2 for bad input, 1 where training diverged
    or memory ran out, 130 for Ctrl-C and 143 for SIGTERM.
    """

    @wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (ValueError, OSError, ImportError) as error:
            raise _failure(_sentence(error), BAD_INPUT) from None
        except (FloatingPointError, RuntimeError, MemoryError) as error:
            raise _failure(_sentence(error), FAILED) from None
        except KeyboardInterrupt as error:
            code = getattr(error, "exit_code", INTERRUPTED)  # see signals.Stopped
            raise _failure("interrupted; no half-written file is left", code) from None

    return run


FIXES = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some space or write elsewhere",
    errno.EACCES: "choose a place you may write to",
    errno.EPERM: "choose a place you may write to",
    errno.EROFS: "choose a place you may write to",
    errno.ENOTDIR: "a part of this path is a file; choose another",
}


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:  # the system's: without "[Errno 28]"
        fix = FIXES.get(error.errno, "check the path")
        return f"{error.filename or 'the output'}: {error.strerror}; {fix}"
    return " ".join(str(error).split()) or type(error).__name__


def _failure(message: str, exit_code: int) -> click.ClickException:
    failure = click.ClickException(message)
    failure.exit_code = exit_code
    return failure


def emit(obj: dict, as_json: bool, text: str) -> None:
    """Print obj as one JSON object, or text."""
    click.echo(json.dumps(obj, allow_nan=False) if as_json else text)


def note(text: str) -> None:
    """A line for people, on stderr, so that stdout holds results only."""
    click.echo(text, err=True)


def json_option(command: Callable) -> Callable:
    """The --json flag, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def given(options: dict) -> dict:
    """The options that were given on the command line."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def threaded(command: Callable) -> Callable:
    """The --threads option; the command runs on that many."""

    @click.option(
        "--threads", type=int, help="Threads for everything.  [default: as many as BLAS would use]"
    )
    @wraps(command)
    def run(*args, threads, **kwargs):
        from ..threads import check_threads, workers

        with workers(check_threads(threads)):
            return command(*args, **kwargs)

    return run


def source_options(command: Callable) -> Callable:
    """The options that say where and how to load a dataset; None where they are not given."""
    for decorate in (
        click.option(
            "--prototypes",
            help="Prototype variable of a MATLAB file: att, original_att, sent.  [default: att]",
        ),
        click.option("--split", type=int, help="Split number of action recognition, 1 to 30."),
        click.option("--root", help="Folder to look in for a named dataset."),
    ):
        command = decorate(command)
    return command
