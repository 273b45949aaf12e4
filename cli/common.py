"""What every command shares: errors as one sentence, results as text or one JSON object."""

import errno
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps

import click

from ..runtime.memory import FIX, STARTING, require_room
from ..text import printable

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130
CLOSED = 141  # stdout is a pipe that nobody reads any more: as if SIGPIPE had ended the process


def errors_as_sentences(command: Callable) -> Callable:
    """Turn errors into one line on stderr: exit code 2 for bad input, 1 where training diverged
    or memory ran out, 130 for Ctrl-C and 143 for SIGTERM.
    """

    @wraps(command)
    def run(*args, **kwargs):
        try:
            require_room(STARTING, "tinygzsl")
            return command(*args, **kwargs)
        except (ValueError, OSError, ImportError) as error:
            code = FAILED if _out_of_memory(error) else BAD_INPUT
            raise Failure(_sentence(error), code) from None
        except (FloatingPointError, RuntimeError, MemoryError) as error:
            raise Failure(_sentence(error), FAILED) from None
        except KeyboardInterrupt as error:
            code = getattr(error, "exit_code", INTERRUPTED)  # see signals.Stopped
            raise Failure("interrupted; no half-written file is left", code) from None

    return run


FIXES = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EDQUOT: "free some space or write elsewhere",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) or write elsewhere",
    errno.EACCES: "choose a place you may write to",
    errno.EPERM: "choose a place you may write to",
    errno.EROFS: "choose a place you may write to",
    errno.ENOTDIR: "a part of this path is a file; choose another",
}


def _out_of_memory(error: BaseException) -> bool:
    """Also a file that can't be mapped, or a library that can't be loaded, for lack of memory."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, MemoryError) or "failed to map segment" in str(error)


def _sentence(error: BaseException) -> str:
    if _out_of_memory(error):
        said = getattr(error, "strerror", None) or str(error) or "there is not enough memory"
        text = " ".join(said.split())
        return text if "; " in text else f"{text}; {FIX}"
    if isinstance(error, OSError) and error.strerror:  # the system's: without "[Errno 28]"
        fix = FIXES.get(error.errno, "check the path")
        return f"{error.filename or 'the output'}: {error.strerror}; {fix}"
    if isinstance(error, UnicodeEncodeError):  # a name of bytes that are no text here
        bad = f"{error.object[error.start : error.end]!r} in {error.object[:200]!r}"
        return f"{bad} is no text in {error.encoding}; rename the file, or set PYTHONUTF8=1"
    return " ".join(str(error).split()) or type(error).__name__


class Failure(click.ClickException):
    """A sentence for stderr, and the exit code."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file=None) -> None:
        """Print it."""
        note(f"Error: {self.message}")


def emit(obj: dict, as_json: bool, text: str) -> None:
    """Print obj as one JSON object, or text, in which what comes from data steers no terminal."""
    _to_stdout(f"{json.dumps(obj, allow_nan=False) if as_json else _shown(text, sys.stdout)}\n")


def emit_data(text: str) -> None:
    """Print the text of a file: as it is and in UTF-8, except to a terminal."""
    _to_stdout(_shown(text, sys.stdout) if sys.stdout.isatty() else text.encode("utf-8"))


def note(text: str) -> None:
    """A line for people, on stderr, so that stdout holds results only.

    Work goes on where stderr can't be written.
    """
    with suppress(OSError):
        click.echo(_shown(text, sys.stderr), err=True)


def _shown(text, stream):
    return printable(text, getattr(stream, "encoding", None))


def _to_stdout(content: str | bytes) -> None:
    try:
        click.echo(content, nl=False)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # else Python would try once more at its end
        os.close(nowhere)
        raise SystemExit(CLOSED) from None


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
        from ..runtime.threads import check_threads, cores, workers

        if check_threads(threads) and threads > cores():
            note(f"note: --threads {threads} on {cores()} core(s) is slower than fewer")
        with workers(threads):
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
